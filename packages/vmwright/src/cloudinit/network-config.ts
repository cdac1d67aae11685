import type { InstanceSpec, InterfaceSpec } from '../spec/resolved.ts'

/** Network configuration version 2 as NoCloud takes it: without netplan's outer `network` key. */
export interface NetworkConfig {
  readonly version: 2
  readonly ethernets: Readonly<Record<string, Ethernet>>
}

export interface Ethernet {
  readonly match?: { readonly macaddress: string }
  readonly 'set-name'?: string
  readonly dhcp4: boolean
  readonly dhcp6: boolean
  readonly 'dhcp-identifier'?: 'mac'
  readonly addresses?: readonly string[]
  readonly gateway4?: string
  readonly gateway6?: string
  readonly nameservers?: { readonly addresses?: readonly string[]; readonly search?: readonly string[] }
  readonly optional?: true
}

/**
 * C8. Interfaces matched by MAC, so that no name is assumed and none is forced.
 *
 * Gateways are `gateway4` and `gateway6`: the one form that gives a default route with every renderer of cloud-init
 * from 22.4 on. `to: default` is netplan's alone (`_normalize_net_keys` refuses it for networkd and ifupdown), `::/0`
 * becomes `::/64` there (its prefix 0 is lost when the route is normalised a second time), and routes of any kind make
 * ifupdown run `route`, which a guest without net-tools has not got (until 25.3). The price: cloud-init from 23.1 on
 * calls the two keys deprecated when it does not render for netplan.
 *
 * The first interface with an address is waited for at boot, so that packages are not installed before there is a
 * network; the others are optional, so that a dead one holds up nobody. Not all may be optional: systemd's
 * wait-online (252) would then wait for its whole limit.
 *
 * Fallback names configure an interface that has none of the MACs, as after cloning elsewhere. A name cannot tell
 * two interfaces apart, so they are used for instances with one interface only. The same settings under both
 * entries are safe: netplan's files are taken in the order of their ids, the first match wins, and `NIC0` sorts
 * before any name that Linux gives; the other renderers merge the two when the MAC's interface has the name.
 *
 * A clone of a template asks for its first lease with the machine-id of the template, as all clones do: it has to be
 * known by its MAC, or one address is given to several (`dhcp-identifier`, netplan.io).
 */
export function networkConfig({
  interfaces,
  source,
}: Pick<InstanceSpec, 'interfaces' | 'source'>): NetworkConfig {
  const isClone = source.kind === 'template'
  const awaited = interfaces.findIndex((nic) => nic.dhcp4 || nic.dhcp6 || nic.addresses.length > 0)
  const matched = interfaces.map((nic, index): [string, Ethernet] => [
    `NIC${index}`,
    {
      match: { macaddress: nic.mac.toLowerCase() },
      ...(nic.rename !== undefined && { 'set-name': nic.rename }),
      ...settings(nic, isClone),
      ...(index !== awaited && { optional: true }),
    },
  ])
  const [only, ...others] = interfaces
  const names = others.length > 0 ? [] : only.fallbackNames.filter((name) => name !== only.rename)
  const fallbacks = names.map((name): [string, Ethernet] => [
    name,
    { ...settings(only, isClone), optional: true },
  ])
  return { version: 2, ethernets: Object.fromEntries([...matched, ...fallbacks]) }
}

function settings(nic: InterfaceSpec, isClone: boolean): Omit<Ethernet, 'match' | 'set-name' | 'optional'> {
  const nameservers = {
    ...(nic.dns.length > 0 && { addresses: nic.dns }),
    ...(nic.search.length > 0 && { search: nic.search }),
  }
  return {
    dhcp4: nic.dhcp4,
    dhcp6: nic.dhcp6,
    ...(isClone && nic.dhcp4 && { 'dhcp-identifier': 'mac' as const }),
    ...(nic.addresses.length > 0 && { addresses: nic.addresses }),
    ...(nic.gateway4 !== undefined && { gateway4: nic.gateway4 }),
    ...(nic.gateway6 !== undefined && { gateway6: nic.gateway6 }),
    ...(Object.keys(nameservers).length > 0 && { nameservers }),
  }
}
