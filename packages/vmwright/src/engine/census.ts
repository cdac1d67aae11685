import type { Hypervisor, ObservedHost } from '../hypervisor/contract.ts'
import type { HostCensus } from '../hypervisor/host/records.ts'
import { canonicalJson, sha256Hex } from '../lib/hash.ts'
import type { Progress } from '../lib/progress.ts'

/** The host as it is now: what its hypervisor knows, and what only the machine itself does (K11). No mutation. */
export async function takeCensus(
  progress: Progress,
  host: Hypervisor,
  observed: ObservedHost | Promise<ObservedHost>,
): Promise<HostCensus> {
  const [objects, system] = await Promise.all([observed, host.system.records.census(progress)])
  return { atMs: progress.seam.nowMs(), ...objectsIn(objects), ...system }
}

/** States of machines, leases and free space change by themselves and are left out. Pure. */
export const objectsIn = ({
  vms,
  pools,
  networks,
}: ObservedHost): Pick<HostCensus, 'domains' | 'volumes' | 'networks' | 'pools'> => ({
  domains: Object.fromEntries(
    vms.map(({ name, id, vcpus, memoryMib, machine, firmware, autostart, interfaces, disks, snapshots }) => [
      name,
      digest({ id, vcpus, memoryMib, machine, firmware, autostart, interfaces, disks, snapshots }),
    ]),
  ),
  volumes: Object.fromEntries(
    pools.flatMap((pool) =>
      pool.volumes.map(({ name, format, capacityBytes }) => [
        `${pool.name}/${name}`,
        `${format} of ${capacityBytes} bytes`,
      ]),
    ),
  ),
  networks: Object.fromEntries(
    networks.map(({ name, active, autostart, bridge, subnets }) => [
      name,
      [
        active ? 'active' : 'inactive',
        autostart ? 'autostart' : 'no autostart',
        bridge ?? '-',
        ...subnets,
      ].join(', '),
    ]),
  ),
  pools: Object.fromEntries(
    pools.map(({ name, path, active }) => [name, [active ? 'active' : 'inactive', path ?? '-'].join(', ')]),
  ),
})

const digest = (value: unknown): string => sha256Hex(canonicalJson(value)).slice(0, 16)
