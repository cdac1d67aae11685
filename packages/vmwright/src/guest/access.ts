import { isIPv4 } from 'node:net'
import { stringify } from 'yaml'

/** What somebody who wants into a guest has to know. */
export interface GuestLogin {
  readonly name: string
  /** The best first. */
  readonly addresses: readonly string[]
  readonly port: number
  readonly user: string
  /** Public host keys, `ssh-ed25519 AAAA…`. */
  readonly hostKeys: readonly string[]
  /** Private key to log in with; `undefined` leaves the choice to the client. */
  readonly identityFile: string | undefined
  /** Group in the spec, for inventories. */
  readonly group: string
}

export interface AccessFiles {
  /** Absolute path of the file that `renderKnownHosts` was written to. */
  readonly knownHosts: string
}

/** An `ssh_config` for `ssh -F` or `Include`. Guests without an address are left out. Pure. */
export const renderSshConfig = (guests: readonly GuestLogin[], files: AccessFiles): string =>
  reachable(guests)
    .map(({ guest, address }) =>
      [
        `Host ${guest.name}`,
        `  HostName ${address}`,
        `  Port ${guest.port}`,
        `  User ${guest.user}`,
        `  HostKeyAlias ${guest.name}`,
        `  UserKnownHostsFile ${quoted(files.knownHosts)}`,
        `  StrictHostKeyChecking yes`,
        ...(guest.identityFile === undefined
          ? []
          : [`  IdentityFile ${quoted(guest.identityFile)}`, `  IdentitiesOnly yes`]),
        '',
      ].join('\n'),
    )
    .join('\n')

/** A `known_hosts`: each key under the name and all addresses of its guest. Pure. */
export const renderKnownHosts = (guests: readonly GuestLogin[]): string =>
  guests
    .flatMap((guest) => {
      const hosts = [guest.name, ...guest.addresses.map((address) => hostPattern(address, guest.port))]
      return guest.hostKeys.map((key) => `${hosts.join(',')} ${key.split(' ').slice(0, 2).join(' ')}\n`)
    })
    .join('')

/** An Ansible inventory in YAML, a group for each group of the spec. Pure. */
export function renderAnsibleInventory(guests: readonly GuestLogin[], files: AccessFiles): string {
  const groups: Record<string, { readonly hosts: Record<string, unknown> }> = {}
  for (const { guest, address } of reachable(guests)) {
    const group = (groups[inventoryName(guest.group)] ??= { hosts: {} })
    group.hosts[guest.name] = {
      ansible_host: address,
      ansible_port: guest.port,
      ansible_user: guest.user,
      ...(guest.identityFile === undefined ? {} : { ansible_ssh_private_key_file: guest.identityFile }),
      ansible_ssh_common_args: [
        `-o HostKeyAlias=${guest.name}`,
        `-o UserKnownHostsFile=${shellQuoted(files.knownHosts)}`,
        '-o StrictHostKeyChecking=yes',
      ].join(' '),
    }
  }
  return stringify({ all: { children: groups } }, { lineWidth: 0 })
}

/** Lines for /etc/hosts. Pure. */
export const renderEtcHosts = (guests: readonly GuestLogin[]): string =>
  guests.flatMap((guest) => guest.addresses.map((address) => `${address}\t${guest.name}\n`)).join('')

/**
 * What a client elsewhere has to do to reach networks behind the host: the routes, as commands to run there. Pure.
 */
export const renderRouteHint = (host: string, subnets: readonly string[]): string =>
  subnets.length === 0
    ? ''
    : [
        `# On a client that should reach the guests behind ${host} (which must forward between its networks):`,
        ...subnets.map(
          (subnet) =>
            `sudo ip ${isIPv4(subnet.split('/')[0] ?? '') ? '' : '-6 '}route add ${subnet} via ${host}`,
        ),
        '',
      ].join('\n')

const reachable = (
  guests: readonly GuestLogin[],
): { readonly guest: GuestLogin; readonly address: string }[] =>
  guests.flatMap((guest) => {
    const [address] = guest.addresses
    return address === undefined ? [] : [{ guest, address }]
  })

/** sshd(8), SSH_KNOWN_HOSTS FILE FORMAT: a port other than 22 is written as `[host]:port`. */
const hostPattern = (address: string, port: number): string =>
  port === 22 ? address : `[${address}]:${port}`

/** ssh_config(5): an argument with spaces stands in double quotes; `%` starts a token. */
const quoted = (path: string): string => `"${path.replaceAll('%', '%%').replaceAll('"', String.raw`\"`)}"`

/** Ansible splits these arguments like a shell; OpenSSH expands `%` afterwards. */
const shellQuoted = (path: string): string => {
  const value = path.replaceAll('%', '%%')
  return /^[\w./-]+$/.test(value) ? value : `'"${value.replaceAll("'", String.raw`'\''`)}"'`
}

/** Ansible warns about group names that are no identifiers. */
const inventoryName = (group: string): string => group.replace(/\W/g, '_').replace(/^(?=\d)/, '_')
