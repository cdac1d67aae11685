import { toYaml } from '../cloudinit/yaml11.ts'
import type { TemplateSpec } from '../spec/resolved.ts'
import type { GuestInterface } from './guest-interface.ts'

/**
 * Netplan's YAML, version 2. Default routes are spelled `0.0.0.0/0` and `::/0`, because `to: default` came with
 * netplan 0.103 and Debian 11 has 0.101; `gateway4` and `gateway6` are deprecated since then.
 */
export const netplanFile = (
  interfaces: readonly GuestInterface[],
  renderer: TemplateSpec['renderer'],
): string =>
  toYaml({
    network: { version: 2, renderer, ethernets: Object.fromEntries(interfaces.map(ethernet)) },
  })

function ethernet({ name, nic, isAwaited }: GuestInterface, index: number): [string, unknown] {
  const routes = [
    ...(nic.gateway4 === undefined ? [] : [{ to: '0.0.0.0/0', via: nic.gateway4 }]),
    ...(nic.gateway6 === undefined ? [] : [{ to: '::/0', via: nic.gateway6 }]),
  ]
  const nameservers = {
    ...(nic.dns.length > 0 && { addresses: nic.dns }),
    ...(nic.search.length > 0 && { search: nic.search }),
  }
  return [
    name ?? `NIC${index}`,
    {
      ...(name === undefined && { match: { macaddress: nic.mac.toLowerCase() } }),
      dhcp4: nic.dhcp4,
      dhcp6: nic.dhcp6,
      ...(nic.addresses.length > 0 && { addresses: nic.addresses }),
      ...(routes.length > 0 && { routes }),
      ...(Object.keys(nameservers).length > 0 && { nameservers }),
      ...(!isAwaited && { optional: true }),
    },
  ]
}
