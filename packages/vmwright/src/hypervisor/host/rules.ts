import type { Progress } from '../../lib/progress.ts'

/** Forwarding and address translation between own networks and the outside (K6), in a table or chains of our own. */
export interface HostRules {
  /** What is in force, by owner. No mutation. */
  read(progress: Progress): Promise<readonly ObservedRules[]>
  /**
   * Puts the rules into force as one, now and whenever their network starts (after a restart of libvirt or of the
   * host). May be repeated. Throws `host.tool-missing`, `network.rules-failed`.
   */
  apply(progress: Progress, rules: RuleSet): Promise<void>
  /** Removes all rules and files of that owner, and what they stood in when nothing else is in it. May be repeated. */
  remove(progress: Progress, owner: RuleOwner): Promise<void>
}

export interface RuleOwner {
  readonly project: string
  /** Name of the network on the host. */
  readonly network: string
}

export interface RuleSet extends RuleOwner {
  readonly bridge: string
  /** CIDR blocks of the network. */
  readonly subnets: readonly string[]
  /** Interface to the outside; `undefined`: every one but the bridge. */
  readonly outside: string | undefined
  /** Guests go out under the host's address. */
  readonly masquerade: boolean
  /** Where guests may go; empty: everywhere. */
  readonly to: readonly string[]
  /** Who may begin connections to guests, as CIDR blocks; empty: nobody. */
  readonly from: readonly string[]
}

export interface ObservedRules extends RuleOwner {
  /** SHA-256 of the rule set that was applied, as `ruleDigest` makes it. */
  readonly digest: string
  readonly backend: 'nftables' | 'iptables'
  /** In force now. */
  readonly active: boolean
  /** They come back when the network starts. */
  readonly persistent: boolean
}
