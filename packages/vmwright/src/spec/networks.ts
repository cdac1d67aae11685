import type { NetworkDocument, SpecDocument } from '@vmwright/contract'
import { sha256Hex } from '../lib/hash.ts'
import { formatIp, parseIp } from './ip.ts'
import { resolveHostAddress } from './network-address.ts'
import { resolveForwarding } from './network-forwarding.ts'
import type { Path } from './node.ts'
import type { Report } from './report.ts'
import type { NetworkSpec, OwnNetworkSpec } from './resolved-places.ts'

type Mode = OwnNetworkSpec['mode']
type Field = keyof NetworkDocument

const routing: readonly Mode[] = ['nat', 'routed', 'open']
const serving: readonly Mode[] = [...routing, 'isolated']

/** Fields that only some modes have. What is not here, all have. */
const modesOf: Partial<Record<Field, readonly Mode[]>> = {
  bridge: [...serving, 'bridge'],
  mac: serving,
  mtu: serving,
  interface: ['nat', 'routed', 'macvtap'],
  ipv4: serving,
  ipv6: serving,
  domain: serving,
  records: serving,
  forwarders: serving,
  forwarding: routing,
}

/** Fields that an existing network does not have. */
const ownFields: readonly Field[] = [...(Object.keys(modesOf) as Field[]), 'name', 'assign', 'autostart']

/** K4. Networks that exist, and those that vmwright makes with all that they have. */
export function resolveNetworks(document: SpecDocument, report: Report): readonly NetworkSpec[] {
  const networks = Object.entries(document.networks ?? {})
  return networks.length === 0 && report.keys(['networks']).length === 0
    ? [{ id: 'default', name: 'default', own: undefined }]
    : networks.map(([id, network]) => resolveNetwork(id, network, document.project, report))
}

function resolveNetwork(id: string, network: NetworkDocument, project: string, report: Report): NetworkSpec {
  const at = ['networks', id]
  const { use, mode } = network
  if (mode === undefined) {
    const told = report.isWritten([...at, 'use']) || report.isWritten([...at, 'mode'])
    if (!told)
      report.atKey(
        at,
        'needs `use` or `mode`',
        'Write `use:` with the name of a network that exists, or `mode: nat` and `ipv4: { address: 10.10.0.1/24, dhcp: true }` for one of its own.',
      )
    if (use !== undefined)
      for (const field of ownFields.filter((field) => network[field] !== undefined))
        report.atKey(
          [...at, field],
          'is only for networks that vmwright makes',
          'Remove it, or write `mode` in the place of `use`.',
        )
    return { id, name: use ?? id, own: undefined }
  }
  if (use !== undefined)
    report.atKey(
      [...at, 'use'],
      'cannot stand beside `mode`',
      '`use` names an existing network, `mode` makes one.',
    )
  const bridge =
    mode === 'bridge' || mode === 'macvtap'
      ? network.bridge
      : (network.bridge ?? `vw-${sha256Hex(`${project}\0${id}`).slice(0, 8)}`)
  checkMode(mode, network, at, report)
  return {
    id,
    name: network.name ?? `${project}-${id}`,
    own: resolveOwn({ ...network, mode, bridge }, at, report),
  }
}

function resolveOwn(
  network: NetworkDocument & { readonly mode: Mode },
  at: Path,
  report: Report,
): OwnNetworkSpec {
  const { mode } = network
  const forwarding = routing.includes(mode) ? resolveForwarding(network, at, report) : undefined
  const ipv4 = resolveHostAddress(network.ipv4, 4, [...at, 'ipv4'], report)
  const ipv6 = resolveHostAddress(network.ipv6, 6, [...at, 'ipv6'], report)
  if (network.mtu !== undefined && network.mtu < 1280 && network.ipv6 !== undefined)
    report.at([...at, 'mtu'], 'is less than the 1280 bytes that IPv6 needs', 'Make it larger.')
  if (network.assign === 'lease' && ipv4 !== undefined && ipv4.dhcp === undefined)
    report.at(
      [...at, 'assign'],
      'needs DHCP, which the network has not',
      'Write `dhcp: true` beside the address in `ipv4`.',
    )
  return {
    mode,
    bridge: network.bridge,
    mac: network.mac?.toLowerCase(),
    interface: network.interface,
    mtu: network.mtu,
    ipv4,
    ipv6,
    domain: network.domain,
    records: resolveRecords(network.records ?? {}, [...at, 'records'], report),
    forwarders: (network.forwarders ?? []).flatMap((text, index) =>
      readIp(text, [...at, 'forwarders', index], report),
    ),
    forwarding,
    autostart: network.autostart ?? true,
  }
}

/** Tells which fields a mode lacks, and which it does not have. */
function checkMode(mode: Mode, network: NetworkDocument, at: Path, report: Report): void {
  for (const [field, modes] of Object.entries(modesOf) as [Field, readonly Mode[]][]) {
    if (network[field] === undefined || modes.includes(mode)) continue
    report.atKey(
      [...at, field],
      `has no meaning with \`mode: ${mode}\``,
      `Remove it; ${list(modes)} ${modes.length === 1 ? 'has' : 'have'} it.`,
    )
  }
  const lacks = (field: Field): boolean => !report.isWritten([...at, field])
  if (mode === 'bridge' && lacks('bridge'))
    report.atKey(at, 'needs `bridge`', 'Write `bridge:` with the name of a bridge that the host has.')
  if (mode === 'macvtap' && lacks('interface'))
    report.atKey(at, 'needs `interface`', 'Write `interface:` with the name of an interface of the host.')
  if (routing.includes(mode) && lacks('ipv4') && lacks('ipv6'))
    report.atKey(
      at,
      "needs the host's own address, `ipv4` or `ipv6`",
      'Write `ipv4: { address: 10.10.0.1/24, dhcp: true }`.',
    )
  const hasOwnAddress = !lacks('ipv4') || !lacks('ipv6')
  if (network.assign === 'lease' && (!serving.includes(mode) || !hasOwnAddress))
    report.at(
      [...at, 'assign'],
      'needs a network that has DHCP of its own',
      'Remove it, or write `ipv4: { address: 10.10.0.1/24, dhcp: true }`.',
    )
}

const list = (modes: readonly Mode[]): string => modes.map((mode) => `\`${mode}\``).join(', ')

/** By address, as the hypervisor has them. */
function resolveRecords(
  records: NonNullable<NetworkDocument['records']>,
  at: Path,
  report: Report,
): OwnNetworkSpec['records'] {
  const names = new Map<string, string[]>()
  for (const [name, value] of Object.entries(records)) {
    const addresses =
      typeof value === 'string'
        ? readIp(value, [...at, name], report)
        : value.flatMap((text, index) => readIp(text, [...at, name, index], report))
    for (const address of addresses) names.set(address, [...(names.get(address) ?? []), name.toLowerCase()])
  }
  return [...names].map(([address, of]) => ({ address, names: of.toSorted() }))
}

function readIp(text: string, path: Path, report: Report): readonly string[] {
  const ip = parseIp(text)
  if (ip !== undefined) return [formatIp(ip)]
  report.at(path, 'is not an IP address', 'Write `192.168.24.1` or `fd00::1`.')
  return []
}
