import type { NetworkDefinition, NetworkMode, Reservation } from '../../hypervisor/networks.ts'
import { normalNetwork } from '../../hypervisor/normal-network.ts'
import { blockOf, isInside, withoutPrefix } from '../../lib/addresses.ts'
import type { InstanceSpec, ResolvedSpec } from '../../spec/resolved.ts'
import type { NetworkSpec, OwnNetworkAddress, OwnNetworkSpec } from '../../spec/resolved-places.ts'
import { instancesOn } from './placed.ts'

/** A network that vmwright makes. */
export type OwnNetwork = NetworkSpec & { readonly own: OwnNetworkSpec }

export const isOwn = (network: NetworkSpec): network is OwnNetwork => network.own !== undefined

/**
 * The network as it is made on one host. Its reservations are those of all instances that the spec has there, named
 * on the command line or not, so that a part of a spec never takes away what the rest needs. Written as drivers
 * observe it. Pure.
 */
export function networkDefinition(
  spec: ResolvedSpec,
  host: string,
  { id, name, own }: OwnNetwork,
): NetworkDefinition {
  const { bridge, mac, mtu, ipv4, ipv6, domain, records, forwarders, autostart } = own
  const mode = modeOf(own)
  return normalNetwork({
    name,
    mark: { project: spec.project, network: id },
    mode,
    bridge,
    mac,
    interface: mode === 'open' || mode === 'isolated' ? undefined : own.interface,
    mtu,
    ipv4,
    ipv6,
    domain,
    records,
    forwarders,
    reservations: reservationsOf(own, id, instancesOn(spec, host)),
    autostart,
  })
}

/** With rules of our own, the hypervisor must set none. */
const modeOf = ({ mode, forwarding }: OwnNetworkSpec): NetworkMode =>
  forwarding !== undefined && (mode === 'nat' || mode === 'routed') ? 'open' : mode

/** The CIDR blocks that a network serves. */
export const blocksOf = (network: Pick<NetworkDefinition, 'ipv4' | 'ipv6'>): readonly string[] =>
  [network.ipv4, network.ipv6].flatMap((each) =>
    each === undefined ? [] : [blockOf(each.address, each.prefix)],
  )

function reservationsOf(
  own: OwnNetworkSpec,
  id: string,
  instances: readonly InstanceSpec[],
): readonly Reservation[] {
  const served = [own.ipv4, own.ipv6].flatMap((each) => (each === undefined ? [] : [servedBy(each)]))
  const found: Reservation[] = []
  for (const { name, interfaces } of instances) {
    for (const nic of interfaces) {
      if (nic.network !== id) continue
      for (const { block, hasDhcp } of served) {
        const addresses = [...nic.leases, ...nic.addresses.map(withoutPrefix)].filter((address) =>
          isInside(address, block),
        )
        // A DHCP server gives one address to a MAC; further ones are names alone.
        for (const [index, address] of [...new Set(addresses)].entries())
          found.push({ mac: hasDhcp && index === 0 ? nic.mac : undefined, name, address })
      }
    }
  }
  return found
}

const servedBy = ({ address, prefix, dhcp }: OwnNetworkAddress) => ({
  block: blockOf(address, prefix),
  hasDhcp: dhcp !== undefined,
})
