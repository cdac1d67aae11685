import { canonicalJson, sha256Hex } from '../../lib/hash.ts'
import type { RuleSet } from './rules.ts'

/**
 * SHA-256 (hex) of what a rule set says. The order of its blocks does not count. A driver keeps it with the rules on
 * the host, and the planner compares it with that of the wanted ones.
 */
export const ruleDigest = (rules: RuleSet): string =>
  sha256Hex(
    canonicalJson({
      project: rules.project,
      network: rules.network,
      bridge: rules.bridge,
      subnets: rules.subnets.toSorted(),
      outside: rules.outside,
      masquerade: rules.masquerade,
      to: rules.to.toSorted(),
      from: rules.from.toSorted(),
    }),
  )
