import { sha256Hex } from '../../../../lib/hash.ts'
import { ownChainPrefix } from '../../../host/rule-names.ts'
import { parseNft } from '../network/nft-dump.ts'

/**
 * What others set up by themselves as their networks, containers and bans come and go: libvirt's follow from its
 * networks, which are counted themselves.
 */
const byThemselves = /^(LIBVIRT_|libvirt_|DOCKER|docker|KUBE-|kube-|CNI-|cali-|FLANNEL|f2b-)/

/** Of chains that others have too, as rules that lead into a chain of ours, which is counted itself. */
const leadsAway = (rule: string): boolean => {
  const target = /(?:\b(?:jump|goto)|-[jg]) (\S+)/.exec(rule)?.[1] ?? ''
  return byThemselves.test(target) || target.startsWith(ownChainPrefix)
}

/** `nft -s -t list ruleset`: each chain, set and so on with a digest of what is in it. Empty ones do not count. Pure. */
export const nftRules = (lines: readonly string[]): Readonly<Record<string, string>> =>
  Object.fromEntries(
    parseNft(lines)
      .filter(({ name }) => !byThemselves.test(name))
      .flatMap(({ family, name: table, blocks }) =>
        blocks
          .filter(({ name }) => !byThemselves.test(name))
          .flatMap(({ kind, name, lines: all }) => {
            const rules = all.map(withoutCounters).filter((rule) => !leadsAway(rule))
            const isNothing = kind === 'chain' && rules.every((rule) => /^type .* policy accept;$/.test(rule))
            return isNothing ? [] : [[`${family} ${table} ${kind} ${name}`, digest(rules)]]
          }),
      ),
  )

/** `iptables-save`, likewise. Pure. */
export function iptablesRules(tool: string, lines: readonly string[]): Readonly<Record<string, string>> {
  const chains = new Map<string, string[]>()
  let table = ''
  for (const line of lines) {
    const [, opened] = /^\*(\S+)/.exec(line) ?? []
    if (opened !== undefined) table = opened
    const [, declared, policy] = /^:(\S+) (\S+)/.exec(line) ?? []
    const [, chain] = /^-A (\S+) /.exec(line) ?? []
    const name = declared ?? chain
    if (name === undefined || byThemselves.test(name)) continue
    const key = `${tool} ${table} chain ${name}`
    const rules = chains.get(key) ?? []
    chains.set(key, rules)
    if (chain !== undefined && !leadsAway(line)) rules.push(line.replace(/^\[\d+:\d+\] /, ''))
    if (policy !== undefined && !['ACCEPT', '-'].includes(policy)) rules.push(policy)
  }
  return Object.fromEntries(
    [...chains].filter(([, rules]) => rules.length > 0).map(([key, rules]) => [key, digest(rules)]),
  )
}

const withoutCounters = (rule: string): string => rule.replace(/\bcounter packets \d+ bytes \d+/, 'counter')

const digest = (lines: readonly string[]): string => sha256Hex(lines.join('\n')).slice(0, 16)
