import { blockOf } from '../../../lib/addresses.ts'
import { childrenOf, find, parseXml, textAt, type XmlElement } from '../../../lib/xml.ts'
import type { NetworkAddress, NetworkDefinition, NetworkMark, Reservation } from '../../networks.ts'
import { normalNetwork } from '../../normal-network.ts'
import { metadataIn } from '../mark-xml.ts'
import { duidPrefix, networkNamespace } from './network-xml.ts'

/** What any network's XML tells. */
export interface DescribedNetwork {
  readonly id: string
  readonly mark: NetworkMark | undefined
  readonly bridge: string | undefined
  /** libvirt made its bridge, so that stopping it takes the bridge away from under the guests. */
  readonly ownsBridge: boolean
  readonly subnets: readonly string[]
  readonly hasDhcp: boolean
  /** Interfaces of running machines that libvirt knows to be connected. */
  readonly connections: number
  /** `autostart` aside, which no XML tells; `undefined` for networks of others. */
  readonly definition: NetworkDefinition | undefined
}

export function parseNetwork(xml: string): DescribedNetwork {
  const network = parseXml(xml)
  const mark = parseMark(network)
  const mode = modeOf(network)
  const blocks = childrenOf(network, 'ip').flatMap(parseAddress)
  const bridge = find(network, 'bridge')?.attributes['name']
  return {
    id: textAt(network, 'uuid') ?? '',
    mark,
    bridge,
    ownsBridge: bridge !== undefined && mode !== 'bridge',
    subnets: blocks.map(({ address, prefix }) => blockOf(address, prefix)),
    hasDhcp: childrenOf(network, 'ip').some((ip) => find(ip, 'dhcp') !== undefined),
    connections: Number(network.attributes['connections'] ?? 0),
    definition: mark && mode && definitionOf(network, mark, mode),
  }
}

function parseMark(network: XmlElement): NetworkMark | undefined {
  const { project, key } = metadataIn(network, networkNamespace)?.attributes ?? {}
  return project === undefined || key === undefined ? undefined : { project, network: key }
}

function modeOf(network: XmlElement): NetworkDefinition['mode'] | undefined {
  const forward = find(network, 'forward')
  const mode = forward === undefined ? 'none' : (forward.attributes['mode'] ?? 'nat')
  switch (mode) {
    case 'none':
      return 'isolated'
    case 'nat':
    case 'open':
      return mode
    case 'route':
      return 'routed'
    case 'bridge':
      return find(network, 'bridge') === undefined ? 'macvtap' : 'bridge'
    default:
      return undefined
  }
}

function definitionOf(
  network: XmlElement,
  mark: NetworkMark,
  mode: NetworkDefinition['mode'],
): NetworkDefinition {
  const forward = find(network, 'forward')
  const mtu = find(network, 'mtu')?.attributes['size']
  const blocks = childrenOf(network, 'ip').flatMap(parseAddress)
  const dns = find(network, 'dns')
  const macs = macsByAddress(network)
  return normalNetwork({
    name: textAt(network, 'name') ?? '',
    mark,
    mode,
    bridge: find(network, 'bridge')?.attributes['name'],
    mac: find(network, 'mac')?.attributes['address'],
    interface: forward?.attributes['dev'] ?? find(forward, 'interface')?.attributes['dev'],
    mtu: mtu === undefined ? undefined : Number(mtu),
    ipv4: blocks.find(({ address }) => !address.includes(':')),
    ipv6: blocks.find(({ address }) => address.includes(':')),
    domain: find(network, 'domain')?.attributes['name'],
    forwarders: childrenOf(dns, 'forwarder').flatMap(({ attributes }) => attributes['addr'] ?? []),
    reservations: [...macs].map(([address, { mac, name }]): Reservation => ({
      mac,
      name: nameOf(dns, address) ?? name,
      address,
    })),
    records: childrenOf(dns, 'host').map((host) => ({
      address: host.attributes['ip'] ?? '',
      names: namesOf(host),
    })),
    autostart: false,
  })
}

/** libvirt gives the host's own address in the block, with a prefix length or (IPv4) a netmask. */
function parseAddress(ip: XmlElement): readonly NetworkAddress[] {
  const { address, netmask, prefix } = ip.attributes
  if (address === undefined) return []
  const range = find(ip, 'dhcp', 'range')?.attributes
  const { start, end } = range ?? {}
  const usual = address.includes(':') ? 64 : prefixLength(netmask ?? '255.255.255.0')
  return [
    {
      address,
      prefix: prefix === undefined ? usual : Number(prefix),
      dhcp: start === undefined || end === undefined ? undefined : { from: start, to: end },
    },
  ]
}

function macsByAddress(network: XmlElement) {
  const hosts = childrenOf(network, 'ip').flatMap((ip) => childrenOf(find(ip, 'dhcp'), 'host'))
  return new Map(
    hosts.flatMap(({ attributes }) => {
      const { ip, mac, id, name } = attributes
      const known = mac ?? (id?.startsWith(duidPrefix) === true ? id.slice(duidPrefix.length) : undefined)
      return ip === undefined ? [] : [[ip, { mac: known, name: name ?? '' }] as const]
    }),
  )
}

const nameOf = (dns: XmlElement | undefined, address: string): string | undefined =>
  childrenOf(dns, 'host')
    .filter((host) => host.attributes['ip'] === address)
    .flatMap(namesOf)[0]

const namesOf = (host: XmlElement): readonly string[] =>
  childrenOf(host, 'hostname').flatMap((name) => textAt(name) ?? [])

const prefixLength = (netmask: string): number =>
  netmask
    .split('.')
    .map((octet) => Number(octet).toString(2).replaceAll('0', '').length)
    .reduce((sum, bits) => sum + bits, 0)
