import { ruleDigest } from '../../hypervisor/host/rule-digest.ts'
import type { RuleSet } from '../../hypervisor/host/rules.ts'
import type { NetworkDefinition } from '../../hypervisor/networks.ts'
import type { FieldChange, HostFacts } from '../plan.ts'
import type { NetworkDecision } from './decide.ts'
import { blocksOf, type OwnNetwork } from './definition.ts'

/** What is done about the rules of one network. */
export type RuleDecision =
  | { readonly kind: 'none' }
  | {
      readonly kind: 'apply'
      readonly rules: RuleSet
      readonly action: 'create' | 'update'
      readonly reason: string
      readonly fields: readonly FieldChange[]
    }
  | { readonly kind: 'remove' }

/**
 * Rules belong to the network as it will run, not as the spec has it: while a change of mode or addresses waits for a
 * restart, the rules that it runs with stay. They move when another packet filter of the host has the last word.
 */
export function decideRules(
  { rules: observed, network: seen }: Pick<HostFacts, 'rules' | 'network'>,
  { network: { name, own }, result, wanted }: Pick<NetworkDecision, 'network' | 'result' | 'wanted'>,
): RuleDecision {
  const there = observed.find((each) => each.network === name && each.project === wanted.mark.project)
  if (result === undefined) return { kind: 'none' }
  const rules = ruleSet({ name, own }, result)
  if (rules === undefined) {
    const isPending = result.mode === 'open' && wanted.mode !== 'open'
    return there === undefined || isPending ? { kind: 'none' } : { kind: 'remove' }
  }
  const apply = (action: 'create' | 'update', reason: string, fields: readonly FieldChange[] = []) =>
    ({ kind: 'apply', rules, action, reason, fields }) as const
  const digest = ruleDigest(rules)
  if (there === undefined) return apply('create', 'they are not there')
  if (there.digest !== digest) {
    const [from, to] = [there.digest.slice(0, 12), digest.slice(0, 12)]
    return apply('update', 'the spec says otherwise', [{ field: 'rules', from, to, how: 'in-place' }])
  }
  const backend = seen?.firewall.backend ?? 'none'
  if (backend !== 'none' && backend !== there.backend)
    return apply('update', `they stand in ${there.backend}, and have effect in ${backend} alone`)
  if (!there.active) return apply('update', 'they are not in force')
  return there.persistent
    ? { kind: 'none' }
    : apply('update', 'they would not come back when the network starts')
}

/** The rules of a network with `forwarding`, where the hypervisor sets none of its own; `undefined`: it has none. */
export function ruleSet(
  { name, own }: Pick<OwnNetwork, 'name' | 'own'>,
  network: NetworkDefinition,
): RuleSet | undefined {
  const { forwarding } = own
  if (forwarding === undefined || network.mode !== 'open' || network.bridge === undefined) return undefined
  const { outside, masquerade, to, from } = forwarding
  return {
    project: network.mark.project,
    network: name,
    bridge: network.bridge,
    subnets: blocksOf(network),
    outside: outside ?? own.interface,
    masquerade,
    to,
    from,
  }
}
