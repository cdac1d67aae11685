import type { CST } from 'yaml'

export const maxDepth = 50

/**
 * The offset of the first token nested deeper than `maxDepth`, if there is one. The walk keeps its own stack:
 * what comes later recurses, and a file of brackets would exhaust the real one.
 */
export function checkDepth(tokens: readonly CST.Token[]): number | undefined {
  const open: { readonly token: CST.Token; readonly depth: number }[] = tokens.map((token) => ({
    token,
    depth: 0,
  }))
  open.reverse()
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { token, depth } = next
    if (depth > maxDepth) return 'offset' in token ? token.offset : 0
    if (token.type === 'document') {
      if (token.value !== undefined) open.push({ token: token.value, depth })
    } else if ('items' in token) {
      for (const { key, value } of token.items.toReversed()) {
        if (value !== undefined) open.push({ token: value, depth: depth + 1 })
        if (key !== undefined && key !== null) open.push({ token: key, depth: depth + 1 })
      }
    }
  }
  return undefined
}
