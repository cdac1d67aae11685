import { Document, Pair, Scalar, YAMLMap, YAMLSeq } from 'yaml'
import { plainLine } from '../spec/ansible/value.ts'

/** Data of the new spec. */
export type Plain = string | number | boolean | readonly Plain[] | { readonly [key: string]: Plain }

/** Keys, and positions in lists. */
export type DraftPath = readonly (string | number)[]

type Draft = Comments &
  (
    | { readonly kind: 'map'; readonly entries: Map<string, Draft> }
    | { readonly kind: 'list'; readonly items: Draft[] }
    | { readonly kind: 'value'; readonly value: Plain }
    /** Only a comment in the place of a value. */
    | { readonly kind: 'blank' }
  )

interface Comments {
  readonly before: string[]
  beside: string | undefined
}

const topLevel = [
  'version',
  'project',
  'hosts',
  'images',
  'templates',
  'cloning',
  'networks',
  'pools',
  'imagePolicy',
  'lifecycle',
  'budget',
  'defaults',
  'instances',
  'matrix',
]

/**
 * The spec while it is put together: values at paths, each with where it came from. What was set first at a path
 * comes first in the text; setting a path again replaces the value in its place.
 */
export class SpecDraft {
  readonly #root: Extract<Draft, { kind: 'map' }> = { kind: 'map', entries: new Map(), ...noComments() }

  constructor(project: string) {
    this.set(['version'], 1)
    this.set(['project'], project, 'part of the mark of all that is made: choose it before the first apply')
  }

  /** `${` in a text is written so that it does not become a variable of the spec. */
  set(path: DraftPath, value: Plain, comment?: string): void {
    const { before } = this.#find(path) ?? noComments()
    this.#put(path, { kind: 'value', value: escaped(value), before, beside: comment && plainLine(comment) })
  }

  /** The place of a value that is missing: a comment `QUESTION …`, unless there is a value already. */
  question(path: DraftPath, text: string): void {
    this.remark(path, `QUESTION ${String(path.at(-1))}: ${text}`)
  }

  /** A comment line above the value, whether there is one yet or not. */
  remark(path: DraftPath, text: string): void {
    const node = this.#find(path) ?? { kind: 'blank', ...noComments() }
    if (!node.before.includes(plainLine(text))) node.before.push(plainLine(text))
    this.#put(path, node)
  }

  /** An empty mapping, for an entry that may get no fields. */
  open(path: DraftPath): void {
    const node = this.#find(path)
    if (node === undefined || node.kind === 'blank')
      this.#put(path, { kind: 'map', entries: new Map(), ...(node ?? noComments()) })
  }

  has(path: DraftPath): boolean {
    const node = this.#find(path)
    return node !== undefined && node.kind !== 'blank'
  }

  remove(path: DraftPath): void {
    const parent = this.#find(path.slice(0, -1))
    const last = path.at(-1)
    if (parent?.kind === 'map') parent.entries.delete(String(last))
    // The others keep their positions; a gap is not written.
    else if (parent?.kind === 'list') delete parent.items[Number(last)]
  }

  /** Puts the fields of a mapping behind those of another one. */
  moveFields(from: DraftPath, to: DraftPath): void {
    const node = this.#find(from)
    if (node?.kind !== 'map') return
    for (const [key, field] of node.entries) this.#put([...to, key], field)
    this.remove(from)
  }

  /** Moves what several mappings have in common to one place, fields of fields too. */
  hoist(from: readonly DraftPath[], to: DraftPath, isMeant: (field: string) => boolean = () => true): void {
    const [first, ...others] = from.map((path) => this.#find(path))
    if (first?.kind !== 'map') return
    for (const [key, node] of first.entries) {
      const same = others.map((other) => (other?.kind === 'map' ? other.entries.get(key) : undefined))
      const fields = from.map((path): DraftPath => [...path, key])
      if (!isMeant(key) || same.includes(undefined)) continue
      if (node.kind === 'map') {
        this.hoist(fields, [...to, key])
        for (const field of fields) if (this.isEmpty(field)) this.remove(field)
      } else if (same.every((other) => textOf(other) !== undefined && textOf(other) === textOf(node))) {
        this.#put([...to, key], node)
        for (const field of fields) this.remove(field)
      }
    }
  }

  /** Whether there is a mapping with no other fields than these. */
  hasOnly(path: DraftPath, fields: readonly string[]): boolean {
    const node = this.#find(path)
    return node?.kind === 'map' && [...node.entries.keys()].every((key) => fields.includes(key))
  }

  /** Whether there is a mapping without fields. */
  isEmpty(path: DraftPath): boolean {
    const node = this.#find(path)
    return node?.kind === 'map' && node.entries.size === 0
  }

  /** The text of the spec; the same calls give the same text. `header`: lines of the comment at its top. */
  render(header: readonly string[]): string {
    const entries = [...this.#root.entries].toSorted(([a], [b]) => topLevel.indexOf(a) - topLevel.indexOf(b))
    const document = new Document()
    document.contents = mapOf(new Map(entries)) as unknown as typeof document.contents
    document.commentBefore = header.map(asComment).join('\n')
    return document.toString({ lineWidth: 0, flowCollectionPadding: true })
  }

  #find(path: DraftPath): Draft | undefined {
    let node: Draft | undefined = this.#root
    for (const part of path) node = node === undefined ? undefined : childOf(node, part)
    return node
  }

  #put(path: DraftPath, node: Draft): void {
    let parent: Draft = this.#root
    for (const [index, part] of path.entries()) {
      const isLast = index === path.length - 1
      const known = childOf(parent, part)
      const isOpen = known !== undefined && (known.kind === 'map' || known.kind === 'list')
      const next: Draft = isLast
        ? node
        : isOpen
          ? known
          : typeof path[index + 1] === 'number'
            ? { kind: 'list', items: [], ...commentsOf(known) }
            : { kind: 'map', entries: new Map(), ...commentsOf(known) }
      if (next !== known) {
        if (parent.kind === 'map') parent.entries.set(String(part), next)
        else if (parent.kind === 'list') parent.items[Number(part)] = next
      }
      parent = next
    }
  }
}

/** What a node says, for comparison; `undefined` where a value is missing. */
function textOf(node: Draft | undefined): string | undefined {
  if (node === undefined || node.kind === 'blank') return undefined
  if (node.kind === 'value') return JSON.stringify(node.value)
  const parts = node.kind === 'map' ? [...node.entries] : [...node.items.entries()]
  const texts = parts.map(([key, inner]) => [key, textOf(inner)] as const)
  return texts.some(([, text]) => text === undefined) ? undefined : JSON.stringify(texts)
}

const noComments = (): Comments => ({ before: [], beside: undefined })
const commentsOf = (node: Draft | undefined): Comments => ({
  before: node?.before ?? [],
  beside: node?.beside,
})

function childOf(node: Draft, part: string | number): Draft | undefined {
  if (node.kind === 'map') return node.entries.get(String(part))
  return node.kind === 'list' ? node.items[Number(part)] : undefined
}

const asComment = (line: string): string => (line === '' ? '' : ` ${plainLine(line)}`)

function escaped(value: Plain): Plain {
  if (typeof value === 'string') return value.replaceAll('${', () => '$${')
  if (typeof value !== 'object') return value
  if (Array.isArray(value)) return (value as readonly Plain[]).map(escaped)
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, escaped(inner)]))
}

function mapOf(entries: ReadonlyMap<string, Draft>): YAMLMap {
  const map = new YAMLMap()
  let waiting: string[] = []
  for (const [name, node] of entries) {
    waiting.push(...node.before)
    if (node.kind === 'blank') continue
    const [value, beside] = yamlOf(node)
    const key = new Scalar(name)
    const above = beside === undefined ? waiting : [...waiting, beside]
    if (above.length > 0) key.commentBefore = above.map(asComment).join('\n')
    waiting = []
    map.items.push(new Pair(key, value))
  }
  if (waiting.length > 0) {
    const text = waiting.map(asComment).join('\n')
    if (map.items.length === 0) map.commentBefore = text
    else map.comment = text
  }
  return map
}

/** The node, and a comment that does not fit beside it. */
function yamlOf(
  node: Exclude<Draft, { kind: 'blank' }>,
): readonly [Scalar | YAMLMap | YAMLSeq, string | undefined] {
  if (node.kind === 'map') return [mapOf(node.entries), node.beside]
  if (node.kind === 'list') {
    const list = new YAMLSeq()
    for (const item of node.items) {
      if (item === undefined || item.kind === 'blank') continue
      const [value, beside] = yamlOf(item)
      const above = [...item.before, ...(beside === undefined ? [] : [beside])]
      if (above.length > 0) value.commentBefore = above.map(asComment).join('\n')
      list.items.push(value)
    }
    return [list, node.beside]
  }
  const value = plainNode(node.value)
  const isBlock = value instanceof Scalar ? String(value.value).includes('\n') : value.flow !== true
  if (isBlock || node.beside === undefined) return [value, node.beside]
  value.comment = asComment(node.beside)
  return [value, undefined]
}

const maxFlow = 72

function plainNode(plain: Plain): Scalar | YAMLMap | YAMLSeq {
  if (typeof plain !== 'object') return new Scalar(plain)
  const isFlow = isShort(plain)
  if (Array.isArray(plain)) {
    const list = new YAMLSeq()
    list.items = (plain as readonly Plain[]).map(plainNode)
    list.flow = isFlow
    return list
  }
  const map = new YAMLMap()
  for (const [key, value] of Object.entries(plain))
    map.items.push(new Pair(new Scalar(key), plainNode(value)))
  map.flow = isFlow
  return map
}

/** Scalars only, on one line. */
const isShort = (plain: Plain): boolean =>
  typeof plain === 'object' &&
  Object.values(plain).every((value) => typeof value !== 'object' && !String(value).includes('\n')) &&
  JSON.stringify(plain).length <= maxFlow
