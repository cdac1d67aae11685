import {
  type Entry,
  entryAt,
  type MapNode,
  type Node,
  type Path,
  placeAround,
  problemAt,
  type Scalar,
} from './node.ts'
import { hintForUnknown } from './nearest.ts'
import type { Problem } from './problem.ts'

type Value = Exclude<Scalar, null>
type Type = 'string' | 'integer' | 'boolean'

/** Values from outside: text from the command line, or typed from a file. The last one of a name wins. */
export interface GivenVariable {
  readonly name: string
  readonly value: Scalar
}

/**
 * Replaces `${name}` in all texts outside `variables`. A text that is exactly one variable takes its type; `$${`
 * is a literal `${`; anything else after `${` that is not a name is left as it stands.
 */
export function expandVariables(
  root: MapNode,
  given: readonly GivenVariable[],
): { readonly root: MapNode; readonly problems: readonly Problem[] } {
  const problems: Problem[] = []
  const values = valuesOf(root, given, problems)
  const entries = new Map<string, Entry>()
  for (const [key, entry] of root.entries) {
    entries.set(
      key,
      key === 'variables' || !usesVariables(entry.node)
        ? entry
        : { ...entry, node: expandNode(entry.node, [key], values, problems) },
    )
  }
  return { root: { ...root, entries }, problems }
}

/** `undefined` stands for a variable whose fault is already told. */
type Values = ReadonlyMap<string, Value | undefined>

function valuesOf(root: MapNode, given: readonly GivenVariable[], problems: Problem[]): Values {
  const values = new Map<string, Value | undefined>()
  const declared = root.entries.get('variables')?.node
  const names = declared?.kind === 'map' ? [...declared.entries.keys()] : []
  for (const { name } of given) {
    if (names.includes(name)) continue
    const place = placeAround(root, ['variables'])
    problems.push(
      problemAt(place, {
        path: ['variables'],
        message: `has no variable ${JSON.stringify(name)}`,
        hint: hintForUnknown(name, names),
      }),
    )
  }
  for (const name of names) {
    const declaration = readDeclaration(root, name)
    const value = given.findLast((variable) => variable.name === name)?.value ?? declaration.fallback
    const typed = value === undefined ? undefined : convert(value, declaration.type)
    if (typed === undefined) {
      const hint = [declaration.description, `Give it with \`--var ${name}=…\`.`]
        .filter((part) => part !== undefined)
        .join('. ')
      problems.push(
        problemAt(placeAround(root, ['variables', name]), {
          path: ['variables', name],
          message: value === undefined ? 'has no value' : `must be ${typeNames[declaration.type]}`,
          hint,
        }),
      )
    }
    values.set(name, typed)
  }
  return values
}

const typeNames = { string: 'a text', integer: 'a whole number', boolean: '`true` or `false`' } as const

interface Declaration {
  readonly type: Type
  readonly fallback: Value | undefined
  readonly description: string | undefined
}

/** Reads leniently: the structure is checked elsewhere. */
function readDeclaration(root: MapNode, name: string): Declaration {
  const scalarAt = (...path: Path): Value | undefined => {
    const node = entryAt(root, ['variables', name, ...path])?.node
    return node?.kind === 'scalar' && node.value !== null ? node.value : undefined
  }
  const fallback = scalarAt() ?? scalarAt('default')
  const named = scalarAt('type')
  const type = named === 'string' || named === 'integer' || named === 'boolean' ? named : typeOf(fallback)
  const description = scalarAt('description')
  return { type, fallback, description: typeof description === 'string' ? description : undefined }
}

const typeOf = (value: Value | undefined): Type =>
  typeof value === 'boolean' ? 'boolean' : typeof value === 'number' ? 'integer' : 'string'

function convert(value: Scalar, type: Type): Value | undefined {
  if (value === null) return undefined
  if (type === 'string') return String(value)
  if (type === 'boolean')
    return value === true || value === 'true'
      ? true
      : value === false || value === 'false'
        ? false
        : undefined
  const number = typeof value === 'string' && /^-?\d{1,15}$/.test(value) ? Number(value) : value
  return typeof number === 'number' && Number.isSafeInteger(number) ? number : undefined
}

/** Most of a large spec uses none, and need not be made anew. */
function usesVariables(node: Node): boolean {
  if (node.kind === 'scalar') return typeof node.value === 'string' && node.value.includes('${')
  if (node.kind === 'list') return node.items.some(usesVariables)
  return [...node.entries.values()].some((entry) => usesVariables(entry.node))
}

function expandNode(node: Node, path: Path, values: Values, problems: Problem[]): Node {
  if (node.kind === 'list') {
    return {
      ...node,
      items: node.items.map((item, index) => expandNode(item, [...path, index], values, problems)),
    }
  }
  if (node.kind === 'map') {
    const entries = new Map<string, Entry>()
    for (const [key, entry] of node.entries) {
      entries.set(key, { ...entry, node: expandNode(entry.node, [...path, key], values, problems) })
    }
    return { ...node, entries }
  }
  if (typeof node.value !== 'string' || !node.value.includes('${')) return node
  const told = new Set<string>()
  const unknown = (name: string): void => {
    if (told.has(name)) return
    told.add(name)
    problems.push(
      problemAt(node.place, {
        path,
        message: `uses the variable \`${name}\`, which is not declared`,
        hint: `Declare it under \`variables\`, or write \`$\${${name}}\` for the text itself. ${hintForUnknown(name, values.keys())}`,
      }),
    )
  }
  const whole = /^\$\{([A-Za-z_][A-Za-z0-9_-]*)\}$/.exec(node.value)?.[1]
  if (whole !== undefined) {
    if (!values.has(whole)) unknown(whole)
    return { ...node, value: values.get(whole) ?? null, unresolved: values.get(whole) === undefined }
  }
  const value = node.value.replaceAll(
    /\$(\$\{)|\$\{([A-Za-z_][A-Za-z0-9_-]*)\}/g,
    (all, escaped: string | undefined, name: string) => {
      if (escaped !== undefined) return escaped
      if (!values.has(name)) unknown(name)
      return String(values.get(name) ?? all)
    },
  )
  return { ...node, value }
}
