import { describe, expect, it } from 'vitest'
import type { NetworkDefinition, Reservation } from '../../networks.ts'
import { normalNetwork } from '../../normal-network.ts'
import { hostConflict, neighbourConflict } from './conflicts.ts'
import { liveChanges } from './live-changes.ts'
import { derivedMac, networkXml } from './network-xml.ts'
import { parseNetwork } from './network-read.ts'
import { suspectNetworks } from './observe.ts'

const base: NetworkDefinition = {
  name: 'lab',
  mark: { project: 'p & "q"', network: 'lab' },
  mode: 'nat',
  bridge: 'vw-lab',
  mac: undefined,
  interface: undefined,
  mtu: undefined,
  ipv4: { address: '10.1.2.1', prefix: 24, dhcp: { from: '10.1.2.100', to: '10.1.2.199' } },
  ipv6: undefined,
  domain: undefined,
  records: [],
  forwarders: [],
  reservations: [],
  autostart: false,
}
const ipv6 = { address: 'FD00:1::1', prefix: 64, dhcp: { from: 'fd00:1::100', to: 'fd00:1::1ff' } }
const noAddresses = { ipv4: undefined, ipv6: undefined }
const reserved = (last: number, name: string): Reservation => ({
  mac: `52:54:00:00:00:0${name.length}`,
  name,
  address: `10.1.2.${last}`,
})

const everything: NetworkDefinition = {
  ...base,
  mac: '52:54:00:AA:BB:CC',
  interface: 'eth0',
  mtu: 1400,
  ipv6,
  domain: 'lab.test',
  forwarders: ['9.9.9.9'],
  records: [
    { address: '192.0.2.1', names: ['gate', 'way'] },
    { address: '10.1.2.9', names: ['one', 'two'] },
  ],
  reservations: [
    reserved(11, 'bb'),
    reserved(10, 'a'),
    { ...reserved(10, 'a'), address: 'fd00:1::10' },
    { mac: undefined, name: 'still', address: '10.1.2.12' },
  ],
}

const networks: readonly (readonly [string, NetworkDefinition])[] = [
  ['nat', everything],
  ['routed', { ...base, mode: 'routed', interface: 'eth1', ipv4: { ...base.ipv4!, dhcp: undefined } }],
  ['isolated', { ...base, mode: 'isolated' }],
  ['open', { ...base, mode: 'open' }],
  ['bridge', { ...base, ...noAddresses, mode: 'bridge', bridge: 'br0' }],
  ['macvtap', { ...base, ...noAddresses, mode: 'macvtap', bridge: undefined, interface: 'eth0' }],
]

describe('the XML of networks', () => {
  it.each(networks)('K4: a network of mode %s', async (mode, network) => {
    await expect(networkXml(network)).toMatchFileSnapshot(`golden/${mode}.xml`)
  })

  it.each(networks)('K4: a network of mode %s is read as it was written', (_, network) => {
    const { definition, mark } = parseNetwork(networkXml(network))
    const mac = network.mode === 'bridge' || network.mode === 'macvtap' ? undefined : derivedMac(network)
    expect(definition).toEqual({ ...normalNetwork(network), mac: network.mac?.toLowerCase() ?? mac })
    expect(mark).toEqual(network.mark)
  })

  it('K4: a normal definition stays as it is', () => {
    const normal = normalNetwork(everything)
    expect(normalNetwork(normal)).toEqual(normal)
    expect(normal.reservations.map(({ address, name, mac }) => `${address} ${name} ${mac}`)).toEqual([
      '10.1.2.9 one undefined',
      '10.1.2.10 a 52:54:00:00:00:01',
      '10.1.2.11 bb 52:54:00:00:00:02',
      '10.1.2.12 still undefined',
      'fd00:1::10 a 52:54:00:00:00:01',
    ])
    expect(normal.records).toEqual([
      { address: '10.1.2.9', names: ['two'] },
      { address: '192.0.2.1', names: ['gate', 'way'] },
    ])
  })

  it("K11: somebody else's network has no mark and no definition", () => {
    const xml = `<network connections='2'><name>n</name><bridge name='virbr7'/><forward mode='nat'/></network>`
    expect(parseNetwork(xml)).toMatchObject({
      mark: undefined,
      definition: undefined,
      bridge: 'virbr7',
      ownsBridge: true,
      connections: 2,
    })
  })
})

describe('changes of a running network', () => {
  const changes = (from: Partial<NetworkDefinition>, to: Partial<NetworkDefinition>) =>
    liveChanges({ ...base, ...from }, { ...base, ...to })?.map(
      ({ command, section, parentIndex, xml }) =>
        `${command === 2 ? 'delete' : 'add'} ${section} ${parentIndex} ${xml.replaceAll(/\n\s*/g, '')}`,
    )

  it('K4: nothing is nothing, and autostart is no change of what runs', () => {
    expect(changes({}, { autostart: true })).toEqual([])
  })

  it('K4: what is gone goes first, because addresses, MACs and names are allowed once', () => {
    const [a, b] = [reserved(10, 'a'), reserved(11, 'a')]
    expect(changes({ reservations: [a] }, { reservations: [b] })).toEqual([
      "delete 4 0 <host ip='10.1.2.10'/>",
      "delete 10 -1 <host ip='10.1.2.10'/>",
      "add 4 0 <host mac='52:54:00:00:00:01' name='a' ip='10.1.2.11'/>",
      "add 10 -1 <host ip='10.1.2.11'><hostname>a</hostname></host>",
    ])
  })

  it('K4: IPv6 has its own list, and the identity that follows from the MAC', () => {
    const reservations = [{ ...reserved(10, 'a'), address: 'fd00:1::10' }]
    expect(changes({ ipv6 }, { ipv6, reservations })).toEqual([
      "add 4 1 <host id='00:03:00:01:52:54:00:00:00:01' name='a' ip='fd00:1::10'/>",
      "add 10 -1 <host ip='fd00:1::10'><hostname>a</hostname></host>",
    ])
  })

  it.each<[string, Partial<NetworkDefinition>]>([
    ['mode', { mode: 'routed' }],
    ['bridge', { bridge: 'other' }],
    ['MAC', { mac: '52:54:00:00:00:99' }],
    ['MTU', { mtu: 9000 }],
    ['addresses', { ipv6 }],
    ['DHCP range', { ipv4: { ...base.ipv4!, dhcp: { from: '10.1.2.50', to: '10.1.2.99' } } }],
    ['domain', { domain: 'other.test' }],
    ['name servers', { forwarders: ['9.9.9.9'] }],
  ])('K4: another %s takes a restart', (_, to) => {
    expect(changes({}, to)).toBeUndefined()
  })
})

describe('conflicts of networks', () => {
  const facts = {
    interfaces: [
      { name: 'eth0', mac: undefined, kind: 'physical', isUp: true, master: undefined, addresses: [] },
    ],
    routes: [
      { to: '0.0.0.0/0', via: '192.0.2.1', interface: 'eth0' },
      { to: '192.0.2.0/24', via: undefined, interface: 'eth0' },
    ],
    dnsListeners: [{ address: '127.0.0.53', program: 'systemd-resolve' }],
    firewall: { backend: 'nftables', managers: [], dropsForwarded: false },
  } as const

  it.each<[string, Partial<NetworkDefinition>, Partial<typeof facts> | object, string | undefined]>([
    ['nothing in the way', {}, {}, undefined],
    [
      'an interface of that name',
      { bridge: 'eth0' },
      {},
      'the host has an interface eth0 already (physical)',
    ],
    [
      'a route into its block',
      { ipv4: { address: '192.0.2.129', prefix: 25, dhcp: undefined } },
      {},
      'the host reaches 192.0.2.0/24 by eth0, which overlaps 192.0.2.128/25',
    ],
    [
      'DNS at its address',
      {},
      { dnsListeners: [{ address: '10.1.2.1', program: 'named' }] },
      'named of the host answers DNS at 10.1.2.1 already',
    ],
    [
      'DNS at every address',
      {},
      { dnsListeners: [{ address: '0.0.0.0', program: undefined }] },
      'a program of the host answers DNS at 0.0.0.0 already',
    ],
    ['a bridge of the host to join', { mode: 'bridge', bridge: 'eth0', ...noAddresses }, {}, undefined],
  ])('K4: %s', (_, network, more, why) => {
    expect(hostConflict({ ...base, ...network }, { ...facts, ...more })).toBe(why)
  })

  it.each([
    [{ bridge: 'vw-lab', ownsBridge: true, subnets: [] }, false, 'has the bridge vw-lab'],
    [{ bridge: 'vw-lab', ownsBridge: false, subnets: [] }, true, undefined],
    [{ bridge: 'other', ownsBridge: true, subnets: ['10.0.0.0/8'] }, true, 'serves 10.0.0.0/8'],
    [{ bridge: 'other', ownsBridge: true, subnets: ['10.0.0.0/8'] }, false, undefined],
    [{ bridge: 'other', ownsBridge: true, subnets: ['10.2.0.0/16'] }, true, undefined],
  ])('K4: beside the network %j (active: %s): %s', (other, isActive, why) => {
    expect(neighbourConflict(base, other, isActive)).toBe(why)
  })
})

describe('networks that machines may have lost', () => {
  const vm = (state: 'running' | 'stopped', network: string) =>
    ({ state, interfaces: [{ mac: 'm', network }] }) as unknown as Parameters<
      typeof suspectNetworks
    >[0][number]
  const seen = (name: string, active: boolean, connections: number, ownsBridge = true) =>
    ({ observed: { name, active }, described: { ownsBridge, connections } }) as unknown as Parameters<
      typeof suspectNetworks
    >[1][number]

  it.each([
    ['all are connected', [vm('running', 'a')], seen('a', true, 1), []],
    ['one is not', [vm('running', 'a'), vm('running', 'a')], seen('a', true, 1), ['a']],
    ['it is not active', [vm('running', 'a')], seen('a', false, 0), ['a']],
    ['the machine is off', [vm('stopped', 'a')], seen('a', true, 0), []],
    ['its bridge is the host’s', [vm('running', 'a')], seen('a', true, 0, false), []],
  ])('K4: %s', (_, vms, network, suspects) => {
    expect(suspectNetworks(vms, [network])).toEqual(suspects)
  })
})
