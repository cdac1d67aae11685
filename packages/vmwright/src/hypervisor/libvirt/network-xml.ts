import { childrenOf, find, parseXml, type XmlElement } from '../../lib/xml.ts'

/** What `<network>` says of the addresses it serves: CIDR blocks, and whether it hands out leases. */
export function parseNetwork(xml: string): {
  readonly subnets: readonly string[]
  readonly hasDhcp: boolean
} {
  const blocks = childrenOf(parseXml(xml), 'ip')
  return {
    subnets: blocks.flatMap((ip) => cidrOf(ip) ?? []),
    hasDhcp: blocks.some((ip) => find(ip, 'dhcp') !== undefined),
  }
}

/** libvirt gives the host's own address in the block, with a prefix length or (IPv4) a netmask. */
function cidrOf({ attributes }: XmlElement): string | undefined {
  const { address, netmask, prefix } = attributes
  if (address === undefined) return undefined
  if (address.includes(':')) return `${address}/${prefix ?? '64'}`
  const length = prefix === undefined ? prefixLength(netmask ?? '255.255.255.0') : Number(prefix)
  const mask = length === 0 ? 0 : (0xffff_ffff << (32 - length)) >>> 0
  const network = (toNumber(address) & mask) >>> 0
  return `${[24, 16, 8, 0].map((shift) => (network >>> shift) & 0xff).join('.')}/${length}`
}

const toNumber = (address: string): number =>
  address.split('.').reduce((sum, octet) => ((sum << 8) | Number(octet)) >>> 0, 0)

const prefixLength = (netmask: string): number => toNumber(netmask).toString(2).replaceAll('0', '').length
