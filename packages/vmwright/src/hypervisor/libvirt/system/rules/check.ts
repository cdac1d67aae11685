import { isIPv4, isIPv6 } from 'node:net'
import { ProvisionError } from '../../../../lib/errors.ts'
import type { RuleSet } from '../../../host/rules.ts'

/** Letters and signs that neither `nft` nor `iptables` gives a meaning (`+` and `*` at the end are patterns). */
const interfaceName = /^[A-Za-z0-9_.@:-]{1,15}$/
/** As they can stand in a comment of a rule. */
const isOwnerName = (name: string): boolean => /^[^"\\\p{Cc}]+$/u.test(name) && Buffer.byteLength(name) <= 100

/**
 * Nothing of a rule set can become another rule, whoever made it. Throws `network.rules-failed` for a name or an
 * address that has no place in one.
 */
export function checkRules(rules: RuleSet): void {
  const wrong = [
    ...[rules.project, rules.network].filter((name) => !isOwnerName(name)),
    ...[rules.bridge, rules.outside ?? 'any'].filter((name) => !interfaceName.test(name)),
    ...[...rules.subnets, ...rules.to, ...rules.from].filter((block) => !isBlock(block)),
  ]
  if (wrong.length === 0) return
  throw new ProvisionError('network.rules-failed', {
    message: `There can be no rules for network ${rules.network} with ${wrong.map((each) => JSON.stringify(each)).join(', ')}.`,
    hint: 'Give interfaces as names of at most 15 characters, and addresses as CIDR blocks.',
    details: { network: rules.network, wrong },
  })
}

function isBlock(block: string): boolean {
  const [, address = '', length = ''] = /^([^/%]+)\/(\d{1,3})$/.exec(block) ?? []
  return (isIPv4(address) && Number(length) <= 32) || (isIPv6(address) && Number(length) <= 128)
}

/** Those of one family. */
export const ofFamily = (blocks: readonly string[], family: 4 | 6): readonly string[] =>
  blocks.filter((block) => block.includes(':') === (family === 6))

/** Whom guests may reach, or who may reach them, in one family: `all`, or these blocks. */
export const reach = (blocks: readonly string[], family: 4 | 6): readonly string[] | 'all' =>
  blocks.length === 0 ? 'all' : ofFamily(blocks, family)

/** Destinations that are never translated: of this link alone (224.0.0.0/24, ff00::/8), and everybody. */
export const untranslated: Readonly<Record<4 | 6, readonly string[]>> = {
  4: ['224.0.0.0/4', '255.255.255.255/32'],
  6: ['ff00::/8', 'fe80::/10'],
}
