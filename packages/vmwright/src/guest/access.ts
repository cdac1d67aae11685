import { blockOf, isInside } from '../lib/addresses.ts'
import type { InstanceSpec, ResolvedSpec } from '../spec/resolved.ts'

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
  /** Name in the spec of the host that it is on. */
  readonly host: string
  /** DNS domain of the network that an address is in, for those that are in one of our own. */
  readonly domains: Readonly<Record<string, string>>
}

/** The domains of a guest's addresses, for `GuestLogin`. Pure. */
export const domainsOf = (
  { networks }: Pick<ResolvedSpec, 'networks'>,
  { interfaces }: Pick<InstanceSpec, 'interfaces'>,
  addresses: readonly string[],
): GuestLogin['domains'] => {
  const own = networks.flatMap(({ id, own: network }) =>
    network === undefined || !interfaces.some((nic) => nic.network === id) ? [] : [network],
  )
  return Object.fromEntries(
    addresses.flatMap((address) => {
      const network = own.find(({ ipv4, ipv6 }) =>
        [ipv4, ipv6].some((net) => net !== undefined && isInside(address, blockOf(net.address, net.prefix))),
      )
      return network?.domain === undefined ? [] : [[address, network.domain]]
    }),
  )
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
export const renderKnownHosts = (
  guests: readonly Pick<GuestLogin, 'name' | 'addresses' | 'port' | 'hostKeys'>[],
): string =>
  guests
    .flatMap((guest) => {
      const hosts = [guest.name, ...guest.addresses.map((address) => hostPattern(address, guest.port))]
      return guest.hostKeys.map((key) => `${hosts.join(',')} ${key.split(' ').slice(0, 2).join(' ')}\n`)
    })
    .join('')

/** Lines for /etc/hosts: the name in the domain of the address's network, and the name itself. Pure. */
export const renderEtcHosts = (guests: readonly GuestLogin[]): string =>
  guests
    .flatMap(({ name, addresses, domains }) =>
      addresses.map((address) => {
        const domain = domains[address]
        return `${address}\t${domain === undefined ? '' : `${name}.${domain} `}${name}\n`
      }),
    )
    .join('')

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
