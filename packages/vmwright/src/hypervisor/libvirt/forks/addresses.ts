import { calls, errorCode } from '@vmwright/libvirt'
import { fromNumber, toNumber } from '../../../lib/addresses.ts'
import type { Progress } from '../../../lib/progress.ts'
import { childrenOf, find, parseXml, type XmlElement } from '../../../lib/xml.ts'
import type { ForkCard, FreeAddress } from '../../forks.ts'
import type { HostAccess } from '../clone-disk.ts'
import { mapParallel } from '../session.ts'
import { interfacesOf } from './fork-xml.ts'
import { onHost } from './source-files.ts'

/** More than are needed, for those at which somebody turns out to be. */
const spare = 8

/**
 * Addresses for cards to come, on networks whose DHCP server is libvirt's own. Nobody has a lease or a reservation of
 * them, and nobody answers at them when the host asks by ARP, which takes a second for all together. A network of which
 * that cannot be known gives none. Changes nothing but the host's table of neighbours.
 */
export async function freeAddresses(
  host: HostAccess,
  progress: Progress,
  vm: string,
  cards: readonly ForkCard[],
): Promise<readonly FreeAddress[]> {
  const { session } = host
  const domain = await session.domain(progress, vm)
  const purpose = { object: vm, doing: `read machine ${vm}` }
  const { xml } = await session.call(progress, calls.domainGetXmlDesc, { domain }, purpose)
  const networks = cardsByNetwork(parseXml(xml), cards)
  const found = await mapParallel([...networks], async ([name, macs]) => {
    try {
      return await freeOn(host, progress, name, macs)
    } catch {
      progress.check()
      return []
    }
  })
  return found.flat()
}

/** The cards to come by the network that they will be on. Pure. */
export function cardsByNetwork(
  domain: XmlElement,
  cards: readonly ForkCard[],
): ReadonlyMap<string, readonly string[]> {
  const networks = new Map<string, string[]>()
  for (const nic of interfacesOf(domain)) {
    const network = find(nic, 'source')?.attributes['network']
    const mac = find(nic, 'mac')?.attributes['address']
    if (network === undefined || mac === undefined) continue
    const own = cards.filter(({ from }) => from === mac).map(({ to }) => to)
    networks.set(network, [...(networks.get(network) ?? []), ...own])
  }
  return networks
}

async function freeOn(
  host: HostAccess,
  progress: Progress,
  name: string,
  macs: readonly string[],
): Promise<readonly FreeAddress[]> {
  const { session } = host
  const purpose = { object: name, doing: `read network ${name}`, absent: [errorCode.noNetwork] }
  const found = await session.callUnless(progress, calls.networkLookupByName, { name }, purpose)
  if (found === undefined) return []
  const { network } = found
  const [{ xml }, { leases }] = await Promise.all([
    session.call(progress, calls.networkGetXmlDesc, { network }, purpose),
    session.call(progress, calls.networkGetDhcpLeases, { network, needResults: 1 }, purpose),
  ])
  const server = dhcpServerOf(parseXml(xml))
  if (server === undefined) return []
  const wanting = macs.filter((mac) => !server.reservedFor.has(mac))
  if (wanting.length === 0) return []
  const taken = new Set([...server.taken, ...leases.map(({ address }) => address)])
  const candidates = chooseAddresses(server, taken, wanting)
  const what = { doing: `look who is on ${name}`, object: name, kind: 'findNeighbours', mutates: false }
  const said = await onHost(host, progress, what, unused, [server.bridge, ...candidates])
  const free = said.split('\n').filter((line) => line !== '')
  return wanting.flatMap((mac, index) => {
    const address = free[index]
    if (address === undefined) return []
    const own = leases.filter((lease) => lease.mac?.toLowerCase() === mac && !lease.address.includes(':'))
    return [{ mac, address, server: server.address, former: own.map((lease) => lease.address) }]
  })
}

export interface DhcpServer {
  readonly bridge: string
  /** Its own. */
  readonly address: string
  readonly range: { readonly from: string; readonly to: string }
  /** By itself and by reservations. */
  readonly taken: readonly string[]
  readonly reservedFor: ReadonlySet<string>
}

/** The DHCP server for IPv4 that libvirt runs for a network; `undefined`: none. Pure. */
export function dhcpServerOf(network: XmlElement): DhcpServer | undefined {
  const bridge = find(network, 'bridge')?.attributes['name']
  for (const ip of childrenOf(network, 'ip')) {
    const dhcp = find(ip, 'dhcp')
    const { address } = ip.attributes
    const { start: from, end: to } = find(dhcp, 'range')?.attributes ?? {}
    if (bridge === undefined || address === undefined || from === undefined || to === undefined) continue
    if (address.includes(':')) continue
    const hosts = childrenOf(dhcp, 'host').map(({ attributes }) => attributes)
    return {
      bridge,
      address,
      range: { from, to },
      taken: [address, ...hosts.flatMap(({ ip: reserved }) => reserved ?? [])],
      reservedFor: new Set(hosts.flatMap(({ mac }) => mac?.toLowerCase() ?? [])),
    }
  }
  return undefined
}

/**
 * So many addresses of the range as there are cards, and some more, from a place on that the cards determine: whoever
 * forks other machines at the same time looks elsewhere. Without those that end in 0 or 255, as dnsmasq does. Pure.
 */
export function chooseAddresses(
  { range }: Pick<DhcpServer, 'range'>,
  taken: ReadonlySet<string>,
  macs: readonly string[],
): readonly string[] {
  const [from, to] = [toNumber(range.from), toNumber(range.to)]
  const size = to - from + 1n
  const start = BigInt(`0x${macs[0]?.replaceAll(':', '') ?? '0'}`) % size
  const chosen: string[] = []
  for (let step = 0n; step < size && chosen.length < macs.length + spare; step++) {
    const address = fromNumber(from + ((start + step) % size), 32)
    if (!taken.has(address) && !/\.(?:0|255)$/.test(address)) chosen.push(address)
  }
  return chosen
}

/**
 * `use` has the kernel ask who has the address. Whom it knows already is passed over, since what it knows of one that is
 * gone takes it long to doubt.
 */
const unused = `bridge=$1; shift
free=
for address; do
  case $(ip -4 neigh show to "$address" dev "$bridge") in
    *lladdr*) ;;
    *) ip neigh replace "$address" dev "$bridge" use; free="$free $address" ;;
  esac
done
sleep 1
for address in $free; do
  case $(ip -4 neigh show to "$address" dev "$bridge") in *lladdr*) ;; *) echo "$address" ;; esac
done`
