import { pathText, type Problem } from './problem.ts'

/** A text that was read: what its offsets mean. */
export interface Source {
  /** As shown in messages. */
  readonly file: string
  /** Absolute folder of the file; relative paths in it start there. */
  readonly folder: string
  /** Offset of the first character of each line. */
  readonly lineStarts: readonly number[]
}

export interface Place {
  readonly source: Source
  readonly offset: number
}

export type Scalar = string | number | boolean | null

/** A YAML value that still knows where it stands. Immutable, so that aliases may share it. */
export type Node = { readonly place: Place } &
  /** `unresolved`: its variable has no value, which is already told. */
  (
    | { readonly kind: 'scalar'; readonly value: Scalar; readonly unresolved?: boolean }
    /** `positions`: where each item stood before faulty ones were taken out. */
    | { readonly kind: 'list'; readonly items: readonly Node[]; readonly positions?: readonly number[] }
    | { readonly kind: 'map'; readonly entries: ReadonlyMap<string, Entry> }
  )
export type MapNode = Extract<Node, { kind: 'map' }>

export interface Entry {
  readonly key: Place
  readonly node: Node
}

export type Path = readonly PropertyKey[]

/** Plain data, without places. No key is `__proto__`: the reader refuses it. */
export function toValue(node: Node): unknown {
  if (node.kind === 'scalar') return node.value
  if (node.kind === 'list') return node.items.map(toValue)
  const value: Record<string, unknown> = {}
  for (const [key, entry] of node.entries) value[key] = toValue(entry.node)
  return value
}

/** The child of that key or position, with the place of its key (of itself in a list). */
export function childOf(node: Node, part: PropertyKey): Entry | undefined {
  if (node.kind === 'map') return node.entries.get(String(part))
  if (node.kind !== 'list' || typeof part !== 'number') return undefined
  const item = node.items[part]
  return item === undefined ? undefined : { key: item.place, node: item }
}

/** The entry at a path; `undefined` when there is nothing. */
export function entryAt(root: Node, path: Path): Entry | undefined {
  let entry: Entry | undefined = { key: root.place, node: root }
  for (const part of path) entry = entry === undefined ? undefined : childOf(entry.node, part)
  return entry
}

/** The path with list positions as they are in the text. */
export function writtenPath(root: Node, path: Path): Path {
  return path.map((part, index) => {
    const list = typeof part === 'number' ? entryAt(root, path.slice(0, index))?.node : undefined
    return list?.kind === 'list' && typeof part === 'number' ? (list.positions?.[part] ?? part) : part
  })
}

/** The place of the key of what is at the path or, when there is nothing, of the nearest thing around it. */
export function placeAround(root: Node, path: Path): Place {
  for (let length = path.length; length >= 0; length--) {
    const entry = entryAt(root, path.slice(0, length))
    if (entry !== undefined) return entry.key
  }
  return root.place
}

export function lineAndColumn({ source, offset }: Place): { readonly line: number; readonly column: number } {
  let low = 0
  let high = source.lineStarts.length - 1
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if ((source.lineStarts[middle] ?? 0) <= offset) low = middle
    else high = middle - 1
  }
  return { line: low + 1, column: offset - (source.lineStarts[low] ?? 0) + 1 }
}

export interface Finding {
  readonly path?: Path
  readonly message: string
  readonly hint?: string | undefined
  readonly severity?: 'error' | 'warning'
}

export const problemAt = (place: Place, finding: Finding): Problem => ({
  file: place.source.file,
  ...lineAndColumn(place),
  path: pathText(finding.path ?? []),
  message: finding.message,
  ...(finding.hint === undefined || finding.hint === '' ? {} : { hint: finding.hint }),
  severity: finding.severity ?? 'error',
})

/** The children of a list or mapping with their names. */
export function pathPartsOf(node: Node): readonly (readonly [string, Entry])[] {
  if (node.kind === 'map') return [...node.entries]
  if (node.kind === 'list')
    return node.items.map((item, index) => [String(index), { key: item.place, node: item }])
  return []
}
