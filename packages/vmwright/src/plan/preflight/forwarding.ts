import { letThrough } from '../../hypervisor/host/let-through.ts'
import type { HostFirewall } from '../../hypervisor/host/network.ts'
import type { RuleSet } from '../../hypervisor/host/rules.ts'
import type { NetworkDecision } from '../networks/decide.ts'
import { decideRules } from '../networks/rules.ts'
import type { Finding, HostFacts } from '../plan.ts'
import { finding, list } from './finding.ts'

/** What keeps the forwarding rules of a network from being set, or from letting anything through (K6). */
export function forwardingFindings(facts: HostFacts, decided: NetworkDecision): readonly Finding[] {
  const { can, network: seen, spec } = facts
  const { id, name, own } = decided.network
  if (own.forwarding === undefined) return []
  const host = `host ${spec.name}`
  if (can.noShell !== undefined)
    return [
      finding(
        'error',
        'host.no-shell',
        host,
        `No command can be run on ${spec.name} (${can.noShell}), which the forwarding rules of the network ${name} need.`,
        `Leave \`forwarding\` of the network \`${id}\` out: then the hypervisor sets its own rules.`,
      ),
    ]
  if (seen === undefined) return []
  if (seen.firewall.backend === 'none')
    return [
      finding(
        'error',
        'host.tool-missing',
        host,
        `Neither nft nor iptables is on the host, so the forwarding rules of the network ${name} cannot be set.`,
        'Install nftables there (`vmwright host prepare` does it), or leave `forwarding` out.',
      ),
    ]
  const decision = decideRules(facts, decided)
  if (decision.kind !== 'apply') return []
  const missing = own.forwarding.outside
  return [
    ...(missing === undefined || seen.interfaces.some((each) => each.name === missing)
      ? []
      : [
          finding(
            'warning',
            'network.not-found',
            host,
            `There is no interface ${missing} on the host now, which \`forwarding.outside\` of the network ${name} names.`,
            `Interfaces of the host: ${list(seen.interfaces.map((each) => each.name))}.`,
          ),
        ]),
    ...blockerFindings(host, decision.rules, seen.firewall),
  ]
}

/**
 * A packet passes only when every chain lets it: an accept in a table of our own does not undo a drop in somebody
 * else's (nft(8), "accept"). Where the driver cannot get ahead of it, what others drop has to be allowed in their own
 * words.
 */
const blockerFindings = (host: string, rules: RuleSet, firewall: HostFirewall): readonly Finding[] =>
  letThrough(firewall, rules).map(({ reason, commands }) =>
    finding(
      'warning',
      'network.rules-failed',
      host,
      `The forwarding rules of the network ${rules.network} may not have effect: ${reason}`,
      commands.length > 0
        ? `Allow it there, on the host: ${commands.join(' && ')}`
        : 'Look for the chain on the host: nft list ruleset | grep -A3 "hook forward"',
    ),
  )
