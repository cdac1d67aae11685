import { blockOf, canonicalAddress, compareAddresses, isInside } from '../lib/addresses.ts'
import type { NetworkAddress, NetworkDefinition, Reservation } from './networks.ts'

/**
 * The one way to write a definition, which drivers take and observe: a network that is made of it is seen as it.
 * Addresses and MACs are in their usual form and sorted. A name of an address that the network serves is a
 * reservation (without MAC unless one is reserved for it); further names of that address, and those of addresses
 * elsewhere, are records. A MAC counts only where the family of its address has DHCP. Pure; applying it twice
 * changes nothing.
 */
export function normalNetwork(definition: NetworkDefinition): NetworkDefinition {
  const ipv4 = normalAddress(definition.ipv4)
  const ipv6 = normalAddress(definition.ipv6)
  const served = [ipv4, ipv6].flatMap((each) => (each === undefined ? [] : [each]))
  const homeOf = (address: string): NetworkAddress | undefined =>
    served.find((each) => isInside(address, blockOf(each.address, each.prefix)))
  const macs = new Map<string, string>()
  const names = new Map<string, Set<string>>()
  const addNames = (address: string, added: readonly string[]): void =>
    void names.set(address, new Set([...(names.get(address) ?? []), ...added]))
  for (const { mac, name, address } of definition.reservations) {
    const written = canonicalAddress(address)
    addNames(written, [name])
    if (mac !== undefined && homeOf(written)?.dhcp !== undefined) macs.set(written, mac.toLowerCase())
  }
  for (const record of definition.records) addNames(canonicalAddress(record.address), record.names)
  const sorted = [...names]
    .map(([address, all]) => ({ address, names: [...all] }))
    .toSorted((a, b) => compareAddresses(a.address, b.address))
  const reservations = sorted.flatMap(({ address, names: [name] }): readonly Reservation[] =>
    name === undefined || homeOf(address) === undefined ? [] : [{ mac: macs.get(address), name, address }],
  )
  const records = sorted
    .map(({ address, names: all }) => ({
      address,
      names: homeOf(address) === undefined ? all : all.slice(1),
    }))
    .filter((record) => record.names.length > 0)
  return {
    ...definition,
    mac: definition.mac?.toLowerCase(),
    ipv4,
    ipv6,
    forwarders: definition.forwarders.map(canonicalAddress),
    reservations,
    records,
  }
}

function normalAddress(network: NetworkAddress | undefined): NetworkAddress | undefined {
  if (network === undefined) return undefined
  const { address, prefix, dhcp } = network
  return {
    address: canonicalAddress(address),
    prefix,
    dhcp: dhcp && { from: canonicalAddress(dhcp.from), to: canonicalAddress(dhcp.to) },
  }
}
