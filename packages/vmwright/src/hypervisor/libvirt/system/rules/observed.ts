import { ownTable, ownTablePrefix, ruleKey } from '../../../host/rule-names.ts'
import type { ObservedRules, RuleOwner } from '../../../host/rules.ts'
import { parseNft } from '../network/nft-dump.ts'
import type { Sections } from '../sections.ts'
import { factsNamed } from './header.ts'

interface Found extends RuleOwner {
  readonly digest: string
  readonly backend: ObservedRules['backend']
}

interface RulesFile extends Found {
  /** Of iptables: table, chain, target, place. */
  readonly jumps: readonly string[]
}

/**
 * What the output of `readScript` says. Rules are in force when the packet filter has them with all that leads to
 * them; they come back when there is a file of the same digest, and the hook as it should be. Pure.
 */
export function parseObserved(sections: Sections, hook: string): readonly ObservedRules[] {
  const files = filesIn(sections.of('files'))
  const active = [...activeNftables(sections.of('nft')), ...activeIptables(sections, files)]
  const hasHook =
    sections
      .of('hook')
      .map((line) => `${line.slice(1)}\n`)
      .join('') === hook
  const observed = new Map<string, ObservedRules>()
  for (const found of [...files, ...active]) {
    const { project, network, digest, backend } = found
    const isSame = (each: Found): boolean => ruleKey(each) === ruleKey(found) && each.backend === backend
    observed.set(ruleKey(found), {
      project,
      network,
      digest,
      backend,
      active: active.some((each) => isSame(each) && each.digest === digest),
      persistent: hasHook && files.some((each) => isSame(each) && each.digest === digest),
    })
  }
  return [...observed.values()]
}

const keys = ['project', 'network', 'digest'] as const

/** One for each owner and backend. */
function filesIn(lines: readonly string[]): readonly RulesFile[] {
  const starts = lines.flatMap((line, index) => (line.startsWith('file ') ? [index] : []))
  return starts.flatMap((start, index): readonly RulesFile[] => {
    const name = lines[start]?.slice('file '.length) ?? ''
    const text = lines.slice(start + 1, starts[index + 1])
    const [project, network, digest] = keys.map((key) => factsNamed(key, text)[0])
    if (project === undefined || network === undefined || digest === undefined) return []
    // Both families have the same file but for their addresses.
    if (name.endsWith('.ip6tables')) return []
    const backend = name.endsWith('.nft') ? 'nftables' : 'iptables'
    return [{ project, network, digest, backend, jumps: factsNamed('jump', text) }]
  })
}

const activeNftables = (lines: readonly string[]): readonly Found[] =>
  parseNft(lines).flatMap((table): readonly Found[] => {
    if (table.family !== 'inet' || !table.name.startsWith(ownTablePrefix)) return []
    const about = table.blocks.find(({ name }) => name === 'about')?.lines ?? []
    const [project, network, digest] = keys.map((key) =>
      about
        .map((line) => /^return comment "(.*)"$/.exec(line)?.[1])
        .find((text) => text?.startsWith(`${key} `) === true)
        ?.slice(key.length + 1),
    )
    if (project === undefined || network === undefined || digest === undefined) return []
    const found = { project, network, digest, backend: 'nftables' } as const
    // Somebody may have emptied it: then it decides nothing.
    const isWhole = ['forward', 'outward', 'inward'].every((name) =>
      table.blocks.some((block) => block.name === name && block.lines.length > 1),
    )
    return isWhole && table.name === ownTable(found) ? [found] : []
  })

/** With every jump that the file has: others may have emptied the chain that it stood in. */
function activeIptables(sections: Sections, files: readonly RulesFile[]): readonly Found[] {
  const lines = sections.of('iptables')
  const comments = lines.flatMap((line) => {
    const [, chain, key, value] =
      /^mangle -A (\S+) -m comment --comment "(project|network|digest) (.*)"$/.exec(line) ?? []
    return chain === undefined ? [] : [{ chain, key, value }]
  })
  return [...new Set(comments.map(({ chain }) => chain))].flatMap((chain): readonly Found[] => {
    const [project, network, digest] = keys.map(
      (key) => comments.find((comment) => comment.chain === chain && comment.key === key)?.value,
    )
    if (project === undefined || network === undefined || digest === undefined) return []
    const found = { project, network, digest, backend: 'iptables' } as const
    const file = files.find((each) => ruleKey(each) === ruleKey(found) && each.backend === 'iptables')
    const isWhole = (file?.jumps ?? []).every((jump) => {
      const [table, from, to] = jump.split(' ')
      return lines.includes(`${table} -A ${from} -j ${to}`)
    })
    return isWhole ? [found] : []
  })
}
