import { BlockList, isIPv4, isIPv6, SocketAddress } from 'node:net'

/** True when the address (without prefix length) lies in the CIDR block. */
export function isInside(address: string, block: string): boolean {
  const [network = '', prefix = ''] = block.split('/')
  if (isIPv4(address) !== isIPv4(network)) return false
  const list = new BlockList()
  list.addSubnet(network, Number(prefix), family(network))
  return list.check(address, family(address))
}

/** `192.168.1.7/24` → `192.168.1.7` */
export const withoutPrefix = (address: string): string => address.split('/')[0] ?? address

const family = (address: string): 'ipv4' | 'ipv6' => (isIPv4(address) ? 'ipv4' : 'ipv6')

/** The CIDR block that the address is in: `10.1.2.3`, 24 → `10.1.2.0/24`. Both families. */
export function blockOf(address: string, prefix: number): string {
  const bits = isIPv4(address) ? 32 : 128
  const host = (1n << BigInt(bits - prefix)) - 1n
  return `${fromNumber(toNumber(address) & ~host, bits)}/${prefix}`
}

/** As everybody writes it: `FD00:0::1` → `fd00::1`. Text that is no address stays as it is. */
export const canonicalAddress = (address: string): string =>
  isIPv6(address) ? new SocketAddress({ address, family: 'ipv6' }).address : address

/** For sorting: IPv4 first, then by number. */
export function compareAddresses(a: string, b: string): number {
  const families = Number(a.includes(':')) - Number(b.includes(':'))
  if (families !== 0) return families
  const [left, right] = [toNumber(a), toNumber(b)]
  return left < right ? -1 : left > right ? 1 : 0
}

/** True when two CIDR blocks have an address in common. */
export const blocksOverlap = (a: string, b: string): boolean =>
  isInside(withoutPrefix(a), b) || isInside(withoutPrefix(b), a)

/** The address as a number, to compare and to sort by. */
export function toNumber(address: string): bigint {
  if (isIPv4(address)) return address.split('.').reduce((sum, octet) => (sum << 8n) | BigInt(octet), 0n)
  const plain = address.replace(/[\d.]+\.\d+$/, (v4) => hexPairs(toNumber(v4)))
  const [head = '', tail] = plain.split('::')
  const groups = (part: string): readonly string[] => (part === '' ? [] : part.split(':'))
  const [before, after] = [groups(head), groups(tail ?? '')]
  const zeros = tail === undefined ? [] : Array.from({ length: 8 - before.length - after.length }, () => '0')
  return [...before, ...zeros, ...after].reduce((sum, group) => (sum << 16n) | BigInt(`0x${group}`), 0n)
}

const hexPairs = (number: bigint): string =>
  `${(number >> 16n).toString(16)}:${(number & 0xffffn).toString(16)}`

export function fromNumber(number: bigint, bits: 32 | 128): string {
  const size = bits === 32 ? 8n : 16n
  const parts = Array.from(
    { length: bits === 32 ? 4 : 8 },
    (_, index) => (number >> (size * BigInt((bits === 32 ? 3 : 7) - index))) & ((1n << size) - 1n),
  )
  if (bits === 32) return parts.join('.')
  const address = parts.map((part) => part.toString(16)).join(':')
  return new SocketAddress({ address, family: 'ipv6' }).address
}
