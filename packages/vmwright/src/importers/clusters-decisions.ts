import type { Carrier } from './carrier.ts'
import type { Scope } from '../spec/ansible/scope.ts'

/** Variables that are set in the old files and read by nothing. */
export const withoutEffect: readonly string[] = ['vmhost_iface_name', 'vmhost_ip_addr', 'vmhost_route_addr']

/** Contradictions of the old system that these variables run into. */
export function warnOfVariables(carrier: Carrier, scope: Scope): void {
  const place = (name: string) => scope.written(name)?.place
  const bridge = scope.get('vmhost_bridge_iface')
  const prose = place('vmhost_bridge_name')
  if (prose !== undefined)
    carrier.warn(
      prose,
      'vmhost_bridge_name is only in the prose of the old system; its code reads vmhost_bridge_iface',
    )
  if (bridge !== undefined && !(bridge.kind === 'scalar' && bridge.value === 'kvmbr0'))
    carrier.warn(
      bridge.place,
      'vmhost_bridge_iface is not kvmbr0, which the template of the network and the forward rules had in them: the variable had no effect there',
    )
  const net = place('vmhost_net')
  if (net !== undefined)
    carrier.warn(
      net,
      'vmhost_net had no effect: the old rules have 172.17.1.0/24 in them; here it is who may reach the machines',
    )
  for (const name of withoutEffect) {
    const at = place(name)
    if (at !== undefined) carrier.warn(at, `${name} had no effect: no active code of the old system uses it`)
  }
}

/** What is done in another way for every cluster, each with its reason. */
const decisions: readonly string[] = [
  'the network is made by vmwright: that of the old system has the same addresses, so remove it before the first apply (`virsh net-destroy`, `virsh net-undefine`); its template has the bridge kvmbr0 and the MAC 52:54:00:12:fe:35 in it, here libvirt chooses the MAC',
  'the prose says macvtap and routed, the template is a libvirt network with forward mode nat: it is taken as NAT',
  'forwarding and masquerading are rules in a table of their own where vmhost_net says who may reach the machines, else those of libvirt, made and removed with the network; the old rules name kvmbr0, eno1, 172.17.2.0/24 and 172.17.1.0/24, and one names the bridge where it means the outgoing interface: remove them from the host',
  'machines have fixed DHCP leases by MAC address, where the old leases by host name depend on what the guest sends; the range .2 to .254 has them in it, and nobody else gets them',
  'MAC addresses are derived from the names; those that the prose describes (fe:34:56:78:9a:b and the index) were never set',
  'virt-customize is not run: cloud-init sets the name, the key, packages and certificates at first boot (`customise` does it before, for images without cloud-init); the old call lacks continuation marks on two lines',
  'cloud-init stays in the image, which the old system removed, and python3 is installed where the old list says python',
  'the copy of each machine grows, not the cached image: resizing that in place made its digest wrong and the next run download it again',
  'readiness is seen (port, SSH, cloud-init), not slept for 10 seconds',
  'the line of the manifest is found by the exact file name, not by an unescaped pattern',
  'the machine type is q35 of the host, not pc-q35-5.2',
  '`vmwright destroy --disks` skips what is absent and removes what it made; pool folder, disks and downloads of the old system remained after its unprovision: remove them by hand',
]

export function decideForClusters(carrier: Carrier): void {
  for (const text of decisions) carrier.notes.add('decided', undefined, text)
  carrier.draft.set(['defaults', 'cloudInit', 'packages'], ['python3'], 'the old list says python')
}
