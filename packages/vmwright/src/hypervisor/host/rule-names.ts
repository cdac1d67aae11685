import { sha256Hex } from '../../lib/hash.ts'
import type { RuleOwner } from './rules.ts'

/** Tables of ours begin with it. */
export const ownTablePrefix = 'vmwright-'
/** Chains of ours begin with it. */
export const ownChainPrefix = 'VW-'

/** Short, unique for project and network, and with nothing but letters, digits and `-`. Pure. */
export const ruleKey = ({ project, network }: RuleOwner): string =>
  `${network.replaceAll(/[^A-Za-z0-9]+/g, '-').slice(0, 40)}-${sha256Hex(`${project}\0${network}`).slice(0, 8)}`

/** Of the family `inet`. */
export const ownTable = (owner: RuleOwner): string => `${ownTablePrefix}${ruleKey(owner)}`

/** At most 28 characters, which is all that iptables takes: `VW-FWD-1a2b3c4d5e6f`. */
export const ownChain = (owner: RuleOwner, part: 'FWD' | 'OUT' | 'IN' | 'LET' | 'NAT' | 'HOST'): string =>
  `${ownChainPrefix}${part}-${sha256Hex(`${owner.project}\0${owner.network}`).slice(0, 12)}`
