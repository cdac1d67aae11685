import type { HostFactsOfSystem, HostItem } from '../hypervisor/host/items.ts'
import { isSession } from '../spec/hosts.ts'
import type { HostSpec } from '../spec/resolved.ts'
import { packagesFor, packageTable } from './packages.ts'

export interface DesiredItem {
  readonly item: HostItem
  /** Why the host should have it, in one short sentence. */
  readonly reason: string
  /** `required` by every host, `asked` by the spec; without a `useful` one everything works, only slower. */
  readonly weight: 'required' | 'asked' | 'useful'
}

/**
 * What a host should have, in the order in which it is made so: packages bring groups, modules and services. Facts
 * tell what depends on the host: names of packages, which daemons there are or will be, whose processor it has. Pure.
 */
export function desiredItems(
  spec: Pick<HostSpec, 'uri' | 'preparation'>,
  facts: HostFactsOfSystem,
): readonly DesiredItem[] {
  const { preparation } = spec
  const { family, architecture } = facts
  const own = packagesFor(family, architecture)
  const daemons = facts.libvirt?.daemons ?? expectedDaemons(facts)
  const everyone: readonly DesiredItem[] = [
    ...own.map((name) => needed({ kind: 'package', name }, 'guests, networks and disks need it')),
    ...modulesFor(facts),
    ...(isSession(spec.uri)
      ? []
      : [
          needed({ kind: 'sysctl', name: 'net.ipv4.ip_forward', value: '1' }, 'networks with NAT or routes'),
          ...serviceNames[daemons].map((name) => needed({ kind: 'service', name }, 'it runs the guests')),
        ]),
  ]
  const asked: readonly DesiredItem[] = [
    ...preparation.packages.map((name) => wish({ kind: 'package', name })),
    ...preparation.modules.map((name) => wish({ kind: 'kernel-module', name })),
    ...Object.entries(preparation.sysctls).map(([name, value]) => wish({ kind: 'sysctl', name, value })),
    ...firewallBackend(spec, facts, daemons),
    ...preparation.users.flatMap((user) =>
      groupsFor(family).map((group) => wish({ kind: 'group-member', user, group })),
    ),
  ]
  return inOrder(withoutTwins([...asked, ...everyone]))
}

/** `firewall_backend` of `network.conf`: libvirt reads it since 10.4. */
export const knowsFirewallBackend = ({ libvirt }: HostFactsOfSystem): boolean => {
  const [major = 0, minor = 0] = (libvirt?.version ?? '').split('.').map(Number)
  return major > 10 || (major === 10 && minor >= 4)
}

const needed = (item: HostItem, reason: string): DesiredItem => ({ item, reason, weight: 'required' })
const wish = (item: HostItem): DesiredItem => ({ item, reason: 'the spec asks for it', weight: 'asked' })

/** `virtlogd` keeps the consoles of guests; all are started by their sockets where the distribution does so. */
const serviceNames = {
  monolithic: ['virtlogd', 'libvirtd'],
  modular: ['virtlogd', 'virtqemud', 'virtnetworkd', 'virtstoraged'],
} as const

/** Before libvirt is there. RHEL and kin are modular since 9, Fedora since 35, SLES and openSUSE since 15.6. */
function expectedDaemons({ family, release }: HostFactsOfSystem): 'monolithic' | 'modular' {
  const isAtLeast = (wanted: number): boolean => !(Number.parseFloat(release) < wanted) // NaN: a rolling one
  if (family === 'redhat') return isAtLeast(9) ? 'modular' : 'monolithic'
  if (family === 'suse') return isAtLeast(15.6) ? 'modular' : 'monolithic'
  return 'monolithic'
}

function modulesFor({ virtualisation, architecture }: HostFactsOfSystem): readonly DesiredItem[] {
  const { processor } = virtualisation
  const module = (name: string, reason: string, weight: DesiredItem['weight']): DesiredItem => ({
    item: { kind: 'kernel-module', name },
    reason,
    weight,
  })
  return [
    ...(processor === undefined || architecture !== 'x86_64'
      ? []
      : [module(processor === 'vmx' ? 'kvm_intel' : 'kvm_amd', 'guests at full speed', 'useful')]),
    module('tun', 'network interfaces of guests', 'required'),
    module('vhost_net', 'a faster network for guests', 'useful'),
  ]
}

function firewallBackend(
  { preparation }: Pick<HostSpec, 'preparation'>,
  facts: HostFactsOfSystem,
  daemons: 'monolithic' | 'modular',
): readonly DesiredItem[] {
  const backend = preparation.firewallBackend
  if (backend === undefined || !knowsFirewallBackend(facts)) return []
  return [wish(firewallLine(backend, daemons === 'modular' ? 'virtnetworkd' : 'libvirtd'))]
}

const firewallLine = (backend: 'nftables' | 'iptables', reload: string): HostItem => ({
  kind: 'config-line',
  path: '/etc/libvirt/network.conf',
  key: 'firewall_backend',
  value: `"${backend}"`,
  separator: ' = ',
  reload,
})

/** `libvirt` may use the system's daemon; `kvm` may open `/dev/kvm`, which everybody may elsewhere. */
const groupsFor = (family: HostFactsOfSystem['family']): readonly string[] =>
  family === 'debian' || family === 'arch' ? ['libvirt', 'kvm'] : ['libvirt']

const order: readonly HostItem['kind'][] = [
  'package',
  'kernel-module',
  'sysctl',
  'config-line',
  'service',
  'group-member',
]

const inOrder = (items: readonly DesiredItem[]): readonly DesiredItem[] =>
  items.toSorted((one, other) => order.indexOf(one.item.kind) - order.indexOf(other.item.kind))

/** What the spec says goes before what every host gets. */
function withoutTwins(items: readonly DesiredItem[]): readonly DesiredItem[] {
  const subject = ({ item }: DesiredItem): string =>
    item.kind === 'group-member'
      ? JSON.stringify([item.kind, item.user, item.group])
      : JSON.stringify([item.kind, item.kind === 'config-line' ? [item.path, item.key] : item.name])
  const seen = new Set<string>()
  return items.filter((item) => !seen.has(subject(item)) && seen.add(subject(item)))
}

/**
 * All that might be desired, before anything is known of the host: so that one look at it is enough. What belongs to
 * other distributions is told as not there, which costs nothing. Pure.
 */
export function candidateItems(spec: Pick<HostSpec, 'uri' | 'preparation'>): readonly HostItem[] {
  const { preparation } = spec
  const packages = new Set([
    ...packageTable.flatMap(({ names }) => Object.values(names).flat()),
    ...preparation.packages,
  ])
  const names = (kind: 'package' | 'kernel-module' | 'service', all: Iterable<string>): readonly HostItem[] =>
    [...all].map((name) => ({ kind, name }))
  const sysctls = new Map([['net.ipv4.ip_forward', '1'], ...Object.entries(preparation.sysctls)])
  const backend = preparation.firewallBackend
  return [
    ...names('package', packages),
    ...names('kernel-module', new Set(['kvm_intel', 'kvm_amd', 'tun', 'vhost_net', ...preparation.modules])),
    ...[...sysctls].map(([name, value]) => ({ kind: 'sysctl', name, value }) as const),
    ...names('service', new Set([...serviceNames.monolithic, ...serviceNames.modular])),
    ...(backend === undefined ? [] : [firewallLine(backend, 'libvirtd')]),
    ...preparation.users.flatMap((user) =>
      ['libvirt', 'kvm'].map((group) => ({ kind: 'group-member', user, group }) as const),
    ),
  ]
}
