import { type Carrier, type Found } from './carrier.ts'
import type { Plain } from './draft.ts'
import { asIpv4, asText, asWhole } from './readers.ts'

type Pick = (key: string, variable?: string) => Found | undefined

/**
 * The static address of an instance, with the prefix length of wherever it is set. Gateway or name servers of its
 * own need the long form with `interfaces`.
 */
export function carryAddress(carrier: Carrier, at: readonly string[], pick: Pick, network: string): void {
  const address = pick('instance_ipv4_address')
  const path = [...at, 'address']
  const ip = carrier.read(path, address, asIpv4)
  const prefixSetting = pick('guest_network_prefix', 'kvm_default_guest_network_prefix')
  const prefix = prefixSetting === undefined ? 24 : carrier.read(path, prefixSetting, asWhole)
  if (address === undefined) {
    carrier.draft.question(path, 'instance_ipv4_address is not set; without it the address comes by DHCP')
    carrier.notes.add('question', undefined, `${at.at(-1)} has no instance_ipv4_address`)
    return
  }
  const gateway = pick('guest_network_gateway')
  const dns = pick('guest_dns_servers')
  const mac = pick('instance_mac_address')
  const other = pick('libvirt_network_name')
  if (prefix !== undefined && (prefix < 1 || prefix > 32))
    carrier.warn(prefixSetting?.value.place, `${prefixSetting?.name} is no prefix length`)
  if (gateway === undefined && dns === undefined && mac === undefined) {
    if (ip !== undefined && prefix !== undefined) carrier.put(path, `${ip}/${prefix}`, address)
    return
  }
  const wire = [...at, 'interfaces', 0]
  carrier.draft.set([...wire, 'network'], other === undefined ? network : network)
  if (ip !== undefined && prefix !== undefined)
    carrier.put([...wire, 'addresses'], [`${ip}/${prefix}`], address)
  carrier.carry([...wire, 'mac'], mac, asText)
  carrier.carry([...wire, 'gateway4'], gateway, asIpv4)
  carrier.carry([...wire, 'dns'], dns, (value, ask): readonly Plain[] | undefined => {
    if (value.kind !== 'list') return void ask(value, 'a list of addresses')
    return value.items.flatMap((item) => asIpv4(item, ask) ?? [])
  })
}
