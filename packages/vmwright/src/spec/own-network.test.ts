import { expect, it, test } from 'vitest'
import type { OwnNetworkSpec } from './resolved-places.ts'
import { nat, onNat, withNetwork } from './testing/networks.ts'
import { loadSound } from './testing/load.ts'

async function own(fields: string): Promise<OwnNetworkSpec | undefined> {
  return (await loadSound(withNetwork(fields))).networks[0]?.own
}

it('K4: a network of its own needs a mode and an address, and has the rest by default', async () => {
  const { networks } = await loadSound(withNetwork('mode: nat, ipv4: 10.10.0.1/24'))
  expect(networks).toEqual([
    {
      id: 'lan',
      name: 'demo-lan',
      own: {
        mode: 'nat',
        bridge: 'vw-eddc15ef',
        mac: undefined,
        interface: undefined,
        mtu: undefined,
        ipv4: { address: '10.10.0.1', prefix: 24, dhcp: undefined },
        ipv6: undefined,
        domain: undefined,
        records: [],
        forwarders: [],
        forwarding: undefined,
        autostart: true,
      },
    },
  ])
})

test.each([
  ['10.10.0.1/24', '10.10.0.2', '10.10.0.254'],
  ['10.10.0.254/24', '10.10.0.1', '10.10.0.253'],
  ['10.10.0.9/29', '10.10.0.10', '10.10.0.14'],
  ['10.0.0.1/8', '10.0.0.2', '10.0.253.233'],
])('K4: `dhcp: true` beside %s is the range %s to %s', async (address, from, to) => {
  expect((await own(`mode: nat, ipv4: { address: ${address}, dhcp: true }`))?.ipv4?.dhcp).toEqual({
    from,
    to,
  })
})

it('K4: `dhcp: true` for IPv6 is a range that libvirt can have', async () => {
  const network = await own('mode: nat, ipv6: { address: "fd00:10::1/64", dhcp: true }')
  expect(network?.ipv6?.dhcp).toEqual({ from: 'fd00:10::2', to: 'fd00:10::fde9' })
})

it('K4: records are by address, in any form of writing', async () => {
  const network = await own(`${nat}, records: { API: 10.10.0.10, apps: [10.10.0.10, "FD00::0:1"] }`)
  expect(network?.records).toEqual([
    { address: '10.10.0.10', names: ['api', 'apps'] },
    { address: 'fd00::1', names: ['apps'] },
  ])
})

test.each([
  [nat, 'forwarding: {}', { outside: undefined, masquerade: true, to: [], from: [] }],
  [
    'mode: routed, interface: eno1, ipv4: 10.10.0.1/24',
    'forwarding: { from: any }',
    { outside: 'eno1', masquerade: false, to: [], from: ['0.0.0.0/0', '::/0'] },
  ],
  [
    'mode: open, ipv4: 10.10.0.1/24',
    'forwarding: { masquerade: true, to: [10.1.0.0/16, 10.1.0.0/16], from: ["FD00::/8"], outside: eno1 }',
    { outside: 'eno1', masquerade: true, to: ['10.1.0.0/16'], from: ['fd00::/8'] },
  ],
])('K6: %s with %s has the rules %j', async (network, forwarding, rules) => {
  expect((await own(`${network}, ${forwarding}`))?.forwarding).toEqual(rules)
})

async function nics(fields: string, network?: string) {
  return (await loadSound(onNat(fields, network))).instances.map(({ interfaces: [first] }) => first)
}

it('K4: a static address has gateway, name server and search domain of the network', async () => {
  const [nic] = await nics(
    'address: [10.10.0.7/24, "fd00::7/64"]',
    `${nat}, ipv6: "fd00::1/64", domain: lab.example`,
  )
  expect(nic).toMatchObject({
    dhcp4: false,
    addresses: ['10.10.0.7/24', 'fd00::7/64'],
    leases: [],
    gateway4: '10.10.0.1',
    gateway6: 'fd00::1',
    dns: ['10.10.0.1', 'fd00::1'],
    search: ['lab.example'],
  })
})

it('K4: what the network says of gateway and name servers wins', async () => {
  const [nic] = await nics(
    'address: 10.10.0.7/24',
    `${nat}, gateway4: 10.10.0.2, dns: [10.10.0.3], search: [x.example], domain: lab.example`,
  )
  expect(nic).toMatchObject({ gateway4: '10.10.0.2', dns: ['10.10.0.3'], search: ['x.example'] })
})

it('K4: an isolated network has no gateway', async () => {
  const [nic] = await nics('address: 10.10.0.7/24', 'mode: isolated, ipv4: 10.10.0.1/24')
  expect(nic).toMatchObject({ gateway4: undefined, dns: ['10.10.0.1'] })
})

it('K4: who asks by DHCP is told gateway and name servers by the host', async () => {
  const [nic] = await nics('vcpus: 1', `${nat}, domain: lab.example`)
  expect(nic).toMatchObject({ dhcp4: true, addresses: [], gateway4: undefined, dns: [], search: [] })
})

it('K4, K8: `assign: lease` makes fixed leases of the addresses of a group', async () => {
  const leased = await nics('count: 3, address: [10.10.0.11/24, "fd00::11/64"]', `${nat}, assign: lease`)
  expect(leased.map(({ leases }) => leases)).toEqual([['10.10.0.11'], ['10.10.0.12'], ['10.10.0.13']])
  expect(leased[1]).toMatchObject({ dhcp4: true, addresses: ['fd00::12/64'], gateway4: undefined })
})

it('K4, K8: the lease of an interface counts up in a group, and not in an override', async () => {
  const leased = await nics(
    'count: 3, interfaces: [{ lease: 10.10.0.11 }], overrides: { web-2: { interfaces: [{ lease: 10.10.0.77 }] } }',
  )
  expect(leased.map(({ leases, dhcp4 }) => [...leases, dhcp4])).toEqual([
    ['10.10.0.11', true],
    ['10.10.0.77', true],
    ['10.10.0.13', true],
  ])
})

it('K8: names from a list or a pattern go with addresses from a list, ranges or a start', async () => {
  const of = async (fields: string) =>
    (await loadSound(onNat(fields))).instances.map(({ name, interfaces: [{ addresses }] }) => [
      name,
      ...addresses,
    ])
  expect(
    await of('names: [boreas, notus, eurus], addresses: [10.10.0.5/24, 10.10.0.11-10.10.0.19/24]'),
  ).toEqual([
    ['boreas', '10.10.0.5/24'],
    ['notus', '10.10.0.11/24'],
    ['eurus', '10.10.0.12/24'],
  ])
  expect(await of('count: 2, name: "node-{index:02}", address: 10.10.0.20/24')).toEqual([
    ['node-01', '10.10.0.20/24'],
    ['node-02', '10.10.0.21/24'],
  ])
})
