import type { Scope } from '../spec/ansible/scope.ts'
import { type Carrier, type Found, found } from './carrier.ts'
import { asIpv4, asMatching } from './readers.ts'

const asNet = asMatching(/^[\d.]+\/\d{1,2}$/, 'a network with prefix length')
const asDevice = asMatching(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,14}$/, 'a name of at most 15 characters')
const asName = asMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, 'the name of a network')

const at = ['networks', 'cluster']

/** The network of the machines, `networks.cluster`: NAT with a fixed lease for each, and rules that let others in. */
export function carryClusterNetwork(carrier: Carrier, scope: Scope, name: Found | undefined): void {
  const get = (setting: string): Found | undefined => found(setting, scope.get(setting))
  carrier.draft.set([...at, 'mode'], 'nat', 'the forward mode of the old template')
  carrier.carry([...at, 'name'], name, asName)
  carrier.carry([...at, 'bridge'], get('vmhost_bridge_iface'), asDevice)
  carryAddress(carrier, get('vm_cluster_bridge_ip'), prefixOf(carrier, scope))
  carrier.draft.set([...at, 'assign'], 'lease', 'as the reservations of the old template')
  carrier.carry([...at, 'forwarding', 'from'], get('vmhost_net'), asNet, (net) => [net])
}

function carryAddress(carrier: Carrier, bridge: Found | undefined, prefix: string): void {
  const path = [...at, 'ipv4']
  if (bridge === undefined) {
    carrier.draft.question(path, 'no variable has the address of the bridge')
    carrier.notes.add(
      'question',
      undefined,
      'vm_cluster_bridge_ip is not set: give `networks.cluster` its ipv4, such as `{ address: 172.17.2.1/24, dhcp: true }`',
    )
    return
  }
  const address = carrier.carry([...path, 'address'], bridge, asIpv4, (ip) => `${ip}/${prefix}`)
  if (address !== undefined)
    carrier.draft.set([...path, 'dhcp'], true, 'the old range is .2 to .254, which this is too for /24')
}

/** Prefix length of the network and of the addresses of machines. */
export function prefixOf(carrier: Carrier, scope: Scope): string {
  const net = found('vm_cluster_bridge_net', scope.get('vm_cluster_bridge_net'))
  const cidr = carrier.read(at, net, asNet)
  if (net === undefined || cidr === undefined) return '24'
  carrier.notes.add(
    'taken',
    net.value.place,
    `${net.name} is the prefix length of networks.cluster.ipv4 and instances.*.address`,
  )
  return cidr.split('/')[1] ?? '24'
}
