import type { Carrier, Found } from './carrier.ts'
import { asIpv4, asList, asWhole } from './readers.ts'

type Pick = (key: string, variable?: string) => Found | undefined

/**
 * The static address of an instance, with the prefix length of wherever it is set, and gateway and name servers of
 * its own where it has them.
 */
export function carryAddress(carrier: Carrier, at: readonly string[], pick: Pick): void {
  const path = [...at, 'address']
  const address = pick('instance_ipv4_address')
  const ip = carrier.read(path, address, asIpv4)
  const prefixSetting = pick('guest_network_prefix', 'kvm_default_guest_network_prefix')
  const prefix = prefixSetting === undefined ? 24 : carrier.read(path, prefixSetting, asWhole)
  if (address === undefined) {
    carrier.draft.question(path, 'instance_ipv4_address is not set; without it the address comes by DHCP')
    carrier.notes.add('question', undefined, `${at.at(-1)} has no instance_ipv4_address`)
  } else if (ip !== undefined && prefix !== undefined) carrier.put(path, `${ip}/${prefix}`, address)
  const wire = [...at, 'interfaces', 0]
  carrier.carry([...wire, 'gateway4'], pick('guest_network_gateway'), asIpv4)
  carrier.carry([...wire, 'dns'], pick('guest_dns_servers'), asList(asIpv4))
}
