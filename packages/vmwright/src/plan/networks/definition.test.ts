import { describe, expect, it } from 'vitest'
import type { NetworkDefinition, ObservedNetwork } from '../../hypervisor/networks.ts'
import type { InstanceSpec, InterfaceSpec } from '../../spec/resolved.ts'
import type { NetworkSpec, OwnNetworkSpec } from '../../spec/resolved-places.ts'
import { hostSpec, instanceSpec, ownNetwork, resolvedSpec } from '../../testing/specs.ts'
import { compareNetwork } from './compare.ts'
import { isOwn, networkDefinition } from './definition.ts'

const nicOf = (name: string): InterfaceSpec => instanceSpec(name).interfaces[0]
const on = (name: string, nic: Partial<InterfaceSpec>, more: Partial<InstanceSpec> = {}): InstanceSpec =>
  instanceSpec(name, { interfaces: [{ ...nicOf(name), network: 'lan', ...nic }], ...more })

const dual: Partial<OwnNetworkSpec> = {
  ipv4: { address: '10.10.0.1', prefix: 24, dhcp: { from: '10.10.0.100', to: '10.10.0.200' } },
  ipv6: { address: 'fd00:10::1', prefix: 64, dhcp: undefined },
}

function definitionOf(network: NetworkSpec, instances: readonly InstanceSpec[] = []): NetworkDefinition {
  const hosts = [hostSpec(), hostSpec({ name: 'far' })]
  const spec = resolvedSpec(instances, { hosts, networks: [network] })
  if (!isOwn(network)) throw new Error('not a network of the spec')
  return networkDefinition(spec, 'fake', network)
}

describe('K4: the definition of a network', () => {
  it('K4: has the leases and static addresses of all its instances on that host, in the order of addresses', () => {
    const { reservations } = definitionOf(ownNetwork('lan', dual), [
      on('web-10', { leases: ['10.10.0.20', 'fd00:10::20'] }),
      on('web-9', { leases: ['10.10.0.9'] }),
      on('static', { dhcp4: false, addresses: ['10.10.0.10/24', 'fd00:10::a/64', '192.0.2.7/24'] }),
      on('dynamic', {}),
      on('elsewhere', { leases: ['10.10.0.30'] }, { host: 'far' }),
      instanceSpec('other-network'),
    ])
    expect(reservations).toEqual([
      { mac: nicOf('web-9').mac, name: 'web-9', address: '10.10.0.9' },
      { mac: nicOf('static').mac, name: 'static', address: '10.10.0.10' },
      { mac: nicOf('web-10').mac, name: 'web-10', address: '10.10.0.20' },
      { mac: undefined, name: 'static', address: 'fd00:10::a' },
      { mac: undefined, name: 'web-10', address: 'fd00:10::20' },
    ])
  })

  it('K4: gives a MAC one address, and names the others', () => {
    const { reservations } = definitionOf(ownNetwork('lan', dual), [
      on('web', { leases: ['10.10.0.5'], addresses: ['10.10.0.6/24', '10.10.0.5/24'] }),
    ])
    expect(reservations.map(({ mac, address }) => [address, mac !== undefined])).toEqual([
      ['10.10.0.5', true],
      ['10.10.0.6', false],
    ])
  })

  it.each<[OwnNetworkSpec['mode'], boolean, string]>([
    ['nat', false, 'nat by eth1'],
    ['routed', false, 'routed by eth1'],
    ['nat', true, 'open'],
    ['routed', true, 'open'],
    ['isolated', false, 'isolated'],
    ['open', true, 'open'],
  ])('K6: of mode %s, forwarding by rules of our own: %s, is %s', (mode, isForwarded, wanted) => {
    const forwarding = isForwarded ? { outside: undefined, masquerade: true, to: [], from: [] } : undefined
    const made = definitionOf(ownNetwork('lan', { mode, forwarding, interface: 'eth1' }))
    expect(made.interface === undefined ? made.mode : `${made.mode} by ${made.interface}`).toBe(wanted)
  })
})

describe('K4: what differs between a network and the spec', () => {
  const wanted = definitionOf(ownNetwork('lan', dual), [on('web', { leases: ['10.10.0.5'] })])
  const observed = (
    definition: Partial<NetworkDefinition>,
    more: Partial<ObservedNetwork> = {},
  ): ObservedNetwork => ({
    name: wanted.name,
    active: true,
    autostart: true,
    mark: wanted.mark,
    bridge: wanted.bridge,
    subnets: [],
    hasDhcp: true,
    definition: { ...wanted, ...definition },
    running: undefined,
    leases: [],
    ...more,
  })
  const texts = (there: ObservedNetwork): readonly string[] => {
    const { live, restart } = compareNetwork(wanted, there)
    return [...live, ...restart].map(({ field, from, to, how }) => `${field}: ${from} → ${to} (${how})`)
  }
  const other = { mac: '52:54:00:00:00:09', name: 'old', address: '10.10.0.9' }

  it.each<[string, ObservedNetwork, readonly string[]]>([
    ['nothing', observed({}), []],
    ['a MAC that the hypervisor chose', observed({ mac: '52:54:00:00:00:01' }), []],
    ['another order of the same', observed({ reservations: wanted.reservations.toReversed() }), []],
    [
      'a reservation too many',
      observed({ reservations: [...wanted.reservations, other] }),
      ['reservation old: 10.10.0.9 for 52:54:00:00:00:09 → none (in-place)'],
    ],
    [
      'another address for the same name',
      observed({ reservations: [{ ...other, name: 'web' }] }),
      [`reservation web: 10.10.0.9 for ${other.mac} → 10.10.0.5 for ${nicOf('web').mac} (in-place)`],
    ],
    [
      'a record',
      observed({ records: [{ address: '10.10.0.3', names: ['nas', 'files'] }] }),
      ['record 10.10.0.3: files nas → none (in-place)'],
    ],
    ['no start with the host', observed({}, { autostart: false }), ['autostart: false → true (in-place)']],
    ['its mode', observed({ mode: 'routed' }), ['mode: routed → nat (restart)']],
    [
      'its range',
      observed({ ipv4: { address: '10.10.0.1', prefix: 24, dhcp: undefined } }),
      ['ipv4: 10.10.0.1/24 → 10.10.0.1/24, DHCP 10.10.0.100 to 10.10.0.200 (restart)'],
    ],
    [
      'what it runs with alone',
      observed({}, { running: { ...wanted, domain: undefined } }),
      ['domain: none → lab.example (restart)'],
    ],
  ])('K4: %s', (_what, there, changes) => {
    expect(texts(there)).toEqual(changes)
  })
})
