import { describe, expect, it } from 'vitest'
import { parseSections } from '../sections.ts'
import { parseFirewall } from './firewall.ts'
import { factsIn } from './network.ts'

const sections = (text: string) => parseSections(text.split('\n'))

const json = `@@ addresses
[{},{"ifname":"lo","flags":["LOOPBACK","UP"],"link_type":"loopback","address":"00:00:00:00:00:00","addr_info":[{"family":"inet","local":"127.0.0.1","prefixlen":8},{"family":"inet6","local":"::1","prefixlen":128}]},{"ifname":"eth0","flags":["BROADCAST","UP"],"link_type":"ether","address":"02:FC:00:00:00:01","master":"br0","addr_info":[]},{"ifname":"br0","flags":["UP"],"link_type":"ether","address":"ea:01:56:30:2d:ef","linkinfo":{"info_kind":"bridge"},"addr_info":[{"family":"inet","local":"192.0.2.7","prefixlen":24}]},{"ifname":"vnet3","flags":[],"link_type":"ether","address":"fe:54:00:00:00:01","linkinfo":{"info_kind":"tun","info_data":{"type":"tap"}},"addr_info":[]},{"ifname":"tun0","flags":["UP"],"link_type":"none","linkinfo":{"info_kind":"tun","info_data":{"type":"tun"}}},{"ifname":"br0.5","flags":[],"link_type":"ether","address":"ea:01:56:30:2d:ef","linkinfo":{"info_kind":"vlan"},"addr_info":[]},{"ifname":"veth1","flags":[],"link_type":"ether","address":"ea:01:56:30:2d:aa","linkinfo":{"info_kind":"veth"},"addr_info":[]}]
@@ routes-v4
[{"dst":"default","gateway":"192.0.2.1","dev":"br0","flags":[]},{"dst":"192.0.2.0/24","dev":"br0"},{"dst":"198.51.100.7","via":{"family":"inet6","host":"fe80::1"},"dev":"br0"},{"type":"blackhole","dst":"10.0.0.0/8"},{"dst":"10.9.0.0/16","nexthops":[{"gateway":"192.0.2.2","dev":"br0"},{"gateway":"192.0.2.3","dev":"br0"}]}]
@@ routes-v6
[{"dst":"default","gateway":"fe80::1","dev":"br0"},{"dst":"fd01::/64","dev":"br0"}]
@@ dns
udp UNCONN 0      0      192.168.122.1:53 0.0.0.0:* users:(("dnsmasq",pid=28702,fd=5))
tcp LISTEN 0      32     192.168.122.1:53 0.0.0.0:* users:(("dnsmasq",pid=28702,fd=6))
udp UNCONN 0      0      127.0.0.53%lo:53 0.0.0.0:*
tcp LISTEN 0      32                *:53             *:*
tcp LISTEN 0      32     [fe80::1%br0]:53 [::]:*
@@ end`

const plain = `@@ addresses
@@ plain-links
lo loopback 0x9 - 00:00:00:00:00:00
eth0 physical 0x1003 br0 02:fc:00:00:00:01
br0 bridge 0x1002 - ea:01:56:30:2d:ef
@@ plain-addresses
1: lo    inet 127.0.0.1/8 scope host lo\\       valid_lft forever
3: br0    inet 192.0.2.7/24 brd 192.0.2.255 scope global br0\\       valid_lft forever
3: br0@eth0    inet6 fd01::7/64 scope global
@@ plain-routes-v4
default via 192.0.2.1 dev br0 onlink
192.0.2.0/24 dev br0 proto kernel scope link src 192.0.2.7
blackhole 10.0.0.0/8
@@ plain-routes-v6
fd01::/64 dev br0 proto kernel metric 256 pref medium
@@ end`

describe('what a host tells of its network', () => {
  it('K4: is read from the JSON of `ip`', () => {
    const facts = factsIn(sections(json))
    expect(facts.interfaces.map(({ name, kind, isUp, master }) => [name, kind, isUp, master])).toEqual([
      ['lo', 'loopback', true, undefined],
      ['eth0', 'physical', true, 'br0'],
      ['br0', 'bridge', true, undefined],
      ['vnet3', 'tap', false, undefined],
      ['tun0', 'other', true, undefined],
      ['br0.5', 'vlan', false, undefined],
      ['veth1', 'other', false, undefined],
    ])
    expect(facts.interfaces[0]).toMatchObject({ mac: undefined, addresses: ['127.0.0.1/8', '::1/128'] })
    expect(facts.interfaces[1]).toMatchObject({ mac: '02:fc:00:00:00:01', addresses: [] })
    expect(facts.routes).toEqual([
      { to: '0.0.0.0/0', via: '192.0.2.1', interface: 'br0' },
      { to: '192.0.2.0/24', via: undefined, interface: 'br0' },
      { to: '198.51.100.7/32', via: 'fe80::1', interface: 'br0' },
      { to: '10.0.0.0/8', via: undefined, interface: undefined },
      { to: '10.9.0.0/16', via: '192.0.2.2', interface: 'br0' },
      { to: '10.9.0.0/16', via: '192.0.2.3', interface: 'br0' },
      { to: '::/0', via: 'fe80::1', interface: 'br0' },
      { to: 'fd01::/64', via: undefined, interface: 'br0' },
    ])
    expect(facts.dnsListeners).toEqual([
      { address: '192.168.122.1', program: 'dnsmasq' },
      { address: '127.0.0.53', program: undefined },
      { address: '::', program: undefined },
      { address: 'fe80::1', program: undefined },
    ])
  })

  it('K4: is read from text and /sys where `ip` has no JSON', () => {
    const facts = factsIn(sections(plain))
    expect(facts.interfaces).toEqual([
      {
        name: 'lo',
        mac: undefined,
        kind: 'loopback',
        isUp: true,
        master: undefined,
        addresses: ['127.0.0.1/8'],
      },
      { name: 'eth0', mac: '02:fc:00:00:00:01', kind: 'physical', isUp: true, master: 'br0', addresses: [] },
      {
        name: 'br0',
        mac: 'ea:01:56:30:2d:ef',
        kind: 'bridge',
        isUp: false,
        master: undefined,
        addresses: ['192.0.2.7/24', 'fd01::7/64'],
      },
    ])
    expect(facts.routes).toEqual([
      { to: '0.0.0.0/0', via: '192.0.2.1', interface: 'br0' },
      { to: '192.0.2.0/24', via: undefined, interface: 'br0' },
      { to: '10.0.0.0/8', via: undefined, interface: undefined },
      { to: 'fd01::/64', via: undefined, interface: 'br0' },
    ])
  })

  it.each([
    ['text that is no JSON', '@@ addresses\nlo: <LOOPBACK>'],
    ['an interface without a name', '@@ addresses\n[{"flags":[],"link_type":"ether"}]'],
    ['a route without a destination', '@@ addresses\n[]\n@@ routes-v4\n[{"dev":"eth0"}]'],
  ])('K4: is refused for %s', (_, text) => {
    expect(() => factsIn(sections(text))).toThrow(/JSON|invalid/i)
  })
})

const ufw = `-P INPUT DROP
-P FORWARD ACCEPT
-N ufw-before-forward
-N ufw-reject-forward
-A FORWARD -j ufw-before-forward
-A FORWARD -j ufw-reject-forward
-A ufw-before-forward -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A ufw-reject-forward -j REJECT --reject-with icmp-port-unreachable`
const docker = '-P FORWARD DROP\n-N DOCKER-USER\n-A FORWARD -j DOCKER-USER\n-A DOCKER-USER -j RETURN'
const libvirt =
  '-P FORWARD ACCEPT\n-N LIBVIRT_FWI\n-A FORWARD -j LIBVIRT_FWI\n-A LIBVIRT_FWI -o virbr0 -j REJECT'
const generous = '-P FORWARD DROP\n-A FORWARD -j ACCEPT'
const firewalld = `table inet firewalld {
	chain filter_FORWARD {
		type filter hook forward priority filter + 10; policy accept;
		ct state established,related accept
		jump filter_FORWARD_ZONES
		reject with icmpx admin-prohibited
	}

	chain filter_FORWARD_ZONES {
		iifname "eth0" goto filter_FWD_public
	}
}`
const ownNft = `table inet vmwright-lab-0123abcd {
	chain forward {
		type filter hook forward priority filter; policy accept;
		jump outward
	}

	chain outward {
		drop
	}
}`
const plainDrop =
  'table inet mine {\n\tchain f {\n\t\ttype filter hook forward priority 0; policy drop;\n\t}\n}'
const throughJump = `table ip mine {
	set hosts {
		type ipv4_addr
		elements = { 192.0.2.1,
			     192.0.2.2 }
	}

	chain f {
		type filter hook forward priority 0; policy accept;
		ip saddr @hosts drop
		jump last
	}

	chain last {
		counter packets 5 bytes 6 drop comment "all"
	}
}`
const ofIptables =
  'table ip filter {\n\tchain FORWARD {\n\t\ttype filter hook forward priority filter; policy drop;\n\t}\n}'

const tools = { both: 'nft\niptables\nip6tables', nft: 'nft', iptables: 'iptables', none: '' } as const

describe('what filters on a host', () => {
  it.each([
    ['nothing', 'both', '', '', 'nftables', [], false],
    ['nothing, with nft alone', 'nft', '', '', 'nftables', [], false],
    ['nothing, with iptables alone', 'iptables', '', '', 'iptables', [], false],
    ['nothing at all', 'none', '', '', 'none', [], false],
    ['libvirt', 'both', libvirt, '', 'nftables', [], false],
    ['ufw that rejects', 'both', ufw, '', 'iptables', ['ufw'], false],
    ['Docker', 'both', docker, ofIptables, 'iptables', ['docker'], false],
    ['a policy that an accept comes before', 'both', generous, ofIptables, 'nftables', [], false],
    ['rules of an iptables that is not installed any more', 'nft', '', ofIptables, 'nftables', [], true],
    ['firewalld', 'both', '', firewalld, 'nftables', ['firewalld'], true],
    ['firewalld and Docker', 'both', docker, firewalld, 'iptables', ['firewalld', 'docker'], true],
    ['our own rules', 'both', '', ownNft, 'nftables', [], false],
    ['a policy of nftables', 'both', '', plainDrop, 'nftables', [], true],
    ['a drop behind a jump', 'both', '', throughJump, 'nftables', [], true],
  ] as const)('K6: is found where it is %s', (_, has, iptables, nft, backend, managers, dropsForwarded) => {
    const text = `@@ tools\n${tools[has]}\n@@ nft\n${nft}\n@@ iptables\n${iptables}\n@@ end`
    expect(parseFirewall(sections(text))).toEqual({ backend, managers, dropsForwarded })
  })
})
