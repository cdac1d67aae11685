import { describe, expect, it } from 'vitest'
import { planChange } from '../plan-change.ts'
import { ifupdownPlan } from './ifupdown.ts'
import { netplanPlan } from './netplan.ts'
import { networkdPlan } from './networkd.ts'
import { networkManagerPlan } from './networkmanager.ts'
import { configFile, factsWith, filesOf, linesOf, wanted } from './testing.ts'

const network = (text: string): ReturnType<typeof configFile> =>
  configFile('/etc/systemd/network/20-lan.network', text)

describe('rendering of bridges', () => {
  it('K5: for systemd-networkd, with all that the interface had, and the same DHCP client', () => {
    const own = network(`# the uplink
[Match]
MACAddress=52:54:00:aa:bb:cc

[Link]
MTUBytes=9000
RequiredForOnline=routable

[Network]
DHCP=ipv4
VLAN=lan.5
Domains=example.org

[Route]
Destination=198.51.100.0/24
Gateway=192.0.2.9
`)
    const facts = factsWith({
      networkd: { state: 'configured', files: [own], clientId: 'ff0011223300020000ab11' },
    })
    const plan = networkdPlan(facts, wanted)
    expect(filesOf(plan)).toEqual({
      '/run/systemd/network/00-vmwright-br0.netdev → /etc/systemd/network/00-vmwright-br0.netdev': `[NetDev]
Name=br0
Kind=bridge
MACAddress=52:54:00:aa:bb:cc

[Bridge]
STP=no
ForwardDelaySec=0
`,
      '/run/systemd/network/00-vmwright-br0.network → /etc/systemd/network/00-vmwright-br0.network': `[Match]
Name=br0

[Link]
MTUBytes=9000
RequiredForOnline=routable

[Network]
DHCP=ipv4
Domains=example.org

[Route]
Destination=198.51.100.0/24
Gateway=192.0.2.9

[DHCPv4]
IAID=1122867
`,
      '/run/systemd/network/00-vmwright-br0-port.network → /etc/systemd/network/00-vmwright-br0-port.network': `[Match]
Name=eno1

[Link]
MTUBytes=9000

[Network]
Bridge=br0
VLAN=lan.5
`,
    })
  })

  it('K5: not for systemd-networkd where the interface’s own file would win', () => {
    const first = configFile('/etc/systemd/network/00-a.network', '[Match]\nName=eno1\n')
    const facts = factsWith({ networkd: { state: 'configured', files: [first], clientId: undefined } })
    expect(networkdPlan(facts, wanted)).toEqual({ whyNot: expect.stringContaining('00-a.network') })
  })

  it('K5: for netplan, in the files that describe the interface, with their comments', () => {
    const plan = netplanPlan(
      factsWith({
        netplanFiles: [
          configFile('/etc/netplan/10-other.yaml', 'network: {ethernets: {eno2: {dhcp4: true}}}\n'),
          configFile(
            '/etc/netplan/50-cloud-init.yaml',
            `# made at installation
network:
  version: 2
  ethernets:
    uplink:
      match: {macaddress: "52:54:00:AA:BB:CC"}
      set-name: eno1
      mtu: 9000
      # as given by the provider
      addresses: [192.0.2.7/24]
      nameservers: {addresses: [192.0.2.1], search: [example.org]}
      routes:
        - {to: default, via: 192.0.2.1}
`,
          ),
          configFile(
            '/etc/netplan/60-more.yaml',
            'network:\n  ethernets:\n    uplink:\n      addresses: [192.0.2.8/24]\n',
          ),
        ],
      }),
      wanted,
    )
    expect(filesOf(plan)).toEqual({
      '/run/netplan/50-cloud-init.yaml → /etc/netplan/50-cloud-init.yaml': `# made at installation
network:
  version: 2
  ethernets:
    uplink:
      match: { macaddress: "52:54:00:AA:BB:CC" }
      set-name: eno1
      mtu: 9000
      dhcp4: false
      dhcp6: false
  bridges:
    br0:
      interfaces: [ uplink ]
      macaddress: 52:54:00:aa:bb:cc
      parameters:
        stp: false
        forward-delay: 0
      mtu: 9000
      # as given by the provider
      addresses: [ 192.0.2.7/24 ]
      nameservers: { addresses: [ 192.0.2.1 ], search: [ example.org ] }
      routes:
        - { to: default, via: 192.0.2.1 }
`,
      '/run/netplan/60-more.yaml → /etc/netplan/60-more.yaml': `network:
  ethernets:
    uplink: {}
  bridges:
    br0:
      addresses: [ 192.0.2.8/24 ]
`,
    })
  })

  it('K5: for ifupdown, hardware options stay and commands name the bridge', () => {
    const facts = factsWith({
      ifupdownFiles: [
        configFile(
          '/etc/network/interfaces',
          `source interfaces.d/*

# uplink
allow-hotplug eno1
iface eno1 inet dhcp
    ethernet-wol g
    up ethtool -K eno1 tso off && logger eno1.5 \${IFACE}
iface eno1 inet6 auto

auto lo
iface lo inet loopback
`,
        ),
      ],
    })
    const files = filesOf(ifupdownPlan(facts, { ...wanted, stp: true }))
    expect(files['- → /etc/network/interfaces']).toBe(`source interfaces.d/*

# uplink
allow-hotplug eno1
iface eno1 inet manual
    ethernet-wol g

auto br0
iface br0 inet dhcp
    pre-up ip link add name br0 type bridge 2>/dev/null || true
    pre-up ip link set dev br0 type bridge stp_state 1
    pre-up ip link set dev br0 address 52:54:00:aa:bb:cc
    pre-up ip link set dev eno1 up
    pre-up ip link set dev eno1 master br0
    up ethtool -K br0 tso off && logger eno1.5 \${IFACE}
iface br0 inet6 auto
    post-down ip link delete dev br0 type bridge 2>/dev/null || true

auto lo
iface lo inet loopback
`)
  })

  it('K5: for NetworkManager, in memory first, with the addressing of the profile and before it', () => {
    const facts = factsWith({
      networkManager: {
        state: 100,
        uuid: '7c6e',
        settings: new Map([
          ['connection.id', 'Wired connection 1'],
          ['connection.zone', 'work'],
          ['connection.autoconnect-priority', '-999'],
          ['802-3-ethernet.mtu', 'auto'],
          ['ipv4.method', 'manual'],
          ['ipv4.addresses', '192.0.2.7/24, 192.0.2.8/24'],
          ['ipv4.dns', ''],
          ['ipv6.method', 'auto'],
        ]),
      },
    })
    const plan = networkManagerPlan(facts, wanted)
    if ('whyNot' in plan) throw new Error(plan.whyNot)
    expect(linesOf(plan.apply).slice(2)).toEqual([
      'nmcli connection add save no type bridge con-name vmwright-br0 ifname br0 bridge.stp no bridge.mac-address 52:54:00:aa:bb:cc connection.autoconnect-slaves 1 connection.zone work ipv4.method manual ipv4.addresses 192.0.2.7/24, 192.0.2.8/24 ipv6.method auto',
      'nmcli connection add save no type bridge-slave con-name vmwright-br0-port ifname eno1 master br0 connection.autoconnect-priority -899',
      'nmcli --wait 20 connection up id vmwright-br0-port',
      'nmcli --wait 20 connection up id vmwright-br0',
    ])
    expect(linesOf(plan.commit)).toEqual([
      'nmcli connection modify id vmwright-br0 connection.autoconnect yes',
      'nmcli connection modify id vmwright-br0-port connection.autoconnect yes',
    ])
    expect(linesOf(plan.restore).at(-1)).toBe('nmcli --wait 30 connection up uuid 7c6e')
  })
})

describe('who runs the interface', () => {
  const netplanFiles = [configFile('/etc/netplan/a.yaml', 'network: {ethernets: {eno1: {dhcp4: true}}}')]
  const networkManager = { state: 100, uuid: '7c6e', settings: new Map<string, string>() }
  const networkd = { state: 'configured', files: [network('[Match]\nName=eno1\n')], clientId: undefined }
  const ifupdownFiles = [configFile('/etc/network/interfaces', 'iface eno1 inet dhcp\n')]
  it.each([
    ['netplan', 'netplan before those it writes for', { netplanFiles, networkManager, networkd }],
    ['networkmanager', 'NetworkManager with a connection', { networkManager, ifupdownFiles }],
    [
      'ifupdown',
      'not NetworkManager where it leaves it alone',
      { networkManager: { ...networkManager, state: 10 }, ifupdownFiles },
    ],
    ['networkd', 'systemd-networkd that configured it', { networkd, ifupdownFiles }],
    [
      'ifupdown',
      'not systemd-networkd that leaves it alone',
      { networkd: { ...networkd, state: 'unmanaged' }, ifupdownFiles },
    ],
    ['none', 'nobody', { netplanFiles, ifupdownFiles, tools: new Set<string>() }],
  ] as const)('K5: is %s: %s', (manager, _, facts) => {
    expect(planChange(factsWith(facts), wanted)).toMatchObject({ manager })
  })

  it.each([
    ['is wireless', { port: { ...factsWith({}).port, isWireless: true } }, /wireless/],
    ['belongs to a bond', { port: { ...factsWith({}).port, master: 'bond0' } }, /belongs to bond0/],
    ['is the loopback', { port: { ...factsWith({}).port, type: 'loopback' as const } }, /no Ethernet/],
    [
      'has the bridge configured',
      { ifupdownFiles: [configFile('/etc/network/interfaces', 'iface br0 inet dhcp\n')] },
      /ifup br0/,
    ],
    [
      'has an alias',
      {
        ifupdownFiles: [
          configFile('/etc/network/interfaces', 'iface eno1 inet dhcp\niface eno1:1 inet dhcp\n'),
        ],
      },
      /alias eno1:1/,
    ],
  ] as const)('K5: does not matter where the interface %s', (_, facts, whyNot) => {
    expect(planChange(factsWith(facts), wanted)).toMatchObject({ whyNot: expect.stringMatching(whyNot) })
  })
})
