import { ownTable } from '../../../host/rule-names.ts'
import { ruleDigest } from '../../../host/rule-digest.ts'
import type { RuleOwner, RuleSet } from '../../../host/rules.ts'
import { ofFamily, reach, untranslated } from './check.ts'
import { facts, header } from './header.ts'

/**
 * The rules as a file for `nft -f`, which replaces the whole table in one transaction: a table that is not there is
 * made first, so that deleting it never fails. What other tables drop stays dropped; what this one drops nobody else
 * can accept. The rules of `about` are reached from nowhere: their comments tell whose the table is. Pure.
 */
export function renderNftables(rules: RuleSet): string {
  const table = `table inet ${ownTable(rules)}`
  const bridge = `"${rules.bridge}"`
  const chain = (name: string, lines: readonly string[]): string =>
    [`\tchain ${name} {`, ...lines.map((line) => `\t\t${line}`), '\t}'].join('\n')
  const chains = [
    chain('about', [
      `return comment "project ${rules.project}"`,
      `return comment "network ${rules.network}"`,
      `return comment "digest ${ruleDigest(rules)}"`,
    ]),
    chain('forward', [
      'type filter hook forward priority filter; policy accept;',
      `iifname ${bridge} oifname ${bridge} accept`,
      `iifname ${bridge} jump outward`,
      `oifname ${bridge} jump inward`,
    ]),
    chain('outward', ['ct state established,related accept', ...outward(rules), 'drop']),
    chain('inward', ['ct state established,related accept', ...inward(rules), 'drop']),
    ...(rules.masquerade
      ? [
          chain('postrouting', [
            'type nat hook postrouting priority srcnat; policy accept;',
            ...masquerade(rules),
          ]),
        ]
      : []),
  ]
  return [
    header(rules, [tableFact(rules)]),
    table,
    `delete ${table}`,
    `${table} {`,
    chains.join('\n\n'),
    '}',
    '',
  ].join('\n')
}

const families = [
  [4, 'ip'],
  [6, 'ip6'],
] as const

const outward = ({ subnets, outside, to }: RuleSet): readonly string[] =>
  families.flatMap(([family, ip]) =>
    ofFamily(subnets, family).flatMap((subnet) => {
      const way = `${outside === undefined ? '' : `oifname "${outside}" `}${ip} saddr ${subnet}`
      const blocks = reach(to, family)
      return blocks === 'all'
        ? [`${way} accept`]
        : blocks.map((block) => `${way} ${ip} daddr ${block} accept`)
    }),
  )

const inward = ({ subnets, outside, from }: RuleSet): readonly string[] =>
  families.flatMap(([family, ip]) =>
    ofFamily(subnets, family).flatMap((subnet) => {
      const way = outside === undefined ? '' : `iifname "${outside}" `
      return ofFamily(from, family).map((block) => `${way}${ip} saddr ${block} ${ip} daddr ${subnet} accept`)
    }),
  )

const masquerade = ({ bridge, subnets, outside }: RuleSet): readonly string[] =>
  families.flatMap(([family, ip]) =>
    ofFamily(subnets, family).flatMap((subnet) => [
      ...[...ofFamily(subnets, family), ...untranslated[family]].map(
        (block) => `${ip} saddr ${subnet} ${ip} daddr ${block} return`,
      ),
      `${ip} saddr ${subnet} oifname ${outside === undefined ? `!= "${bridge}"` : `"${outside}"`} masquerade`,
    ]),
  )

const tableFact = (owner: RuleOwner): string => `table ${ownTable(owner)}`

/** The header of all that rules of that owner may stand in. */
export const nftablesFacts = (owner: RuleOwner): string => facts([tableFact(owner)])
