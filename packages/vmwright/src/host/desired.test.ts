import { expect, it, test } from 'vitest'
import { itemName, type HostFactsOfSystem } from '../hypervisor/host/items.ts'
import { noPreparation, type PreparationSpec } from '../spec/resolved-places.ts'
import { hostSpec } from '../testing/specs.ts'
import { candidateItems, desiredItems } from './desired.ts'
import { packagesFor } from './packages.ts'
import { debian } from './testing.ts'

const desired = (facts: Partial<HostFactsOfSystem>, preparation: Partial<PreparationSpec> = {}) =>
  desiredItems(hostSpec({ preparation: { ...noPreparation, ...preparation } }), { ...debian, ...facts })
const names = (...args: Parameters<typeof desired>) => desired(...args).map(({ item }) => itemName(item))

const bare = { libvirt: undefined } as const

test.each([
  ['debian', '12', bare, ['virtlogd', 'libvirtd']],
  [
    'debian',
    '24.04',
    { libvirt: { version: '11.0.0', daemons: 'modular' } },
    ['virtlogd', 'virtqemud', 'virtnetworkd', 'virtstoraged'],
  ],
  ['redhat', '8.10', bare, ['virtlogd', 'libvirtd']],
  ['redhat', '9.4', bare, ['virtlogd', 'virtqemud', 'virtnetworkd', 'virtstoraged']],
  ['redhat', '41', bare, ['virtlogd', 'virtqemud', 'virtnetworkd', 'virtstoraged']],
  ['suse', '15.5', bare, ['virtlogd', 'libvirtd']],
  ['suse', '15.6', bare, ['virtlogd', 'virtqemud', 'virtnetworkd', 'virtstoraged']],
  ['suse', '20261101', bare, ['virtlogd', 'virtqemud', 'virtnetworkd', 'virtstoraged']],
  ['arch', '', bare, ['virtlogd', 'libvirtd']],
] as const)(
  'K2: starts the daemons of %s %s as they are there or will be',
  (family, release, facts, services) => {
    const wanted = desired({ family, release, ...facts }).flatMap(({ item }) =>
      item.kind === 'service' ? [item.name] : [],
    )
    expect(wanted).toEqual(services)
  },
)

test.each([
  [
    'debian',
    'x86_64',
    [
      'libvirt-daemon-system',
      'qemu-system-x86',
      'ovmf',
      'dnsmasq-base',
      'nftables',
      'acl',
      'libguestfs-tools',
    ],
  ],
  ['debian', 'aarch64', ['qemu-system-arm', 'qemu-efi-aarch64']],
  ['redhat', 'x86_64', ['libvirt-daemon-kvm', 'qemu-kvm', 'edk2-ovmf', 'guestfs-tools']],
  ['arch', 'x86_64', ['libvirt', 'qemu-base', 'edk2-ovmf']],
  ['suse', 'aarch64', ['libvirt-daemon-qemu', 'qemu-arm', 'qemu-uefi-aarch64']],
] as const)('K2: %s on %s has its own package names', (family, architecture, some) => {
  expect(packagesFor(family, architecture)).toEqual(expect.arrayContaining([...some]))
})

it('K2: installs nothing by name on a distribution that it does not know', () => {
  expect(names({ family: 'unknown' }).filter((name) => name.startsWith('package'))).toEqual([])
})

test.each([
  ['vmx', 'kernel module kvm_intel'],
  ['svm', 'kernel module kvm_amd'],
] as const)('K1: loads the module of a processor with %s', (processor, module) => {
  const virtualisation = { ...debian.virtualisation, processor }
  const modules = names({ virtualisation }).filter((name) => name.startsWith('kernel module kvm'))
  expect(modules).toEqual([module])
})

test.each([
  ['9.0.0', []],
  ['10.3.0', []],
  ['10.4.0', ['/etc/libvirt/network.conf: firewall_backend']],
  ['11.1.0', ['/etc/libvirt/network.conf: firewall_backend']],
])('K2: libvirt %s has the setting of its firewall, or not', (version, lines) => {
  const libvirt = { version, daemons: 'modular' } as const
  const items = desired({ libvirt }, { firewallBackend: 'nftables' })
  expect(items.flatMap(({ item }) => (item.kind === 'config-line' ? [itemName(item)] : []))).toEqual(lines)
  const line = items.find(({ item }) => item.kind === 'config-line')?.item
  expect(line ?? { value: '"nftables"', reload: 'virtnetworkd' }).toMatchObject({
    value: '"nftables"',
    reload: 'virtnetworkd',
  })
})

it('K2: what the spec asks for goes before what every host gets, packages before what they bring', () => {
  const items = desired(
    {},
    {
      packages: ['htop', 'acl'],
      sysctls: { 'net.ipv4.ip_forward': '0' },
      modules: ['br_netfilter'],
      users: ['ann'],
    },
  )
  const at = (name: string) => items.findIndex(({ item }) => itemName(item) === name)
  expect(items.filter(({ item }) => itemName(item) === 'package acl')).toMatchObject([{ weight: 'asked' }])
  expect(items.filter(({ item }) => item.kind === 'sysctl')).toMatchObject([{ item: { value: '0' } }])
  const order = [
    'package htop',
    'kernel module br_netfilter',
    'sysctl net.ipv4.ip_forward',
    'service libvirtd',
    'group libvirt: ann',
    'group kvm: ann',
  ].map(at)
  expect(order).toEqual(order.toSorted((a, b) => a - b))
  expect(order).not.toContain(-1)
})

it('K2: leaves services and forwarding alone where guests run as the user', () => {
  const items = desiredItems(hostSpec({ uri: 'qemu:///session' }), debian)
  expect(items.filter(({ item }) => item.kind === 'service' || item.kind === 'sysctl')).toEqual([])
})

test.each(['debian', 'redhat', 'arch', 'suse', 'unknown'] as const)(
  'K2: one look at the candidates is enough for %s',
  (family) => {
    const preparation: PreparationSpec = {
      packages: ['htop'],
      sysctls: { 'vm.swappiness': '10' },
      modules: ['nbd'],
      users: ['ann'],
      firewallBackend: 'iptables',
      bridges: [],
    }
    const spec = hostSpec({ preparation })
    const looked = new Set(candidateItems(spec).map(itemName))
    for (const daemons of ['monolithic', 'modular'] as const)
      for (const architecture of ['x86_64', 'aarch64']) {
        const libvirt = { version: '10.6.0', daemons }
        const wanted = desiredItems(spec, { ...debian, family, architecture, libvirt })
        expect(wanted.map(({ item }) => itemName(item)).filter((name) => !looked.has(name))).toEqual([])
      }
  },
)
