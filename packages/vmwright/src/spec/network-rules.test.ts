import { expect, test } from 'vitest'
import { problemLines } from './testing/load.ts'
import { nat, onNat, withNetwork } from './testing/networks.ts'

/** Row, spec, and the only problem. */
const refused: readonly (readonly [row: string, spec: string, problem: string])[] = [
  ['K4', withNetwork(''), '4:3: networks.lan: needs `use` or `mode`'],
  ['K4', withNetwork(`use: default, ${nat}`), '4:10: networks.lan.use: cannot stand beside `mode`'],
  ['K4', withNetwork('mode: natt'), '4:16: networks.lan.mode: must be `nat` or `routed`'],
  [
    'K4',
    withNetwork('use: default, bridge: br0'),
    '4:24: networks.lan.bridge: is only for networks that vmwright makes',
  ],
  ['K4', withNetwork('mode: nat'), "4:3: networks.lan: needs the host's own address, `ipv4` or `ipv6`"],
  ['K4', withNetwork('mode: bridge'), '4:3: networks.lan: needs `bridge`'],
  ['K4', withNetwork('mode: macvtap'), '4:3: networks.lan: needs `interface`'],
  [
    'K4',
    withNetwork('mode: macvtap, interface: eno1, bridge: br0'),
    '4:42: networks.lan.bridge: has no meaning with `mode: macvtap` (Remove it; `nat`, `routed`, `open`, `isolated`, `bridge` have it.)',
  ],
  [
    'K4',
    withNetwork('mode: bridge, bridge: br0, ipv4: 10.10.0.1/24'),
    '4:37: networks.lan.ipv4: has no meaning with `mode: bridge`',
  ],
  [
    'K6',
    withNetwork('mode: isolated, forwarding: { from: any }'),
    '4:26: networks.lan.forwarding: has no meaning with `mode: isolated`',
  ],
  [
    'K4',
    withNetwork(`${nat}, bridge: a-name-of-sixteen`),
    '4:74: networks.lan.bridge: is not the name of an interface (Use letters, digits, `_`, `.` and `-`, at most 15: Linux has no more.)',
  ],
  [
    'K4',
    withNetwork(`${nat}, mac: "53:54:00:12:34:56"`),
    '4:71: networks.lan.mac: is the address of a group, which no interface has (Make the second digit even',
  ],
  ['K4', withNetwork(`${nat}, mac: "53:54:00:12:34"`), '4:71: networks.lan.mac: must be a MAC address'],
  ['K4', withNetwork(`${nat}, mtu: 20`), '4:71: networks.lan.mtu: must be a whole number from 576 to 65535'],
  [
    'K4',
    withNetwork('mode: nat, mtu: 1000, ipv6: "fd00::1/64"'),
    '4:26: networks.lan.mtu: is less than the 1280 bytes that IPv6 needs',
  ],
  [
    'K4',
    withNetwork('mode: nat, ipv4: 10.10.0.1'),
    '4:27: networks.lan.ipv4: must be an address with prefix length',
  ],
  [
    'K4',
    withNetwork('mode: nat, ipv4: 10.10.0.0/24'),
    '4:27: networks.lan.ipv4: is the address of the subnet itself',
  ],
  [
    'K4',
    withNetwork('mode: nat, ipv4: { address: 10.10.0.255/24 }'),
    '4:38: networks.lan.ipv4.address: is the broadcast address of its subnet',
  ],
  [
    'K4',
    withNetwork('mode: nat, ipv4: 10.10.0.1/30'),
    '4:27: networks.lan.ipv4: must have a prefix length from 8 to 29',
  ],
  ['K4', withNetwork('mode: nat, ipv4: "fd00::1/64"'), '4:27: networks.lan.ipv4: is not an IPv4 address'],
  [
    'K4',
    withNetwork('mode: nat, ipv6: "fd00::1/80"'),
    '4:27: networks.lan.ipv6: must have the prefix length 64',
  ],
  [
    'K4',
    withNetwork('mode: nat, ipv4: { address: 10.10.0.1/24, dhcp: { from: 10.11.0.2, to: 10.10.0.9 } }'),
    '4:66: networks.lan.ipv4.dhcp.from: is not in the network 10.10.0.0/24',
  ],
  [
    'K4',
    withNetwork('mode: nat, ipv4: { address: 10.10.0.1/24, dhcp: { from: 10.10.0.20, to: 10.10.0.10 } }'),
    '4:82: networks.lan.ipv4.dhcp.to: comes before the begin of the range',
  ],
  [
    'K4',
    withNetwork('mode: nat, ipv4: { address: 10.10.0.5/24, dhcp: { from: 10.10.0.2, to: 10.10.0.10 } }'),
    "4:81: networks.lan.ipv4.dhcp.to: makes a range that has the host's own address 10.10.0.5 in it",
  ],
  [
    'K4',
    withNetwork('mode: nat, ipv4: { address: 10.10.0.1/24, dhcp: { from: 10.10.0.2, to: 10.10.0.255 } }'),
    '4:81: networks.lan.ipv4.dhcp.to: is the broadcast address of its subnet',
  ],
  [
    'K4',
    withNetwork('mode: nat, ipv4: { address: 10.0.0.1/8, dhcp: { from: 10.1.0.0, to: 10.3.0.0 } }'),
    '4:78: networks.lan.ipv4.dhcp.to: makes a range of more than 65000 addresses',
  ],
  [
    'K4',
    withNetwork(`${nat}, records: { "re gistry": 10.10.0.1 }`),
    '4:77: networks.lan.records."re gistry": is not a DNS name',
  ],
  [
    'K4',
    withNetwork(`${nat}, records: { registry: [10.10.0.1, 10.10.0] }`),
    '4:99: networks.lan.records.registry[1]: is not an IP address',
  ],
  ['K4', withNetwork(`${nat}, domain: -lab`), '4:74: networks.lan.domain: is not a DNS name'],
  [
    'K4',
    withNetwork(`${nat}, forwarders: [1.1.1]`),
    '4:79: networks.lan.forwarders[0]: is not an IP address',
  ],
  [
    'K4',
    withNetwork('mode: nat, assign: lease, ipv4: 10.10.0.1/24'),
    '4:29: networks.lan.assign: needs DHCP, which the network has not',
  ],
  [
    'K4',
    withNetwork('mode: bridge, bridge: br0, assign: lease'),
    '4:45: networks.lan.assign: needs a network that has DHCP of its own',
  ],
  [
    'K6',
    withNetwork(`${nat}, forwarding: { masquerade: false }`),
    '4:92: networks.lan.forwarding.masquerade: cannot be `false` with `mode: nat`',
  ],
  [
    'K6',
    withNetwork('mode: routed, ipv4: 10.10.0.1/24, forwarding: { masquerade: true }'),
    '4:70: networks.lan.forwarding.masquerade: cannot be `true` with `mode: routed`',
  ],
  [
    'K6',
    withNetwork(`${nat}, forwarding: { from: all }`),
    '4:86: networks.lan.forwarding.from: must be `any` or a list of blocks of addresses',
  ],
  [
    'K6',
    withNetwork(`${nat}, forwarding: { to: [10.1.2.3/24] }`),
    '4:85: networks.lan.forwarding.to[0]: is an address within a block, not the block (Write `10.1.2.0/24`',
  ],
  [
    'K6',
    withNetwork(`${nat}, interface: eno1, forwarding: { outside: eno2 }`),
    '4:106: networks.lan.forwarding.outside: is another interface than `interface` of the network',
  ],
  [
    'K4',
    withNetwork(nat, '  two: { mode: isolated, ipv4: 10.10.0.129/25 }\n'),
    '5:32: networks.two.ipv4: overlaps with the network `lan`, which is 10.10.0.0/24',
  ],
  [
    'K4',
    withNetwork(`${nat}, bridge: br0`, '  two: { mode: isolated, bridge: br0 }\n'),
    '5:34: networks.two.bridge: br0 is the bridge of the network `lan` too',
  ],
  [
    'K4',
    withNetwork('mode: bridge, bridge: br0', '  two: { mode: isolated, bridge: br0 }\n'),
    '5:34: networks.two.bridge: br0 is the bridge of the network `lan` too',
  ],
  [
    'K4',
    withNetwork(`${nat}, name: default`, '  two: { use: default }\n'),
    '4:72: networks.lan.name: default is the name of the network `two` too',
  ],
  [
    'K4',
    onNat('interfaces: [{ mac: "52:54:00:00:00:09" }]', `${nat}, mac: "52:54:00:00:00:09"`),
    '3:81: networks.lan.mac: is the MAC of the instance `web` too',
  ],
  [
    'K4',
    onNat('address: 10.10.1.7/24'),
    '6:19: instances.web.address: 10.10.1.7 is not in the network `lan`, which is 10.10.0.0/24 (Take an address of the network.)',
  ],
  [
    'K4',
    onNat('address: 10.10.0.7/16'),
    '6:19: instances.web.address: has another prefix length than the network `lan` (Write `10.10.0.7/24`.)',
  ],
  [
    'K4',
    onNat('address: 10.10.0.1/24'),
    "6:19: instances.web.address: 10.10.0.1 is the host's own address on the network `lan`",
  ],
  [
    'K4',
    onNat('address: 10.10.0.255/24'),
    '6:19: instances.web.address: is the broadcast address of its subnet',
  ],
  [
    'K4',
    onNat('interfaces: [{ lease: 10.10.1.7 }]'),
    '6:32: instances.web.interfaces[0].lease: 10.10.1.7 is not in the network `lan`',
  ],
  [
    'K4',
    onNat('interfaces: [{ lease: 10.10.0.7 }]', 'mode: nat, ipv4: 10.10.0.1/24'),
    "6:32: instances.web.interfaces[0].lease: needs DHCP of vmwright's own, which the network `lan` has not",
  ],
  [
    'K4',
    onNat('interfaces: [{ lease: 10.10.0.7 }]', 'use: default'),
    "6:32: instances.web.interfaces[0].lease: needs DHCP of vmwright's own, which the network `lan` has not",
  ],
  [
    'K4',
    onNat('interfaces: [{ lease: "fd00::7" }]'),
    '6:32: instances.web.interfaces[0].lease: is not an IPv4 address',
  ],
  [
    'K4',
    onNat('address: 10.10.0.7/24, interfaces: [{ lease: 10.10.0.8 }]', `${nat}, assign: lease`),
    '6:55: instances.web.interfaces[0].lease: is a second lease for the same interface',
  ],
  [
    'K4',
    onNat('interfaces: [{ lease: 10.10.0.8, dhcp4: false }]'),
    '6:50: instances.web.interfaces[0].dhcp4: cannot be `false`, because the interface has a fixed lease',
  ],
  [
    'K4',
    onNat('address: 10.10.0.7/24 }\n  db: { address: 10.10.0.7/24', `${nat}, assign: lease`),
    '7:18: instances.db.address: the address 10.10.0.7 of db is that of web too',
  ],
  [
    'K8',
    onNat('count: 3, address: 10.10.0.253/24'),
    '6:29: instances.web.address: counts up to 10.10.0.255, which is the broadcast address of its subnet',
  ],
  [
    'K4',
    onNat('address: 10.10.0.7/24', `${nat}, domain: x.example, records: { Web.x.example: 10.10.0.9 }`),
    '3:121: networks.lan.records."Web.x.example": is the name of an instance, which has the address 10.10.0.7',
  ],
  [
    'K8',
    onNat('count: 3, addresses: [10.10.0.11-10.10.0.12/24]'),
    '6:31: instances.web.addresses: has 2 entries for 3 instances',
  ],
  [
    'K8',
    onNat('count: 2, addresses: [10.10.0.12-10.10.0.11/24]'),
    '6:32: instances.web.addresses[0]: ends before it begins',
  ],
  [
    'K8',
    onNat('count: 2, addresses: [10.10.0.12-12/24]'),
    '6:32: instances.web.addresses[0]: is not a range of addresses (Write it as `10.10.0.11-10.10.0.14/24`.)',
  ],
  [
    'K8',
    onNat('count: 2, addresses: [10.10.0.254-10.10.0.255/24]'),
    '6:32: instances.web.addresses[0]: counts up to 10.10.0.255, which is the broadcast address of its subnet',
  ],
]

test.each(refused)('%s: %j has the one problem %s', async (_row, spec, problem) => {
  const lines = await problemLines(spec)
  expect(lines).toEqual([expect.stringContaining(`vmwright.yaml:${problem}`)])
})

test.each([
  ['K4', withNetwork('mode: isolated')],
  ['K4', onNat('address: 10.10.0.7/24', `${nat}, records: { web: 10.10.0.7, other: 10.10.0.9 }`)],
  ['K4', withNetwork('mode: bridge, bridge: br0', '  two: { mode: bridge, bridge: br0 }\n')],
  ['K4', withNetwork(nat, '  two: { mode: isolated, ipv4: 10.10.1.1/24 }\n')],
  ['K4', onNat('address: 192.168.9.9/24', 'mode: macvtap, interface: eno1')],
  ['K4', onNat('count: 2, interfaces: [{ lease: 10.10.0.100 }]')],
])('%s: %j is accepted', async (_row, spec) => {
  expect(await problemLines(spec)).toEqual([])
})
