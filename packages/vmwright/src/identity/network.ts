import type { FileChange } from '../hypervisor/disks.ts'
import type { InstanceSpec, InterfaceSpec } from '../spec/resolved.ts'
import type { GuestNetwork } from './changes.ts'
import { type GuestInterface, words } from './guest-interface.ts'
import { interfacesFile, loopbackOnly } from './ifupdown.ts'
import { netplanFile } from './netplan.ts'

/**
 * The whole network of the guest, in the form that it reads, and nothing of what the template had: files of either
 * form that would set up the same interfaces go.
 */
export function networkChanges(
  interfaces: InstanceSpec['interfaces'],
  { network, interfaces: names, renderer }: GuestNetwork,
): readonly FileChange[] {
  const awaited = interfaces.findIndex((nic) => nic.dhcp4 || nic.dhcp6 || nic.addresses.length > 0)
  const seen = interfaces.map((nic, index): GuestInterface => ({
    name: nic.rename ?? names[index],
    nic,
    isAwaited: index === awaited,
  }))
  const removals = [
    '/etc/netplan/*.yaml',
    ...seen.flatMap(({ name }) => (name === undefined ? [] : interfacesDirectoryFiles(name))),
    '/etc/network/interfaces.d/50-cloud-init*',
    '/etc/systemd/network/70-vmwright-*.link',
    ...(renderer === 'NetworkManager' ? ['/etc/NetworkManager/system-connections/*.nmconnection'] : []),
  ]
  return [
    ...removals.map((pattern): FileChange => ({ kind: 'remove', pattern })),
    ...(network === 'netplan'
      ? [
          file('/etc/netplan/99-vmwright.yaml', netplanFile(seen, renderer), 0o600),
          { ...file('/etc/network/interfaces', loopbackOnly), onlyIf: '/etc/network/interfaces' },
        ]
      : [file('/etc/network/interfaces', interfacesFile(seen))]),
    ...interfaces.flatMap((nic) => (nic.rename === undefined ? [] : [linkFile(nic.mac, nic.rename)])),
    ...resolverFile(interfaces),
  ]
}

/** Names that people give to one interface's file there; a VLAN's, `enp1s0.100`, is another's. */
const interfacesDirectoryFiles = (name: string): readonly string[] =>
  [name, `${name}.cfg`, `[0-9]*-${name}`, `[0-9]*-${name}.cfg`].map(
    (file) => `/etc/network/interfaces.d/${file}`,
  )

/** systemd.link(5): a name given here wins over the kernel's and over one given in the initramfs. */
const linkFile = (mac: string, name: string): FileChange =>
  file(
    `/etc/systemd/network/70-vmwright-${name}.link`,
    `[Match]\nMACAddress=${mac.toLowerCase()}\n\n[Link]\nName=${name}\n`,
  )

/**
 * `dns-nameservers` needs resolvconf, and networkd needs systemd-resolved. Where one of them is at work, resolv.conf is
 * a link, and stays; a plain file is nobody's.
 */
function resolverFile(interfaces: readonly InterfaceSpec[]): readonly FileChange[] {
  const servers = new Set(interfaces.flatMap((nic) => nic.dns))
  const search = new Set(interfaces.flatMap((nic) => words(nic.search)))
  if (servers.size === 0) return []
  const lines = [
    ...(search.size === 0 ? [] : [`search ${[...search].join(' ')}`]),
    ...[...servers].map((server) => `nameserver ${server}`),
    '',
  ]
  return [{ ...file('/etc/resolv.conf', lines.join('\n')), onlyIf: '/etc/resolv.conf' }]
}

const file = (path: string, content: string, mode = 0o644) =>
  ({ kind: 'write', path, content, mode }) satisfies FileChange
