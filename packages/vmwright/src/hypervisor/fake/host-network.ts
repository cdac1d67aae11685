import { isIPv4 } from 'node:net'
import { withoutPrefix } from '../../lib/addresses.ts'
import type { HostInterface, HostNetworkFacts } from '../host/network.ts'
import { type FakeNetwork, type FakeWorld } from './world.ts'

/** What the host's kernel tells of its interfaces: those of the world, and the bridges of networks that run. */
export const interfacesOf = (world: FakeWorld): readonly HostInterface[] => [
  ...world.system.network.interfaces,
  ...running(world).flatMap(({ bridge, mac, addresses }): readonly HostInterface[] =>
    world.system.network.interfaces.some(({ name }) => name === bridge)
      ? []
      : [{ name: bridge, mac, kind: 'bridge', isUp: true, master: undefined, addresses }],
  ),
]

export function networkFacts(world: FakeWorld): HostNetworkFacts {
  const { network } = world.system
  const own = running(world).filter(({ addresses }) => addresses.length > 0)
  return structuredClone({
    interfaces: interfacesOf(world),
    routes: [
      ...network.routes,
      ...own.flatMap(({ subnets, bridge }) =>
        subnets.map((to) => ({ to, via: undefined, interface: bridge })),
      ),
    ],
    dnsListeners: [
      ...network.dnsListeners,
      ...own.flatMap(({ addresses }) =>
        addresses.map((address) => ({ address: withoutPrefix(address), program: 'dnsmasq' })),
      ),
    ],
    firewall: network.firewall,
  })
}

function running(world: FakeWorld) {
  return Object.values(world.networks).flatMap((network) => {
    const { active, bridge, subnets, running } = network
    if (!active || bridge === undefined) return []
    return [{ bridge, mac: running?.mac, subnets, addresses: addressesOf(network) }]
  })
}

/** The host's own addresses on a network; a network that nobody defined has the first of its block. */
function addressesOf({ running, subnets }: FakeNetwork): readonly string[] {
  if (running === undefined)
    return subnets
      .filter((block) => isIPv4(withoutPrefix(block)))
      .map((block) => block.replace(/\d+\//, '1/'))
  return [running.ipv4, running.ipv6].flatMap((block) =>
    block === undefined ? [] : [`${block.address}/${block.prefix}`],
  )
}
