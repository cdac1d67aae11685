/** A chain, set or other object of a table, as `nft list ruleset` writes it. */
export interface NftBlock {
  readonly family: string
  readonly table: string
  /** `chain`, `set`, `map`, `ct helper`, … */
  readonly kind: string
  readonly name: string
  /** Without indentation; the first of a base chain tells its hook and policy. */
  readonly lines: readonly string[]
}

export interface NftTable {
  readonly family: string
  readonly name: string
  readonly blocks: readonly NftBlock[]
}

/** `nft -s list ruleset`. What a block has over several lines (sets) stays several lines. Pure. */
export function parseNft(lines: readonly string[]): readonly NftTable[] {
  const tables: { family: string; name: string; blocks: NftBlock[] }[] = []
  let block: (NftBlock & { lines: string[] }) | undefined
  for (const line of lines) {
    const table = tables.at(-1)
    const [, family, name] = /^table (\S+) (\S+) \{/.exec(line) ?? []
    const [, kind, own] = /^\t([a-z ]+?) (\S+) \{$/.exec(line) ?? []
    if (family !== undefined && name !== undefined) tables.push({ family, name, blocks: [] })
    else if (block === undefined && table !== undefined && kind !== undefined && own !== undefined) {
      block = { family: table.family, table: table.name, kind, name: own, lines: [] }
      table.blocks.push(block)
    } else if (line === '\t}' || line === '}') block = undefined
    else block?.lines.push(line.trim())
  }
  return tables
}

/** Tables that `iptables` of the nft kind keeps; they are to be changed by it alone. */
export const isOfIptables = ({ family, name, blocks }: NftTable): boolean =>
  ['ip', 'ip6'].includes(family) &&
  ['filter', 'nat', 'mangle', 'raw', 'security'].includes(name) &&
  blocks.every(({ kind }) => kind === 'chain')

/** A base chain of that hook ends with a drop or a reject for whatever nothing before it has decided. */
export const dropsAt = (table: NftTable, hook: 'forward' | 'input'): boolean =>
  table.blocks.some(({ lines: [head = '', ...rules], kind, name }) => {
    if (kind !== 'chain' || !head.startsWith(`type filter hook ${hook} `)) return false
    return head.includes('policy drop') || endsIn(table, rules, new Set([name])) === 'drop'
  })

/** What becomes of a packet that no conditional rule of these decides. */
function endsIn(
  table: NftTable,
  rules: readonly string[],
  seen: ReadonlySet<string>,
): 'drop' | 'accept' | 'next' {
  for (const rule of rules) {
    const verdict = rule.replace(/^counter (packets \d+ bytes \d+ )?/, '').replace(/ comment ".*"$/, '')
    if (verdict === 'drop' || /^reject( with [\w -]+)?$/.test(verdict)) return 'drop'
    if (verdict === 'accept') return 'accept'
    if (verdict === 'return') return 'next'
    const [, how, target = ''] = /^(jump|goto) (\S+)$/.exec(verdict) ?? []
    const chain = table.blocks.find(({ kind, name }) => kind === 'chain' && name === target)
    if (how === undefined || chain === undefined || seen.has(target)) continue
    const inner = endsIn(table, chain.lines, new Set([...seen, target]))
    if (inner !== 'next' || how === 'goto') return inner
  }
  return 'next'
}
