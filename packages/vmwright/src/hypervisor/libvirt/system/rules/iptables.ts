import { ownChain } from '../../../host/rule-names.ts'
import { ruleDigest } from '../../../host/rule-digest.ts'
import type { RuleOwner, RuleSet } from '../../../host/rules.ts'
import { ofFamily, reach, untranslated } from './check.ts'
import { facts, header } from './header.ts'

/**
 * The rules of one family as a file for `iptables-restore --noflush`, which replaces our chains, all of a table at
 * once. Unlike in nftables an accept is final here, so that an accept of one network would overrule the drop of
 * another one: what is not allowed is dropped in `mangle`, which comes before `filter`, and in `filter` all that is
 * left is let through, after whatever others say of it and before their last drop. The host answers DHCP and DNS
 * there too, which libvirt sees to only for networks with rules of its own. Pure.
 */
export function renderIptables(rules: RuleSet, family: 4 | 6): string {
  const { bridge } = rules
  const { forward, outward, inward, through, host, nat } = chainsOf(rules)
  const established = '-m conntrack --ctstate RELATED,ESTABLISHED'
  const lines: Readonly<Record<TableName, readonly string[]>> = {
    mangle: [
      `-A ${forward} -m comment --comment "project ${rules.project}"`,
      `-A ${forward} -m comment --comment "network ${rules.network}"`,
      `-A ${forward} -m comment --comment "digest ${ruleDigest(rules)}"`,
      `-A ${forward} -i ${bridge} -o ${bridge} -j RETURN`,
      `-A ${forward} -i ${bridge} -j ${outward}`,
      `-A ${forward} -o ${bridge} -j ${inward}`,
      `-A ${outward} ${established} -j RETURN`,
      ...allowedOut(rules, family).map((match) => `-A ${outward} ${match} -j RETURN`),
      `-A ${outward} -j DROP`,
      `-A ${inward} ${established} -j RETURN`,
      ...allowedIn(rules, family).map((match) => `-A ${inward} ${match} -j RETURN`),
      `-A ${inward} -j DROP`,
    ],
    filter: [
      `-A ${through} -i ${bridge} -j ACCEPT`,
      `-A ${through} -o ${bridge} -j ACCEPT`,
      ...served[family].map((match) => `-A ${host} -i ${bridge} ${match} -j ACCEPT`),
    ],
    nat: translated(rules, family).map((rest) => `-A ${nat} ${rest}`),
  }
  const tables = tablesOf(rules).filter(({ name }) => lines[name].length > 0)
  const texts = tables.map(({ name, chains }) =>
    [`*${name}`, ...chains.map((chain) => `:${chain} - [0:0]`), ...lines[name], 'COMMIT', ''].join('\n'),
  )
  return [header(rules, factsOf(tables)), ...texts].join('')
}

/** The header of all that rules of that owner may stand in. */
export const iptablesFacts = (owner: RuleOwner): string => facts(factsOf(tablesOf(owner)))

type TableName = 'mangle' | 'filter' | 'nat'

interface Table {
  readonly name: TableName
  readonly chains: readonly string[]
  /** Chain, target, and where in it: `first`, or `last` (before a rule that drops all). */
  readonly jumps: readonly string[]
}

const chainsOf = (owner: RuleOwner) => ({
  forward: ownChain(owner, 'FWD'),
  outward: ownChain(owner, 'OUT'),
  inward: ownChain(owner, 'IN'),
  through: ownChain(owner, 'LET'),
  host: ownChain(owner, 'HOST'),
  nat: ownChain(owner, 'NAT'),
})

function tablesOf(owner: RuleOwner): readonly Table[] {
  const { forward, outward, inward, through, host, nat } = chainsOf(owner)
  return [
    { name: 'mangle', chains: [forward, outward, inward], jumps: [`FORWARD ${forward} first`] },
    { name: 'filter', chains: [through, host], jumps: [`FORWARD ${through} last`, `INPUT ${host} last`] },
    { name: 'nat', chains: [nat], jumps: [`POSTROUTING ${nat} last`] },
  ]
}

const factsOf = (tables: readonly Table[]): readonly string[] =>
  tables.flatMap(({ name, chains, jumps }) => [
    ...chains.map((chain) => `chain ${name} ${chain}`),
    ...jumps.map((jump) => `jump ${name} ${jump}`),
  ])

const allowedOut = ({ subnets, outside, to }: RuleSet, family: 4 | 6): readonly string[] =>
  ofFamily(subnets, family).flatMap((subnet) => {
    const way = `${outside === undefined ? '' : `-o ${outside} `}-s ${subnet}`
    const blocks = reach(to, family)
    return blocks === 'all' ? [way] : blocks.map((block) => `${way} -d ${block}`)
  })

const allowedIn = ({ subnets, outside, from }: RuleSet, family: 4 | 6): readonly string[] =>
  ofFamily(subnets, family).flatMap((subnet) => {
    const way = outside === undefined ? '' : `-i ${outside} `
    return ofFamily(from, family).map((block) => `${way}-s ${block} -d ${subnet}`)
  })

const translated = ({ masquerade, bridge, subnets, outside }: RuleSet, family: 4 | 6): readonly string[] =>
  (masquerade ? ofFamily(subnets, family) : []).flatMap((subnet) => [
    ...[...ofFamily(subnets, family), ...untranslated[family]].map(
      (block) => `-s ${subnet} -d ${block} -j RETURN`,
    ),
    `-s ${subnet} ${outside === undefined ? `! -o ${bridge}` : `-o ${outside}`} -j MASQUERADE`,
  ])

/** DHCP and DNS of the network, and what IPv6 needs to find its neighbours. */
const served: Readonly<Record<4 | 6, readonly string[]>> = {
  4: ['-p udp -m udp --dport 67', '-p udp -m udp --dport 53', '-p tcp -m tcp --dport 53'],
  6: ['-p udp -m udp --dport 547', '-p udp -m udp --dport 53', '-p tcp -m tcp --dport 53', '-p ipv6-icmp'],
}
