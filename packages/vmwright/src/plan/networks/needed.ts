import type { ObservedHost } from '../../hypervisor/contract.ts'
import type { InstanceSpec, ResolvedSpec } from '../../spec/resolved.ts'
import { isOwn, type OwnNetwork } from './definition.ts'
import { grouped } from './placed.ts'

/** The networks to make on a host for these instances: those that the ones placed there use. In the order of the spec. */
export function neededNetworks(
  spec: ResolvedSpec,
  host: string,
  instances: readonly InstanceSpec[],
): readonly OwnNetwork[] {
  const used = new Set(
    (grouped(instances).get(host) ?? []).flatMap(({ interfaces }) => interfaces.map((nic) => nic.network)),
  )
  return spec.networks.filter(isOwn).filter(({ id }) => used.has(id))
}

/** Whether a plan to make these instances has to know the interfaces, routes and packet filter of a host. */
export const needsHostNetwork = (
  spec: ResolvedSpec,
  host: string,
  instances: readonly InstanceSpec[],
): boolean => neededNetworks(spec, host, instances).length > 0

/**
 * Whether there may be rules of this project on a host, so that a plan (to make or to remove) has to know them: the
 * spec has a network with rules of our own, or the host has one that bears our mark.
 */
export const needsHostRules = (spec: ResolvedSpec, { networks }: ObservedHost): boolean =>
  spec.networks.some(({ own }) => own?.forwarding !== undefined) ||
  networks.some(({ mark }) => mark?.project === spec.project)
