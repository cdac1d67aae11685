import type { InterfaceDocument, SpecDocument } from '@vmwright/contract'
import { sha256Hex } from '../lib/hash.ts'
import { choose, type Choice } from './choice.ts'
import type { Member } from './groups.ts'
import {
  addressPlus,
  type Cidr,
  formatCidr,
  formatIp,
  isInSubnet,
  parseCidr,
  parseIp,
  unusable,
} from './ip.ts'
import { readLeases } from './leases.ts'
import type { Path } from './node.ts'
import { fitsNetwork, gatewayOf, serversOf } from './own-network.ts'
import type { Report } from './report.ts'
import type { InstanceSpec, InterfaceSpec } from './resolved.ts'
import type { NetworkSpec } from './resolved-places.ts'
import type { WrittenAddress } from './written-address.ts'

export interface NetworkContext {
  readonly project: string
  readonly networks: NonNullable<SpecDocument['networks']>
  readonly resolvedNetworks: ReadonlyMap<string, NetworkSpec>
  readonly choice: Choice
  readonly report: Report
}

/** A MAC in QEMU's range that stays the same as long as project, name and position do. */
export const derivedMac = (project: string, instance: string, index: number): string =>
  `52:54:00:${(sha256Hex(`${project}\0${instance}\0${index}`).slice(0, 6).match(/../g) ?? []).join(':')}`

export function resolveInterfaces(member: Member, context: NetworkContext): InstanceSpec['interfaces'] {
  const [first = {}, ...others] = member.settings.interfaces ?? []
  if (member.addresses.length > 0 && first.addresses !== undefined) {
    context.report.within(
      member.layers,
      ['interfaces', 0, 'addresses'],
      'cannot stand beside `address`',
      'Remove one of the two.',
    )
  }
  return [
    resolveOne(member, first, 0, context),
    ...others.map((other, index) => resolveOne(member, other, index + 1, context)),
  ]
}

function resolveOne(
  member: Member,
  document: InterfaceDocument,
  index: number,
  context: NetworkContext,
): InterfaceSpec {
  const { report } = context
  const short = index === 0 && document.network === undefined
  const path = short ? ['network'] : ['interfaces', index, 'network']
  const network = choose(
    context.choice,
    short ? member.settings.network : document.network,
    member,
    path,
    report,
  )
  const shared = Object.hasOwn(context.networks, network) ? context.networks[network] : undefined
  const written =
    index === 0 && member.addresses.length > 0 ? member.addresses : writtenIn(member, document, index, report)
  const own = context.resolvedNetworks.get(network)?.own
  const fitting = written.flatMap((address) =>
    readAddress(address, report).filter((cidr) =>
      fitsNetwork(cidr, address.path, { id: network, own }, report),
    ),
  )
  const isFaulty = fitting.length < written.length
  const isLeased = shared?.assign === 'lease' && own?.ipv4?.dhcp !== undefined
  const addresses = fitting.filter(({ family }) => !isLeased || family === 6)
  const leases = readLeases(
    { member, document, index, network, own, assigned: fitting.filter((cidr) => !addresses.includes(cidr)) },
    report,
  )
  const gateway = (family: 4 | 6): string | undefined => {
    const field = `gateway${family}` as const
    const given = document[field]
    const placed =
      given === undefined
        ? ['networks', network, field]
        : report.find(member.layers, ['interfaces', index, field])
    return readGateway(
      {
        text: given ?? shared?.[field] ?? gatewayOf(own, family),
        isOwn: given !== undefined,
        isFaulty,
        family,
        addresses,
        path: placed ?? [],
        written,
      },
      report,
    )
  }
  const hasStatic4 = addresses.some((address) => address.family === 4)
  return {
    network,
    mac: document.mac?.toLowerCase() ?? derivedMac(context.project, member.name, index),
    vlan: document.vlan,
    dhcp4: document.dhcp4 ?? !hasStatic4,
    dhcp6: document.dhcp6 ?? false,
    addresses: addresses.map(formatCidr),
    leases,
    gateway4: gateway(4),
    gateway6: gateway(6),
    dns:
      document.dns === undefined && shared?.dns === undefined
        ? serversOf(own, addresses)
        : readServers(document.dns, shared?.dns, member, network, index, report),
    search:
      document.search ??
      shared?.search ??
      (own?.domain !== undefined && addresses.length > 0 ? [own.domain] : []),
    rename: document.rename,
    fallbackNames: document.fallbackNames ?? [],
  }
}

/** The addresses of `interfaces[index]`. An override is about one instance, so its addresses do not count up. */
function writtenIn(
  member: Member,
  document: InterfaceDocument,
  index: number,
  report: Report,
): readonly WrittenAddress[] {
  const path = report.find(member.layers, ['interfaces'])
  if (path === undefined) return []
  const plus = path.includes('overrides') ? 0 : member.index
  return (document.addresses ?? []).map((text, position) => ({
    text,
    plus,
    path: [...path, index, 'addresses', position],
  }))
}

function readAddress({ text, plus, path }: WrittenAddress, report: Report): readonly Cidr[] {
  const first = parseCidr(text)
  if (first === undefined) {
    report.at(
      path,
      'is not an address with prefix length',
      'Write `192.168.24.10/24` or `fd00::10/64`, without leading zeros.',
    )
    return []
  }
  const cidr = addressPlus(first, plus)
  if (cidr === undefined) {
    report.at(
      path,
      `leaves its subnet when it counts up (number ${plus + 1})`,
      'Begin lower, make the subnet larger, or the group smaller.',
    )
    return []
  }
  const reason = unusable(cidr)
  if (reason !== undefined) {
    report.at(
      path,
      plus === 0 ? reason : `counts up to ${formatIp(cidr)}, which ${reason}`,
      'Take another address of the subnet.',
    )
  }
  return [cidr]
}

interface WrittenGateway {
  readonly text: string | undefined
  /** Written at the interface itself, not at the network. */
  readonly isOwn: boolean
  /** Something is wrong with an address, which has been told. */
  readonly isFaulty: boolean
  readonly family: 4 | 6
  readonly addresses: readonly Cidr[]
  readonly path: Path
  readonly written: readonly WrittenAddress[]
}

function readGateway(
  { text, isOwn, isFaulty, family, addresses, path, written }: WrittenGateway,
  report: Report,
): string | undefined {
  if (text === undefined) return undefined
  const ip = parseIp(text)
  if (ip === undefined || ip.family !== family) {
    report.at(
      path,
      `is not an IPv${family} address`,
      family === 4 ? 'Write `192.168.24.1`.' : 'Write `fd00::1`.',
    )
    return undefined
  }
  const own = addresses.filter((address) => address.family === family)
  if (own.length === 0) {
    if (isOwn && !isFaulty) {
      report.at(
        path,
        `needs a static IPv${family} address beside it`,
        'DHCP gives its own gateway; remove this one or add an address.',
      )
    }
    return undefined
  }
  const isLinkLocal = family === 6 && ip.value >> 118n === 0xfe80n >> 6n
  const where = written.find((address) => parseCidr(address.text)?.family === family)?.path ?? path
  const counted = written.some((address) => address.plus > 0)
  if (!counted && !isLinkLocal && !own.some((address) => isInSubnet(ip, address))) {
    report.at(
      isOwn ? path : where,
      `the gateway ${formatIp(ip)} is not in the subnet of ${formatCidr(own[0] ?? { ...ip, prefix: 0 })}`,
      'Correct the gateway, the address, or the prefix length.',
    )
  }
  if (own.some((address) => address.value === ip.value)) {
    report.at(where, 'is the address of the gateway', 'Take another address of the subnet.')
  }
  return formatIp(ip)
}

function readServers(
  own: readonly string[] | undefined,
  shared: readonly string[] | undefined,
  member: Member,
  network: string,
  index: number,
  report: Report,
): readonly string[] {
  return (own ?? shared ?? []).map((text, position) => {
    const ip = parseIp(text)
    if (ip !== undefined) return formatIp(ip)
    const path =
      own === undefined
        ? ['networks', network, 'dns', position]
        : [...(report.find(member.layers, ['interfaces', index, 'dns']) ?? []), position]
    report.at(path, 'is not an IP address', 'Write `192.168.24.1` or `fd00::1`.')
    return text
  })
}
