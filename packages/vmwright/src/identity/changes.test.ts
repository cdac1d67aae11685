import { expect, it } from 'vitest'
import type { FileChange } from '../hypervisor/disks.ts'
import { Secret } from '../lib/secret.ts'
import type { InterfaceSpec } from '../spec/resolved.ts'
import type { CloudInitSpec } from '../spec/resolved-cloud-init.ts'
import { instanceSpec } from '../testing/specs.ts'
import { type GuestNetwork, identityChanges, type NewIdentity } from './changes.ts'

const usual = instanceSpec('web-1')
const nic: InterfaceSpec = {
  ...usual.interfaces[0],
  mac: '52:54:00:AA:BB:01',
  dhcp4: false,
  addresses: ['192.168.24.121/24'],
  gateway4: '192.168.24.1',
  dns: ['1.1.1.1', '9.9.9.9'],
  search: ['lab.example'],
}
const dhcp: InterfaceSpec = { ...usual.interfaces[0], mac: '52:54:00:aa:bb:02' }
const netplan: GuestNetwork = { network: 'netplan', interfaces: ['ens3'], renderer: 'networkd' }
const ifupdown: GuestNetwork = { network: 'ifupdown', interfaces: ['enp1s0', 'enp2s0'], renderer: 'networkd' }

interface Case {
  readonly interfaces?: NewIdentity['instance']['interfaces']
  readonly cloudInit?: Partial<CloudInitSpec>
  readonly rest?: Partial<NewIdentity>
}

const changesOf = ({ interfaces = [nic], cloudInit = {}, rest = {} }: Case = {}): readonly FileChange[] =>
  identityChanges({
    instance: { name: 'web-1', interfaces, cloudInit: { ...usual.cloudInit, ...cloudInit } },
    guestNetwork: ifupdown,
    hostKeys: [{ type: 'ed25519', privateKey: new Secret('PRIVATE\n'), publicKey: 'ssh-ed25519 AAAA host' }],
    authorizedKeys: ['ssh-ed25519 AAAA me'],
    machineId: '0123456789abcdef0123456789abcdef',
    ...rest,
  })

const written = (changes: readonly FileChange[], path: string) =>
  changes.find((change) => change.kind === 'write' && change.path === path)
const textOf = (changes: readonly FileChange[], path: string): string | undefined => {
  const change = written(changes, path)
  return change?.kind === 'write' ? String(change.content) : undefined
}
const removals = (changes: readonly FileChange[]): readonly string[] =>
  changes.flatMap((change) => (change.kind === 'remove' ? [change.pattern] : []))

it('T5: the clone has its own name, also by its domain', () => {
  const changes = changesOf()
  expect(textOf(changes, '/etc/hostname')).toBe('web-1\n')
  expect(textOf(changes, '/etc/hosts')).toBe(`127.0.0.1 localhost
127.0.1.1 web-1.lab.example web-1

::1 localhost ip6-localhost ip6-loopback
ff02::1 ip6-allnodes
ff02::2 ip6-allrouters
`)
})

it('T5: a file of hosts that is not to be managed stays', () => {
  expect(written(changesOf({ cloudInit: { manageEtcHosts: false } }), '/etc/hosts')).toBeUndefined()
})

it('T5: the machine-id is the given one, and nothing keeps the old one', () => {
  const changes = changesOf()
  expect(written(changes, '/etc/machine-id')).toMatchObject({
    content: '0123456789abcdef0123456789abcdef\n',
    mode: 0o444,
  })
  expect(removals(changes)).toContain('/var/lib/dbus/machine-id')
})

it('T5: host keys are removed before the new ones are written, and private ones are nobody else’s', () => {
  const changes = changesOf()
  const at = (wanted: (change: FileChange) => boolean): number => changes.findIndex(wanted)
  const removed = at((change) => change.kind === 'remove' && change.pattern === '/etc/ssh/ssh_host_*')
  const key = at((change) => change.kind === 'write' && change.path === '/etc/ssh/ssh_host_ed25519_key')
  expect(removed).toBeGreaterThanOrEqual(0)
  expect(key).toBeGreaterThan(removed)
  expect(changes[key]).toMatchObject({ mode: 0o600, onlyIf: '/etc/ssh' })
  expect(written(changes, '/etc/ssh/ssh_host_ed25519_key.pub')).toMatchObject({
    content: 'ssh-ed25519 AAAA host\n',
    mode: 0o644,
  })
  expect(JSON.stringify(changes)).not.toContain('PRIVATE')
})

it.each([
  ['the login user', {}, ['/home/debian']],
  ['the login user and root where root may log in', { disableRoot: false }, ['/home/debian', '/root']],
  ['root once when root is the login user', { user: { ...usual.cloudInit.user, name: 'root' } }, ['/root']],
])('T5: keys are added for %s, as files of that user', (_who, cloudInit, homes) => {
  const changes = changesOf({ cloudInit })
  const logins = changes.filter(
    (change) => change.kind === 'write' && change.path.endsWith('authorized_keys'),
  )
  expect(logins).toEqual(
    homes.map((home) => ({
      kind: 'write',
      path: `${home}/.ssh/authorized_keys`,
      content: 'ssh-ed25519 AAAA me\n',
      mode: 0o600,
      onlyIf: home,
      ownerOf: home,
      existing: 'add-lines',
    })),
  )
})

it('T5: without keys of ours the template’s are left alone', () => {
  expect(JSON.stringify(changesOf({ rest: { authorizedKeys: [] } }))).not.toContain('authorized_keys')
})

it('T5: ifupdown gets the whole network by name', () => {
  expect(textOf(changesOf({ interfaces: [nic, dhcp] }), '/etc/network/interfaces'))
    .toBe(`source /etc/network/interfaces.d/*

auto lo
iface lo inet loopback

auto enp1s0
iface enp1s0 inet static
    address 192.168.24.121/24
    gateway 192.168.24.1
    dns-nameservers 1.1.1.1 9.9.9.9
    dns-search lab.example

allow-hotplug enp2s0
iface enp2s0 inet dhcp
`)
})

it.each<[string, Partial<InterfaceSpec>, string]>([
  [
    'both families, several addresses, one gateway each',
    { addresses: ['10.0.0.2/8', '10.0.0.3/8', 'fd00::7/64'], gateway6: 'fd00::1', dns: [], search: [] },
    `iface enp1s0 inet static
    address 10.0.0.2/8
    gateway 192.168.24.1
iface enp1s0 inet static
    address 10.0.0.3/8
iface enp1s0 inet6 static
    address fd00::7/64
    gateway fd00::1
`,
  ],
  [
    'DHCP of both versions',
    { dhcp4: true, dhcp6: true, addresses: [], search: [] },
    `iface enp1s0 inet dhcp
    dns-nameservers 1.1.1.1 9.9.9.9
iface enp1s0 inet6 dhcp
`,
  ],
  ['no address at all', { addresses: [] }, 'allow-hotplug enp1s0\niface enp1s0 inet manual\n'],
  [
    'a search domain that would be an option of its own',
    { addresses: ['10.0.0.2/8'], gateway4: undefined, dns: [], search: ['a\n    up reboot # b', 'c.d'] },
    `iface enp1s0 inet static
    address 10.0.0.2/8
    dns-search a up reboot b c.d
`,
  ],
])('T5: ifupdown with %s', (_what, overrides, expected) => {
  const text = textOf(changesOf({ interfaces: [{ ...nic, ...overrides }] }), '/etc/network/interfaces')
  expect(text?.slice(-expected.length)).toBe(expected)
})

it('T5: ifupdown refuses an interface without a name', () => {
  expect(() => changesOf({ interfaces: [nic, dhcp, dhcp] })).toThrow('52:54:00:aa:bb:02')
})

it('T5: netplan gets named interfaces by name and all others by MAC, in a file for root alone', () => {
  const changes = changesOf({
    interfaces: [
      { ...nic, addresses: [...nic.addresses, 'fd00::7/64'], gateway6: 'fd00::1' },
      { ...dhcp, mac: '52:54:00:AA:BB:02' },
    ],
    rest: { guestNetwork: netplan },
  })
  expect(written(changes, '/etc/netplan/99-vmwright.yaml')).toMatchObject({ mode: 0o600 })
  expect(textOf(changes, '/etc/netplan/99-vmwright.yaml')).toBe(`network:
  version: 2
  renderer: networkd
  ethernets:
    ens3:
      dhcp4: false
      dhcp6: false
      addresses:
        - 192.168.24.121/24
        - fd00::7/64
      routes:
        - to: 0.0.0.0/0
          via: 192.168.24.1
        - to: ::/0
          via: fd00::1
      nameservers:
        addresses:
          - 1.1.1.1
          - 9.9.9.9
        search:
          - lab.example
    NIC1:
      match:
        macaddress: 52:54:00:aa:bb:02
      dhcp4: true
      dhcp6: false
      optional: true
`)
})

it.each([
  ['ifupdown', ifupdown],
  ['netplan', netplan],
])('T5: with %s no file of the template sets up an interface', (_form, guestNetwork) => {
  const changes = changesOf({ rest: { guestNetwork } })
  expect(removals(changes)).toEqual(
    expect.arrayContaining(['/etc/netplan/*.yaml', '/etc/network/interfaces.d/50-cloud-init*']),
  )
  expect(removals(changes)).toContain(`/etc/network/interfaces.d/${guestNetwork.interfaces[0]}`)
  expect(textOf(changes, '/etc/network/interfaces')).not.toBe(undefined)
})

it('T5: profiles of NetworkManager go where it is the renderer, and only there', () => {
  const profiles = '/etc/NetworkManager/system-connections/*.nmconnection'
  const renderer = { ...netplan, renderer: 'NetworkManager' as const }
  expect(removals(changesOf({ rest: { guestNetwork: renderer } }))).toContain(profiles)
  expect(removals(changesOf({ rest: { guestNetwork: netplan } }))).not.toContain(profiles)
})

it('T5: a plain resolv.conf gets the name servers, and is left alone when there are none', () => {
  expect(written(changesOf(), '/etc/resolv.conf')).toEqual({
    kind: 'write',
    path: '/etc/resolv.conf',
    content: 'search lab.example\nnameserver 1.1.1.1\nnameserver 9.9.9.9\n',
    mode: 0o644,
    onlyIf: '/etc/resolv.conf',
  })
  expect(written(changesOf({ interfaces: [dhcp] }), '/etc/resolv.conf')).toBeUndefined()
})

it('T5: an interface is renamed by its MAC and configured under the new name', () => {
  const changes = changesOf({ interfaces: [{ ...nic, rename: 'lan0' }] })
  expect(textOf(changes, '/etc/systemd/network/70-vmwright-lan0.link')).toBe(
    '[Match]\nMACAddress=52:54:00:aa:bb:01\n\n[Link]\nName=lan0\n',
  )
  expect(textOf(changes, '/etc/network/interfaces')).toContain('iface lan0 inet static')
})

it('T5: leases, interface names by MAC and seeds of the template go, and cloud-init does not undo it', () => {
  const changes = changesOf()
  expect(removals(changes)).toEqual(
    expect.arrayContaining([
      '/etc/udev/rules.d/70-persistent-net.rules',
      '/var/lib/dhcp/*.lease*',
      '/var/lib/NetworkManager/*.lease',
      '/var/lib/systemd/random-seed',
    ]),
  )
  expect(written(changes, '/etc/cloud/cloud-init.disabled')).toMatchObject({ onlyIf: '/etc/cloud' })
})
