import { isReference } from './merge.ts'
import { type Entry, type MapNode, type Node, type Path, pathPartsOf } from './node.ts'

/** `over` laid on `under`: mappings are merged, everything else is replaced. */
export function mergeNodes(under: Node, over: Node): Node {
  if (under.kind !== 'map' || over.kind !== 'map') return over
  if (isReference([...under.entries.keys()]) && isReference([...over.entries.keys()])) return over
  const entries = new Map<string, Entry>(under.entries)
  for (const [key, entry] of over.entries) {
    const below = entries.get(key)
    entries.set(
      key,
      below === undefined ? entry : { key: entry.key, node: mergeNodes(below.node, entry.node) },
    )
  }
  return { kind: 'map', entries, place: over.place }
}

export function withoutKeys(map: MapNode, keys: readonly string[]): MapNode {
  const entries = new Map([...map.entries].filter(([key]) => !keys.includes(key)))
  return { ...map, entries }
}

/** The tree without what is at the paths. Lists remember the positions of the items that stay. */
export function prune(root: Node, paths: readonly Path[]): Node {
  interface Trie {
    readonly below: Map<string, Trie>
    cut: boolean
  }
  const trie: Trie = { below: new Map(), cut: false }
  for (const path of paths) {
    let at = trie
    for (const part of path) {
      const next = at.below.get(String(part)) ?? { below: new Map<string, Trie>(), cut: false }
      at.below.set(String(part), next)
      at = next
    }
    at.cut = true
  }
  const walk = (node: Node, marks: Trie): Node | undefined => {
    if (marks.cut) return undefined
    if (marks.below.size === 0 || node.kind === 'scalar') return node
    const kept = pathPartsOf(node).flatMap(([part, entry]) => {
      const mark = marks.below.get(part)
      const child = mark === undefined ? entry.node : walk(entry.node, mark)
      return child === undefined ? [] : [[part, { key: entry.key, node: child }] as const]
    })
    return node.kind === 'list'
      ? {
          ...node,
          items: kept.map(([, entry]) => entry.node),
          positions: kept.map(([part]) => node.positions?.[Number(part)] ?? Number(part)),
        }
      : { ...node, entries: new Map(kept) }
  }
  return walk(root, trie) ?? { kind: 'map', entries: new Map(), place: root.place }
}
