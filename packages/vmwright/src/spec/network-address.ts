import type { NetworkDocument } from '@vmwright/contract'
import { type Cidr, edgesOf, formatIp, type Ip, isInSubnet, parseCidr, parseIp, unusable } from './ip.ts'
import type { Path } from './node.ts'
import type { Report } from './report.ts'
import type { OwnNetworkAddress } from './resolved-places.ts'

type Written = NonNullable<NetworkDocument['ipv4']>
type Range = NonNullable<OwnNetworkAddress['dhcp']>

/** libvirt takes at most 65,535 (`virSocketAddrGetRange`). */
const maxRange = 65_000n

/** The host's own address on a network and the range of its DHCP server, both within the block. */
export function resolveHostAddress(
  written: Written | undefined,
  family: 4 | 6,
  at: Path,
  report: Report,
): OwnNetworkAddress | undefined {
  if (written === undefined) return undefined
  const { address, dhcp } = typeof written === 'string' ? { address: written, dhcp: undefined } : written
  const path = typeof written === 'string' ? at : [...at, 'address']
  const cidr = parseCidr(address)
  if (cidr?.family !== family) {
    report.at(
      path,
      `is not an IPv${family} address with prefix length`,
      family === 4 ? 'Write `10.10.0.1/24`.' : 'Write `fd00:10::1/64`.',
    )
    return undefined
  }
  const reason = unusable(cidr) ?? unusableLength(cidr)
  if (reason !== undefined) {
    report.at(path, reason, `Write \`${family === 4 ? '10.10.0.1/24' : 'fd00:10::1/64'}\`.`)
    return undefined
  }
  return {
    address: formatIp(cidr),
    prefix: cidr.prefix,
    dhcp: resolveRange(cidr, dhcp, [...at, 'dhcp'], report),
  }
}

function unusableLength({ family, prefix }: Cidr): string | undefined {
  // With any other, guests do not take the announcements of the host (RFC 4862), and dnsmasq makes none.
  if (family === 6) return prefix === 64 ? undefined : 'must have the prefix length 64'
  return prefix >= 8 && prefix <= 29 ? undefined : 'must have a prefix length from 8 to 29'
}

function resolveRange(
  host: Cidr,
  dhcp: Exclude<Written, string>['dhcp'],
  at: Path,
  report: Report,
): Range | undefined {
  if (dhcp === undefined || dhcp === false) return undefined
  if (dhcp === true) return wholeRange(host)
  const [from, to] = (['from', 'to'] as const).map((end) => readEnd(dhcp[end], host, [...at, end], report))
  if (from === undefined || to === undefined) return undefined
  const tell = (message: string, hint: string): void => report.at([...at, 'to'], message, hint)
  if (to.value < from.value) tell('comes before the begin of the range', 'Exchange `from` and `to`.')
  else if (from.value <= host.value && host.value <= to.value)
    tell(
      `makes a range that has the host's own address ${formatIp(host)} in it`,
      'Let it begin above that, or end below.',
    )
  else if (to.value - from.value >= maxRange || (host.family === 6 && to.value >> 16n !== from.value >> 16n))
    tell('makes a range of more than 65000 addresses', 'Make it smaller: libvirt takes no larger one.')
  return { from: formatIp(from), to: formatIp(to) }
}

function readEnd(text: string, host: Cidr, path: Path, report: Report): Ip | undefined {
  const ip = parseIp(text)
  const { first, last } = edgesOf(host)
  if (ip === undefined) report.at(path, 'is not an IP address', `Write it as \`${formatIp(host)}\`.`)
  else if (!isInSubnet(ip, host))
    report.at(
      path,
      `is not in the network ${formatIp({ ...host, value: first })}/${host.prefix}`,
      'Correct it.',
    )
  else if (ip.value === first || (host.family === 4 && ip.value === last))
    report.at(path, `${unusable({ ...ip, prefix: host.prefix })}`, 'Take another address.')
  else return ip
  return undefined
}

/** On the side of the host's own address that has more room. */
function wholeRange(host: Cidr): Range {
  const { first, last } = edgesOf(host)
  const above = last - host.value
  const below = host.value - first
  const [from, to] =
    above >= below ? [host.value + 1n, host.family === 4 ? last - 1n : last] : [first + 1n, host.value - 1n]
  // A range of IPv6 differs in the last 16 bits only.
  const block = host.family === 6 ? from | 0xffffn : to
  const end = [to, block, from + maxRange - 1n].reduce((least, value) => (value < least ? value : least))
  return { from: formatIp({ ...host, value: from }), to: formatIp({ ...host, value: end }) }
}
