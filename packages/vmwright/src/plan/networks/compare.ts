import type {
  NetworkAddress,
  NetworkDefinition,
  ObservedNetwork,
  Reservation,
} from '../../hypervisor/networks.ts'
import type { FieldChange } from '../plan.ts'

export interface NetworkComparison {
  /** What is changed while guests are connected. */
  readonly live: readonly FieldChange[]
  /** What needs a restart of the network. */
  readonly restart: readonly FieldChange[]
}

/**
 * What differs between a network of ours and the spec, now or from its next start on. What the spec leaves to the
 * hypervisor (a MAC) is no difference.
 */
export function compareNetwork(wanted: NetworkDefinition, observed: ObservedNetwork): NetworkComparison {
  const { definition, running, autostart } = observed
  if (definition === undefined)
    return { live: [], restart: [field('definition', 'other', 'as the spec says', 'restart')] }
  const seen = running === undefined ? [definition] : [definition, running]
  const live = new Map<string, FieldChange>()
  const restart = new Map<string, FieldChange>()
  if (autostart !== wanted.autostart) {
    const [from, to] = [String(autostart), String(wanted.autostart)]
    live.set('autostart', field('autostart', from, to, 'in-place'))
  }
  for (const there of seen) {
    for (const each of liveChanges(wanted, there)) live.set(`${each.field} ${each.to}`, each)
    for (const each of restartChanges(wanted, there)) restart.set(each.field, each)
  }
  return { live: [...live.values()], restart: [...restart.values()] }
}

function liveChanges(wanted: NetworkDefinition, there: NetworkDefinition): readonly FieldChange[] {
  return [
    ...entryChanges(
      'reservation',
      there.reservations.map((each) => [each.name, reservationText(each)] as const),
      wanted.reservations.map((each) => [each.name, reservationText(each)] as const),
    ),
    ...entryChanges(
      'record',
      there.records.map(({ address, names }) => [address, names.toSorted().join(' ')] as const),
      wanted.records.map(({ address, names }) => [address, names.toSorted().join(' ')] as const),
    ),
  ]
}

const reservationText = ({ address, mac }: Reservation): string =>
  mac === undefined ? `${address} (name alone)` : `${address} for ${mac}`

type Entry = readonly [name: string, text: string]

/** Entries of equal text cancel out; what is left of a name in both lists is a change, in one of them new or gone. */
function entryChanges(
  what: string,
  there: readonly Entry[],
  wanted: readonly Entry[],
): readonly FieldChange[] {
  const keyOf = ([name, text]: Entry): string => `${name} ${text}`
  const had = new Set(there.map(keyOf))
  const wants = new Set(wanted.map(keyOf))
  const gone = Map.groupBy(
    there.filter((entry) => !wants.has(keyOf(entry))),
    ([name]) => name,
  )
  const changes: FieldChange[] = []
  for (const entry of wanted) {
    if (had.has(keyOf(entry))) continue
    const [name, text] = entry
    const from = gone.get(name)?.shift()?.[1] ?? 'none'
    changes.push(field(`${what} ${name}`, from, text, 'in-place'))
  }
  for (const [name, left] of gone)
    for (const [, text] of left) changes.push(field(`${what} ${name}`, text, 'none', 'in-place'))
  return changes
}

function restartChanges(wanted: NetworkDefinition, there: NetworkDefinition): readonly FieldChange[] {
  const texts = (network: NetworkDefinition): Readonly<Record<string, string>> => ({
    mode: network.mode,
    bridge: wanted.bridge === undefined ? 'any' : (network.bridge ?? 'none'),
    mac: wanted.mac === undefined ? 'any' : (network.mac ?? 'none'),
    interface: network.interface ?? 'none',
    mtu: network.mtu === undefined ? 'as usual' : String(network.mtu),
    ipv4: addressText(network.ipv4),
    ipv6: addressText(network.ipv6),
    domain: network.domain ?? 'none',
    forwarders: network.forwarders.length === 0 ? "the host's" : network.forwarders.join(', '),
  })
  const from = texts(there)
  return Object.entries(texts(wanted)).flatMap(([name, to]) =>
    from[name] === to ? [] : [field(name, from[name] ?? 'none', to, 'restart')],
  )
}

const addressText = (network: NetworkAddress | undefined): string => {
  if (network === undefined) return 'none'
  const { address, prefix, dhcp } = network
  return `${address}/${prefix}${dhcp === undefined ? '' : `, DHCP ${dhcp.from} to ${dhcp.to}`}`
}

const field = (name: string, from: string, to: string, how: FieldChange['how']): FieldChange => ({
  field: name,
  from,
  to,
  how,
})
