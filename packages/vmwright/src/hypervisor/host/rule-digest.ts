import { canonicalJson, sha256Hex } from '../../lib/hash.ts'
import type { RuleSet } from './rules.ts'

/** Changes when the same rule set is rendered into other rules, so that those of earlier versions are applied anew. */
const rendering = 1

/** SHA-256 of what a rule set says, in which the order of its addresses does not matter. Pure. */
export function ruleDigest({
  project,
  network,
  bridge,
  subnets,
  outside,
  masquerade,
  to,
  from,
}: RuleSet): string {
  const sorted = { subnets: subnets.toSorted(), to: to.toSorted(), from: from.toSorted() }
  return sha256Hex(canonicalJson({ rendering, project, network, bridge, outside, masquerade, ...sorted }))
}
