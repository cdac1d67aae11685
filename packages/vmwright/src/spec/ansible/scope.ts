import { evaluateTemplate, isTemplate } from './jinja.ts'
import { entriesOf, isSecretName, type Value } from './value.ts'

/** Variables as an expression sees them: resolved when asked for. Never throws. */
export interface Scope {
  /** All that are set, in the order of the files. */
  readonly names: readonly string[]
  /** As written, expressions not resolved; only for its place and kind. */
  written(name: string): Value | undefined
  /** Resolved. `undefined`: not set, or `default(omit)`. Counts as used. */
  get(name: string): Value | undefined
  /** Resolves expressions in a value of one of the files. */
  resolve(value: Value): Value
  /** Names that were asked for, by `get` or by an expression. */
  readonly used: ReadonlySet<string>
}

const maxCharacters = 1024 * 1024
const maxDepth = 50

/**
 * A scope over merged variables. An expression that refers to itself, by whatever way, or goes too deep, is a
 * question. Texts under names that tell of a secret become `secret`, so that they are in no result.
 */
export function scopeOf(variables: ReadonlyMap<string, Value>): Scope {
  const resolved = new Map<string, Value>()
  const running = new Set<string>()
  const used = new Set<string>()
  const budget = { characters: maxCharacters }
  let depth = 0

  function find(name: string): Value | undefined {
    const done = resolved.get(name)
    used.add(name)
    if (done !== undefined) return done
    const written = variables.get(name)
    if (written === undefined) return undefined
    if (running.has(name) || running.size >= maxDepth) {
      const why = running.has(name) ? `\`${name}\` refers to itself` : 'references that go too deep'
      return { kind: 'question', text: '', why, place: written.place }
    }
    running.add(name)
    const value = hidden(name, resolve(written))
    running.delete(name)
    // Questions too: to try them again at each use would take time that doubles with each level.
    resolved.set(name, value)
    return value
  }

  function resolve(value: Value): Value {
    if (++depth > maxDepth * 4) {
      depth--
      return { kind: 'question', text: '', why: 'references that go too deep', place: value.place }
    }
    try {
      switch (value.kind) {
        case 'scalar':
          if (typeof value.value !== 'string' || value.literal === true || !isTemplate(value.value))
            return clean(value)
          return clean(evaluateTemplate(value.value, value.place, { find, budget }))
        case 'list':
          return { ...value, items: value.items.map(resolve).filter((item) => item.kind !== 'omit') }
        case 'map': {
          const entries = [...value.entries].map(
            ([key, inner]) => [key, hidden(key, resolve(inner))] as const,
          )
          return { ...value, entries: new Map(entries.filter(([, inner]) => inner.kind !== 'omit')) }
        }
        default:
          return value
      }
    } finally {
      depth--
    }
  }

  return {
    names: [...variables.keys()],
    written: (name) => variables.get(name),
    get(name) {
      const value = find(name)
      return value?.kind === 'omit' ? undefined : value
    },
    resolve,
    used,
  }
}

/** A value in clear is dropped here and goes no further; an empty one is no secret. */
function hidden(name: string, value: Value): Value {
  if (!isSecretName(name)) return value
  if (value.kind === 'scalar')
    return value.value === null || value.value === '' || typeof value.value === 'boolean'
      ? value
      : { kind: 'secret', place: value.place }
  return value.kind === 'map' || value.kind === 'list' ? { kind: 'secret', place: value.place } : value
}

/** A URL with a password in it is a secret as a whole. */
const clean = (value: Value): Value =>
  value.kind === 'scalar' && typeof value.value === 'string' && /:\/\/[^\s/:@]*:[^\s/@]+@/.test(value.value)
    ? { kind: 'secret', place: value.place }
    : value

/** The variables of several mappings, a later one winning as a whole, as Ansible does. */
export function mergeVariables(maps: readonly (Value | undefined)[]): ReadonlyMap<string, Value> {
  const merged = new Map<string, Value>()
  for (const map of maps) for (const [name, value] of entriesOf(map)) merged.set(name, value)
  return merged
}
