/** `iptables -S`, a line for each policy, chain and rule: whether that chain drops what nothing in it decides. Pure. */
export function dropsInChain(lines: readonly string[], chain: string): boolean {
  return lines.includes(`-P ${chain} DROP`)
    ? endsIn(lines, chain, new Set()) !== 'accept'
    : endsIn(lines, chain, new Set()) === 'drop'
}

function endsIn(
  lines: readonly string[],
  chain: string,
  seen: ReadonlySet<string>,
): 'drop' | 'accept' | 'next' {
  for (const line of lines) {
    // A rule without any condition has nothing between its chain and its target.
    const [, how, target = ''] =
      new RegExp(`^-A ${escaped(chain)} -([jg]) (\\S+)( --reject-with \\S+)?$`).exec(line) ?? []
    if (how === undefined) continue
    if (target === 'DROP' || target === 'REJECT') return 'drop'
    if (target === 'ACCEPT') return 'accept'
    if (target === 'RETURN') return 'next'
    if (seen.has(target)) continue
    const inner = endsIn(lines, target, new Set([...seen, target]))
    if (inner !== 'next' || how === 'g') return inner
  }
  return 'next'
}

export const hasChain = (lines: readonly string[], pattern: RegExp): boolean =>
  lines.some((line) => line.startsWith('-N ') && pattern.test(line.slice(3)))

const escaped = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')
