import { canonicalJson } from '../../../lib/hash.ts'
import { el, writeXml } from '../../../lib/xml.ts'
import type { NetworkDefinition } from '../../networks.ts'
import { normalNetwork } from '../../normal-network.ts'
import { derivedMac, dhcpHostElement, dhcpHosts, dnsHostElement, dnsHosts } from './network-xml.ts'

/** One `virNetworkUpdate`. Numbers of `virNetworkUpdateCommand` and `virNetworkUpdateSection` (libvirt-network.h). */
export interface LiveChange {
  readonly command: typeof deleteEntry | typeof addLast
  readonly section: typeof ipDhcpHost | typeof dnsHost
  /** Which `<ip>` of the network, for DHCP; -1 for DNS. */
  readonly parentIndex: number
  readonly xml: string
}

const deleteEntry = 2
const addLast = 3
const ipDhcpHost = 4
const dnsHost = 10

/**
 * The calls that bring a running network from one definition to another while guests stay connected, the removals
 * first, because libvirt allows an address, a MAC and a name once. `undefined`: more differs than reservations and
 * names, which takes a restart. Pure.
 */
export function liveChanges(
  running: NetworkDefinition,
  wanted: NetworkDefinition,
): readonly LiveChange[] | undefined {
  const [from, to] = [normalNetwork(running), normalNetwork(wanted)]
  if (canonicalJson(fixedPart(from)) !== canonicalJson(fixedPart(to))) return undefined
  const families = (['ipv4', 'ipv6'] as const).filter((family) => to[family] !== undefined)
  const dhcp = families.map((family, index) =>
    difference(dhcpHosts(from, family), dhcpHosts(to, family), (command, host) => ({
      command,
      section: ipDhcpHost,
      parentIndex: index,
      // By address alone, because each other attribute would have to match one entry and no other.
      xml: writeXml(command === addLast ? dhcpHostElement(host) : el('host', { ip: host.address })),
    })),
  )
  const dns = difference(dnsHosts(from), dnsHosts(to), (command, host) => ({
    command,
    section: dnsHost,
    parentIndex: -1,
    xml: writeXml(command === addLast ? dnsHostElement(host) : el('host', { ip: host.address })),
  }))
  return [...dhcp, dns].flatMap(({ gone }) => gone).concat([...dhcp, dns].flatMap(({ added }) => added))
}

/** What only a restart changes. */
const fixedPart = (network: NetworkDefinition) => ({
  ...network,
  mac: network.mac ?? derivedMac(network),
  reservations: [],
  records: [],
  autostart: undefined,
})

function difference<T>(
  from: readonly T[],
  to: readonly T[],
  change: (command: LiveChange['command'], entry: T) => LiveChange,
): { readonly gone: readonly LiveChange[]; readonly added: readonly LiveChange[] } {
  const texts = (entries: readonly T[]): ReadonlySet<string> => new Set(entries.map(canonicalJson))
  const [had, wants] = [texts(from), texts(to)]
  return {
    gone: from.filter((entry) => !wants.has(canonicalJson(entry))).map((entry) => change(deleteEntry, entry)),
    added: to.filter((entry) => !had.has(canonicalJson(entry))).map((entry) => change(addLast, entry)),
  }
}
