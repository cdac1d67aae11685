import type { InterfaceSpec } from '../spec/resolved.ts'

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
  readonly addresses?: readonly string[]
  readonly routes?: readonly { readonly to: string; readonly via: string }[]
  readonly nameservers?: { readonly addresses?: readonly string[]; readonly search?: readonly string[] }
  readonly optional?: true
}

/**
 * C8. Interfaces matched by MAC, so that no name is assumed and none is forced.
 *
 * Default routes are `0.0.0.0/0` and `::/0`: the one spelling that the netplan, networkd and ifupdown renderers of
 * cloud-init take from 22.4 on. `default` is netplan's alone (22.4's `_normalize_net_keys` refuses it for the other
 * two); `gateway4` makes every later version report the boot as degraded. (The ifupdown renderer runs `route` for
 * it before 25.3: such a guest needs net-tools.)
 *
 * The first interface with an address is waited for at boot, so that packages are not installed before there is a
 * network; the others are optional, so that a dead one holds up nobody. Not all may be optional: systemd's
 * wait-online (252) would then wait for its whole limit.
 *
 * Fallback names configure an interface that has none of the MACs, as after cloning elsewhere. A name cannot tell
 * two interfaces apart, so they are used for instances with one interface only. The same settings under both
 * entries are safe: netplan's files are taken in the order of their ids, the first match wins, and `NIC0` sorts
 * before any name that Linux gives; the other renderers merge the two when the MAC's interface has the name.
 */
export function networkConfig(interfaces: readonly InterfaceSpec[]): NetworkConfig {
  const awaited = interfaces.findIndex((nic) => nic.dhcp4 || nic.dhcp6 || nic.addresses.length > 0)
  const matched = interfaces.map((nic, index): [string, Ethernet] => [
    `NIC${index}`,
    {
      match: { macaddress: nic.mac.toLowerCase() },
      ...(nic.rename !== undefined && { 'set-name': nic.rename }),
      ...settings(nic),
      ...(index !== awaited && { optional: true }),
    },
  ])
  const [only] = interfaces
  const names = interfaces.length === 1 && only !== undefined ? only.fallbackNames : []
  const fallbacks = names
    .filter((name) => name !== only?.rename)
    .map((name): [string, Ethernet] => [name, { ...settings(only as InterfaceSpec), optional: true }])
  return { version: 2, ethernets: Object.fromEntries([...matched, ...fallbacks]) }
}

function settings(
  nic: InterfaceSpec,
): Pick<Ethernet, 'dhcp4' | 'dhcp6' | 'addresses' | 'routes' | 'nameservers'> {
  const routes = [
    ...(nic.gateway4 === undefined ? [] : [{ to: '0.0.0.0/0', via: nic.gateway4 }]),
    ...(nic.gateway6 === undefined ? [] : [{ to: '::/0', via: nic.gateway6 }]),
  ]
  const nameservers = {
    ...(nic.dns.length > 0 && { addresses: nic.dns }),
    ...(nic.search.length > 0 && { search: nic.search }),
  }
  return {
    dhcp4: nic.dhcp4,
    dhcp6: nic.dhcp6,
    ...(nic.addresses.length > 0 && { addresses: nic.addresses }),
    ...(routes.length > 0 && { routes }),
    ...(Object.keys(nameservers).length > 0 && { nameservers }),
  }
}
