import { sha256Hex, uuidFromNames } from '../../../lib/hash.ts'
import { el, writeXml, type XmlElement } from '../../../lib/xml.ts'
import type { NetworkAddress, NetworkDefinition, NetworkMark, Reservation } from '../../networks.ts'
import { normalNetwork } from '../../normal-network.ts'
import { prefixed } from '../mark-xml.ts'

/** Namespace of the mark in a network's `<metadata>`. libvirt keeps what is defined there since 2.1. */
export const networkNamespace = 'urn:vmwright:network:1'

/** The UUID of a network that is made here: making it twice makes the same network. */
export const networkId = (network: Pick<NetworkDefinition, 'name' | 'mark'>): string =>
  uuidFromNames('network', network.mark.project, network.mark.network, network.name)

/** The MAC of a bridge that nobody gave one: always the same, so that defining it again is no change. */
export const derivedMac = ({ name, mark }: Pick<NetworkDefinition, 'name' | 'mark'>): string =>
  `52:54:00:${(sha256Hex(`${mark.project}\0${mark.network}\0${name}`).slice(0, 6).match(/../g) ?? []).join(':')}`

/** A network as libvirt defines it (formatnetwork.html), with our mark. */
export function networkXml(definition: NetworkDefinition, id = networkId(definition)): string {
  const network = normalNetwork(definition)
  const hasOwnBridge = network.mode !== 'bridge' && network.mode !== 'macvtap'
  return writeXml(
    el(
      'network',
      {},
      el('name', {}, network.name),
      el('uuid', {}, id),
      el('metadata', {}, markElement(network.mark)),
      forward(network),
      bridge(network),
      ...(hasOwnBridge ? ofOwnBridge(network) : []),
    ),
  )
}

const markElement = ({ project, network }: NetworkMark): XmlElement =>
  prefixed(el('network', { project, key: network }), 'vmwright', networkNamespace)

function forward({ mode, interface: device, ipv6 }: NetworkDefinition): XmlElement | undefined {
  switch (mode) {
    case 'isolated':
      return undefined
    case 'open':
      return el('forward', { mode: 'open' })
    case 'bridge':
      return el('forward', { mode: 'bridge' })
    case 'macvtap':
      return el('forward', { mode: 'bridge' }, el('interface', { dev: device }))
    case 'routed':
      return el('forward', { mode: 'route', dev: device })
    case 'nat':
      // Without it libvirt (since 6.5) translates IPv4 alone, and IPv6 goes out under addresses nobody answers to.
      return el('forward', { mode: 'nat', dev: device }, ipv6 && el('nat', { ipv6: 'yes' }))
  }
}

/**
 * Without STP: with it, what a machine sends and gets is lost for 4 seconds after each start and each restore, because
 * the kernel raises a shorter delay to 2 seconds, twice (br_stp_if.c, `br_stp_start`). A loop needs a machine that
 * bridges two interfaces in the same network.
 */
function bridge({ mode, bridge: name }: NetworkDefinition): XmlElement | undefined {
  if (mode === 'macvtap') return undefined
  return mode === 'bridge' ? el('bridge', { name }) : el('bridge', { name, stp: 'off' })
}

function ofOwnBridge(network: NetworkDefinition): readonly (XmlElement | undefined)[] {
  const { mtu, mac, domain, ipv4, ipv6 } = network
  return [
    mtu === undefined ? undefined : el('mtu', { size: mtu }),
    el('mac', { address: mac ?? derivedMac(network) }),
    domain === undefined ? undefined : el('domain', { name: domain, localOnly: 'yes' }),
    dns(network),
    ipv4 && ip(ipv4, dhcpHosts(network, 'ipv4')),
    ipv6 && ip(ipv6, dhcpHosts(network, 'ipv6')),
  ]
}

function dns(network: NetworkDefinition): XmlElement | undefined {
  const entries = [
    ...network.forwarders.map((addr) => el('forwarder', { addr })),
    ...dnsHosts(network).map(dnsHostElement),
  ]
  return entries.length === 0 ? undefined : el('dns', {}, ...entries)
}

function ip({ address, prefix, dhcp }: NetworkAddress, hosts: readonly DhcpHost[]): XmlElement {
  const family = address.includes(':') ? 'ipv6' : undefined
  return el(
    'ip',
    { family, address, prefix },
    dhcp && el('dhcp', {}, el('range', { start: dhcp.from, end: dhcp.to }), ...hosts.map(dhcpHostElement)),
  )
}

/** A name server's entry; libvirt allows one for each address, so that it has all names of it. */
export interface DnsHost {
  readonly address: string
  readonly names: readonly string[]
}

/**
 * A DHCP server's entry. dnsmasq knows a client of DHCPv6 by its DUID or by the name that it sends: `id` is the
 * DUID that follows from a MAC (DUID-LL, RFC 8415 11.4).
 */
export interface DhcpHost {
  readonly address: string
  readonly mac: string | undefined
  readonly id: string | undefined
  /** Absent where another entry has the name already: libvirt allows it once. */
  readonly name: string | undefined
}

/** Of a normal definition: names of reservations are known before (and without) a lease. */
export function dnsHosts({ reservations, records }: NetworkDefinition): readonly DnsHost[] {
  const hosts = new Map<string, readonly string[]>()
  for (const { address, name } of reservations) hosts.set(address, [name])
  for (const { address, names } of records) hosts.set(address, [...(hosts.get(address) ?? []), ...names])
  return [...hosts].map(([address, names]) => ({ address, names }))
}

/** Of a normal definition. */
export function dhcpHosts(network: NetworkDefinition, family: 'ipv4' | 'ipv6'): readonly DhcpHost[] {
  if (network[family]?.dhcp === undefined) return []
  const taken = new Set<string>()
  const once = (name: string): string | undefined => {
    if (taken.has(name)) return undefined
    taken.add(name)
    return name
  }
  return network.reservations
    .filter((one): one is Reservation & { mac: string } => one.mac !== undefined)
    .filter(({ address }) => address.includes(':') === (family === 'ipv6'))
    .map(({ address, mac, name }) => ({
      address,
      mac: family === 'ipv4' ? mac : undefined,
      id: family === 'ipv6' ? `${duidPrefix}${mac}` : undefined,
      name: once(name),
    }))
}

/** DUID-LL of an Ethernet interface. */
export const duidPrefix = '00:03:00:01:'

export const dnsHostElement = ({ address, names }: DnsHost): XmlElement =>
  el('host', { ip: address }, ...names.map((name) => el('hostname', {}, name)))

export const dhcpHostElement = ({ address, mac, id, name }: DhcpHost): XmlElement =>
  el('host', { mac, id, name, ip: address })
