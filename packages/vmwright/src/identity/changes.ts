import type { HostKey } from '../cloudinit/host-keys.ts'
import type { FileChange } from '../hypervisor/disks.ts'
import type { Secret } from '../lib/secret.ts'
import type { InstanceSource, InstanceSpec } from '../spec/resolved.ts'
import { words } from './guest-interface.ts'
import { networkChanges } from './network.ts'

export interface NewIdentity {
  readonly instance: Pick<InstanceSpec, 'name' | 'interfaces' | 'cloudInit'>
  /** How the guest's network is configured: the instance's source has it. */
  readonly guestNetwork: GuestNetwork
  readonly hostKeys: readonly HostKey[]
  /** Public keys that may log in: `ssh-ed25519 AAAA… comment`. */
  readonly authorizedKeys: readonly string[]
  /** 32 lower-case hexadecimal digits, new for each clone: `newMachineId()`. */
  readonly machineId: string
}

export type GuestNetwork = Pick<
  Extract<InstanceSource, { kind: 'template' }>,
  'network' | 'interfaces' | 'renderer'
>

/**
 * T5. What has to be written into the disks of a clone so that nothing in it is the template's: names, machine-id,
 * SSH host keys, network, and what the template remembers of its own network and randomness. Pure, and the same
 * input gives the same changes, which may be made again.
 */
export const identityChanges = (identity: NewIdentity): readonly FileChange[] => [
  ...ownNames(identity),
  ...ownAccess(identity),
]

/** Who it is, for itself. */
export const ownNames = ({
  instance,
  machineId,
}: Pick<NewIdentity, 'instance' | 'machineId'>): readonly FileChange[] => [
  ...nameChanges(instance),
  ...machineIdChanges(machineId),
]

/** How it is reached: its host keys, who may log in, its network. */
export const ownAccess = (identity: Omit<NewIdentity, 'machineId'>): readonly FileChange[] => [
  ...hostKeyChanges(identity.hostKeys),
  ...loginChanges(identity.instance.cloudInit, identity.authorizedKeys),
  ...networkChanges(identity.instance.interfaces, identity.guestNetwork),
  ...remembered.map((pattern): FileChange => ({ kind: 'remove', pattern })),
  // cloud-init would give it the network and the host keys that the template's last boot knew.
  write('/etc/cloud/cloud-init.disabled', '', { onlyIf: '/etc/cloud' }),
]

function nameChanges({ name, interfaces, cloudInit }: NewIdentity['instance']): readonly FileChange[] {
  const hostname = write('/etc/hostname', `${name}\n`)
  if (!cloudInit.manageEtcHosts) return [hostname]
  const domain = words(interfaces.flatMap((nic) => nic.search))[0]
  const hosts = [
    '127.0.0.1 localhost',
    `127.0.1.1 ${domain === undefined ? '' : `${name}.${domain} `}${name}`,
    '',
    '::1 localhost ip6-localhost ip6-loopback',
    'ff02::1 ip6-allnodes',
    'ff02::2 ip6-allrouters',
    '',
  ]
  return [hostname, write('/etc/hosts', hosts.join('\n'))]
}

/**
 * An id that is written, not one that the first boot makes: systemd takes an empty file for a first boot, with presets
 * and prompts. D-Bus's copy, where it is one, comes back as a link to it (tmpfiles.d/dbus.conf).
 */
const machineIdChanges = (machineId: string): readonly FileChange[] => [
  write('/etc/machine-id', `${machineId}\n`, { mode: 0o444 }),
  { kind: 'remove', pattern: '/var/lib/dbus/machine-id' },
]

const hostKeyChanges = (hostKeys: readonly HostKey[]): readonly FileChange[] => [
  { kind: 'remove', pattern: '/etc/ssh/ssh_host_*' },
  ...hostKeys.flatMap(({ type, privateKey, publicKey }) => {
    const path = `/etc/ssh/ssh_host_${type}_key`
    return [
      write(path, privateKey, { mode: 0o600, onlyIf: '/etc/ssh' }),
      write(`${path}.pub`, `${publicKey}\n`, { onlyIf: '/etc/ssh' }),
    ]
  }),
]

/** As cloud-init does it: keys that the template has stay, and root gets them where root may log in. */
function loginChanges(
  { user, disableRoot }: InstanceSpec['cloudInit'],
  keys: readonly string[],
): readonly FileChange[] {
  if (keys.length === 0) return []
  const users = [...new Set(disableRoot ? [user.name] : [user.name, 'root'])]
  return users.map((name): FileChange => {
    const home = name === 'root' ? '/root' : `/home/${name}`
    const lines = `${[...new Set(keys)].join('\n')}\n`
    const options = { mode: 0o600, onlyIf: home, ownerOf: home, existing: 'add-lines' as const }
    return write(`${home}/.ssh/authorized_keys`, lines, options)
  })
}

/** Interface names and leases bound to the template's MAC, and seeds that two machines must not share. */
const remembered = [
  '/etc/udev/rules.d/70-persistent-net.rules',
  '/var/lib/dhcp/*.lease*',
  '/var/lib/dhcpcd/*',
  '/var/lib/NetworkManager/*.lease',
  '/var/lib/NetworkManager/secret_key',
  '/var/lib/systemd/random-seed',
  '/var/lib/urandom/random-seed',
]

export type WriteOptions = Partial<Omit<Extract<FileChange, { kind: 'write' }>, 'kind' | 'path' | 'content'>>

export const write = (
  path: string,
  content: string | Secret,
  { mode = 0o644, ...rest }: WriteOptions = {},
): Extract<FileChange, { kind: 'write' }> => ({ kind: 'write', path, content, mode, ...rest })
