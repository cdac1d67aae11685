import type { InterfaceDocument } from '@vmwright/contract'
import type { Member } from './groups.ts'
import { addressPlus, type Cidr, formatIp, parseIp, unusable } from './ip.ts'
import type { Path } from './node.ts'
import { fitsNetwork } from './own-network.ts'
import type { Report } from './report.ts'
import type { OwnNetworkSpec } from './resolved-places.ts'

interface LeaseInput {
  readonly member: Member
  readonly document: InterfaceDocument
  /** Position of the interface. */
  readonly index: number
  /** Key of its network. */
  readonly network: string
  readonly own: OwnNetworkSpec | undefined
  /** Addresses that are leases because the network assigns them so. */
  readonly assigned: readonly Cidr[]
}

/** K4. The fixed lease of an interface: a DHCP server knows it by its MAC, and gives it one. */
export function readLeases(input: LeaseInput, report: Report): readonly string[] {
  const { member, document, index, assigned } = input
  const lease = readLease(input, report)
  const leases = [...assigned.map(formatIp), ...(lease === undefined ? [] : [lease])]
  const at = (field: string): Path => ['interfaces', index, field]
  if (leases.length > 1)
    report.within(
      member.layers,
      lease === undefined ? at('addresses') : at('lease'),
      'is a second lease for the same interface',
      'DHCP gives one address to an interface: remove the others.',
    )
  if (leases.length > 0 && document.dhcp4 === false)
    report.within(
      member.layers,
      at('dhcp4'),
      'cannot be `false`, because the interface has a fixed lease',
      'Remove it, or give the interface a static address.',
    )
  return leases
}

function readLease(
  { member, document, index, network, own }: LeaseInput,
  report: Report,
): string | undefined {
  const { lease: text } = document
  const path = report.find(member.layers, ['interfaces', index, 'lease'])
  if (text === undefined || path === undefined) return undefined
  const ip = parseIp(text)
  if (ip?.family !== 4) {
    report.at(path, 'is not an IPv4 address', 'Write `10.10.0.7`; an IPv6 address can only be static.')
    return undefined
  }
  if (own?.ipv4?.dhcp === undefined) {
    if (!report.isWritten(['networks', network, 'ipv4', 'dhcp']) || own === undefined)
      report.at(
        path,
        `needs DHCP of vmwright's own, which the network \`${network}\` has not`,
        'Write `addresses` in its place, or make a network with `mode: nat` and `dhcp: true`.',
      )
    return undefined
  }
  // An override is about one instance, so its lease does not count up.
  const plus = path.includes('overrides') ? 0 : member.index
  const cidr = addressPlus({ ...ip, prefix: own.ipv4.prefix }, plus)
  if (cidr === undefined) {
    report.at(path, `leaves its subnet when it counts up (number ${plus + 1})`, 'Begin lower.')
    return undefined
  }
  const reason = unusable(cidr)
  if (reason !== undefined) {
    report.at(
      path,
      plus === 0 ? reason : `counts up to ${formatIp(cidr)}, which ${reason}`,
      'Take another address of the subnet.',
    )
    return undefined
  }
  return fitsNetwork(cidr, path, { id: network, own }, report) ? formatIp(cidr) : undefined
}
