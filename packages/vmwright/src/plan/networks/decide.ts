import type { NetworkDefinition, ObservedNetwork } from '../../hypervisor/networks.ts'
import type { ApplyRequest, FieldChange, HostFacts, PlanInput } from '../plan.ts'
import { compareNetwork } from './compare.ts'
import { networkDefinition, type OwnNetwork } from './definition.ts'

/** What is done about one own network on one host. */
export type NetworkDecision = {
  readonly network: OwnNetwork
  readonly wanted: NetworkDefinition
  /** What it runs with once this is done; `undefined`: it does not come to run. */
  readonly result: NetworkDefinition | undefined
  /** Machines that are connected now, whoever made them. */
  readonly connected: readonly string[]
} & (
  | { readonly kind: 'create' }
  | { readonly kind: 'none' }
  /** It is there and not active; `fields` are brought to the spec on the way. */
  | { readonly kind: 'start'; readonly fields: readonly FieldChange[] }
  | {
      readonly kind: 'live'
      /** What can be changed now: the wanted one, but for what is pending. */
      readonly definition: NetworkDefinition
      readonly fields: readonly FieldChange[]
      /** What waits for a restart that nobody asked for. */
      readonly pending: readonly FieldChange[]
    }
  | { readonly kind: 'restart'; readonly fields: readonly FieldChange[] }
  /** Nothing of it may be changed without a restart that nobody asked for. */
  | { readonly kind: 'pending'; readonly pending: readonly FieldChange[] }
  /** One of that name is somebody else's (`undefined`: nobody's). */
  | { readonly kind: 'foreign'; readonly owner: string | undefined }
  /** Ours, under another name than the spec has now. */
  | { readonly kind: 'renamed'; readonly from: string }
)

/** Pure. A restart is decided on only when it was asked for, or nobody is connected. */
export function decideNetwork(
  { spec }: Pick<PlanInput, 'spec'>,
  { observed }: HostFacts,
  network: OwnNetwork,
  request: Pick<ApplyRequest, 'restartNetworks'>,
): NetworkDecision {
  const { id, name } = network
  const wanted = networkDefinition(spec, observed.host, network)
  const connected = observed.vms
    .filter(({ state, interfaces }) => isUp(state) && interfaces.some((nic) => nic.network === name))
    .map((vm) => vm.name)
  const base = { network, wanted, connected, result: wanted }
  const there = observed.networks.find((each) => each.name === name)
  if (there === undefined) {
    const elsewhere = observed.networks.find(
      ({ mark }) => mark?.project === spec.project && mark.network === id,
    )
    if (elsewhere === undefined) return { ...base, kind: 'create' }
    return { ...base, kind: 'renamed', from: elsewhere.name, result: undefined }
  }
  if (there.mark?.project !== spec.project || there.mark.network !== id)
    return { ...base, kind: 'foreign', owner: there.mark?.project, result: undefined }

  const { live, restart } = compareNetwork(wanted, there)
  if (!there.active) return { ...base, kind: 'start', fields: [...restart, ...live] }
  if (restart.length === 0)
    return live.length === 0
      ? { ...base, kind: 'none' }
      : { ...base, kind: 'live', definition: wanted, fields: live, pending: [] }
  if (connected.length === 0 || request.restartNetworks.has(id) || request.restartNetworks.has(name))
    return { ...base, kind: 'restart', fields: [...restart, ...live] }
  return { ...base, ...withoutRestart(wanted, there, live, restart) }
}

/** Reservations belong to the addresses of their network: while these stay, all else has to. */
function withoutRestart(
  wanted: NetworkDefinition,
  { definition, running }: ObservedNetwork,
  live: readonly FieldChange[],
  pending: readonly FieldChange[],
) {
  const current = running ?? definition
  const movesAddresses = pending.some(({ field }) => ['ipv4', 'ipv6', 'definition'].includes(field))
  if (current === undefined || movesAddresses || live.length === 0)
    return { kind: 'pending', pending: [...pending, ...live], result: current } as const
  const { reservations, records, autostart } = wanted
  const between = { ...current, reservations, records, autostart }
  return { kind: 'live', definition: between, fields: live, pending, result: between } as const
}

export const isUp = (state: string): boolean => state === 'running' || state === 'paused'
