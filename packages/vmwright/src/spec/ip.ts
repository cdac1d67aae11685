export interface Ip {
  readonly family: 4 | 6
  readonly value: bigint
}

export interface Cidr extends Ip {
  readonly prefix: number
}

export function parseIp(text: string): Ip | undefined {
  if (!text.includes(':')) {
    const value = parseIp4(text)
    return value === undefined ? undefined : { family: 4, value }
  }
  const value = parseIp6(text)
  return value === undefined ? undefined : { family: 6, value }
}

export function parseCidr(text: string): Cidr | undefined {
  const [address = '', length = '', ...rest] = text.split('/')
  const ip = parseIp(address)
  const prefix = Number(length)
  if (ip === undefined || rest.length > 0 || !/^\d{1,3}$/.test(length) || prefix > bitsOf(ip))
    return undefined
  return { ...ip, prefix }
}

const bitsOf = (ip: Ip): number => (ip.family === 4 ? 32 : 128)

function parseIp4(text: string): bigint | undefined {
  const parts = text.split('.')
  // Leading zeros are octal to some readers and decimal to others.
  if (parts.length !== 4 || parts.some((part) => !/^(0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255))
    return undefined
  return parts.reduce((value, part) => value * 256n + BigInt(part), 0n)
}

function parseIp6(text: string): bigint | undefined {
  const halves = text.split('::')
  if (halves.length > 2) return undefined
  const groups = halves.map((half) => (half === '' ? [] : half.split(':')))
  const last = groups.at(-1)
  const tail = last?.at(-1)
  if (last !== undefined && tail?.includes('.') === true) {
    const value = parseIp4(tail)
    if (value === undefined) return undefined
    last.splice(-1, 1, (value >> 16n).toString(16), (value & 0xffffn).toString(16))
  }
  const [head = [], rest = []] = groups
  const missing = 8 - head.length - rest.length
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined
  const all = [...head, ...Array.from({ length: halves.length === 1 ? 0 : missing }, () => '0'), ...rest]
  if (all.some((group) => !/^[0-9A-Fa-f]{1,4}$/.test(group))) return undefined
  return BigInt(`0x${all.map((group) => group.padStart(4, '0')).join('')}`)
}

/** Canonical text: RFC 5952 for IPv6. */
export function formatIp({ family, value }: Ip): string {
  if (family === 4) return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join('.')
  const groups = Array.from({ length: 8 }, (_, index) =>
    ((value >> BigInt(112 - 16 * index)) & 0xffffn).toString(16),
  )
  const zeros = [...` ${groups.join(' ')} `.matchAll(/(?<= )0( 0)+(?= )/g)].toSorted(
    (a, b) => b[0].length - a[0].length,
  )[0]
  if (zeros === undefined) return groups.join(':')
  const joined = ` ${groups.join(' ')} `
  const before = joined.slice(0, zeros.index).trim().replaceAll(' ', ':')
  const after = joined
    .slice(zeros.index + zeros[0].length)
    .trim()
    .replaceAll(' ', ':')
  return `${before}::${after}`
}

export const formatCidr = (cidr: Cidr): string => `${formatIp(cidr)}/${cidr.prefix}`

/** True when the address lies in the subnet of the other. */
export const isInSubnet = (ip: Ip, of: Cidr): boolean =>
  ip.family === of.family && hostBits(ip.value, of).network === hostBits(of.value, of).network

const hostBits = (
  value: bigint,
  cidr: Cidr,
): { readonly network: bigint; readonly host: bigint; readonly last: bigint } => {
  const bits = BigInt(bitsOf(cidr) - cidr.prefix)
  const last = (1n << bits) - 1n
  return { network: value >> bits, host: value & last, last }
}

/** The first and the last address of the subnet. */
export function edgesOf(cidr: Cidr): { readonly first: bigint; readonly last: bigint } {
  const { host, last } = hostBits(cidr.value, cidr)
  const first = cidr.value - host
  return { first, last: first + last }
}

/** Why no machine can have this address; `undefined` when one can. */
export function unusable(cidr: Cidr): string | undefined {
  const { host, last } = hostBits(cidr.value, cidr)
  if (cidr.family === 4) {
    const first = Number(cidr.value >> 24n)
    if (first === 0 || first === 127 || first >= 224) return 'is not an address of a machine'
    if (cidr.prefix < 31 && host === 0n) return 'is the address of the subnet itself'
    if (cidr.prefix < 31 && host === last) return 'is the broadcast address of its subnet'
    return undefined
  }
  if (cidr.value <= 1n || cidr.value >> 120n === 0xffn) return 'is not an address of a machine'
  return cidr.prefix < 127 && host === 0n ? 'is the address of the subnet itself' : undefined
}

/** The address `count` further; `undefined` when that leaves the subnet. */
export function addressPlus(cidr: Cidr, count: number): Cidr | undefined {
  const next = { ...cidr, value: cidr.value + BigInt(count) }
  return isInSubnet(next, cidr) ? next : undefined
}
