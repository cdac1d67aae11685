import { type Cidr, edgesOf, formatCidr, formatIp, isInSubnet, parseCidr } from './ip.ts'
import type { Path } from './node.ts'
import type { Report } from './report.ts'
import type { OwnNetworkSpec } from './resolved-places.ts'

/** The gateway of static addresses on an own network: the host, where it lets guests go further. */
export const gatewayOf = (own: OwnNetworkSpec | undefined, family: 4 | 6): string | undefined =>
  own === undefined || own.mode === 'isolated' ? undefined : hostOf(own, family)?.address

/** The name servers of static addresses: the host answers names on each network that it serves. */
export const serversOf = (own: OwnNetworkSpec | undefined, addresses: readonly Cidr[]): readonly string[] =>
  ([4, 6] as const).flatMap((family) =>
    addresses.some((address) => address.family === family) ? (hostOf(own, family)?.address ?? []) : [],
  )

/** Whether an address of a guest is one that it can have on this network; tells why when not. */
export function fitsNetwork(
  cidr: Cidr,
  path: Path,
  { id, own }: { readonly id: string; readonly own: OwnNetworkSpec | undefined },
  report: Report,
): boolean {
  const host = hostOf(own, cidr.family)
  const block = host === undefined ? undefined : parseCidr(`${host.address}/${host.prefix}`)
  if (host === undefined || block === undefined) return true
  const ip = formatIp(cidr)
  if (!isInSubnet(cidr, block))
    report.at(
      path,
      `${ip} is not in the network \`${id}\`, which is ${formatCidr({ ...block, value: edgesOf(block).first })}`,
      'Take an address of the network.',
    )
  else if (cidr.prefix !== host.prefix)
    report.at(path, `has another prefix length than the network \`${id}\``, `Write \`${ip}/${host.prefix}\`.`)
  else if (ip === host.address)
    report.at(path, `${ip} is the host's own address on the network \`${id}\``, 'Take another one.')
  else return true
  return false
}

const hostOf = (own: OwnNetworkSpec | undefined, family: 4 | 6): OwnNetworkSpec['ipv4'] =>
  family === 4 ? own?.ipv4 : own?.ipv6
