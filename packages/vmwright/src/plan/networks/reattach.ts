import type { PlanBuilder } from '../builder.ts'
import type { HostFacts } from '../plan.ts'
import { isUp, type NetworkDecision } from './decide.ts'

/**
 * Attaches the running machines again that lost one of these networks, or lose it by what is done here; also those of
 * others, because it is our network that went away. A machine that is attached already is left as it is.
 */
export function addReattachments(
  { observed }: HostFacts,
  decisions: readonly NetworkDecision[],
  builder: PlanBuilder,
  steps: ReadonlyMap<string, readonly string[]>,
): void {
  const { host } = observed
  const served = new Map(
    decisions.flatMap(({ kind, result, network: { name } }) =>
      result === undefined ? [] : [[name, losesGuests.has(kind)] as const],
    ),
  )
  for (const vm of observed.vms) {
    if (!isUp(vm.state)) continue
    const ports = vm.interfaces.filter(
      ({ network, mac }) =>
        served.get(network ?? '') === true || (served.has(network ?? '') && vm.detached.includes(mac)),
    )
    const lost = [...new Set(ports.flatMap(({ network }) => network ?? []))]
    if (lost.length === 0) continue
    builder.add(
      'reattach-vm',
      { host },
      { vm: vm.name },
      {
        title: `attach ${vm.name} to ${lost.join(', ')} again`,
        reason: 'its network was away meanwhile',
        detail: vm.name,
        after: lost.flatMap((network) => steps.get(network) ?? []),
      },
    )
  }
}

/** After these, machines that run hang in the air. */
const losesGuests: ReadonlySet<NetworkDecision['kind']> = new Set(['create', 'start', 'restart'])
