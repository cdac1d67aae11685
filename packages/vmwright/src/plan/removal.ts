import type { ObservedHost, ObservedVm, VolumeRef } from '../hypervisor/contract.ts'
import type { PlanBuilder } from './builder.ts'
import { imagePoolName } from './naming.ts'
import type { VmPlan } from './plan.ts'
import { hasVolume, isUsedByOthers, volumeAt } from './volume-index.ts'

/**
 * Removes a machine: power off, snapshots, disks, definition. The definition goes last, because its mark is what
 * says whose the disks are. Returns the ids of the last steps.
 */
export function addRemoval(
  builder: PlanBuilder,
  vm: VmPlan,
  observed: ObservedVm,
  host: ObservedHost,
  disks: 'keep' | 'delete',
  reason: string,
): readonly string[] {
  const name = observed.name
  const place = { host: host.host, instance: name }
  let after: readonly string[] = []
  if (observed.state !== 'stopped') {
    after = [
      builder.add(
        'stop-vm',
        place,
        { how: 'force' },
        { title: `power off ${name}`, reason, detail: 'off', after },
      ),
    ]
  }
  for (const snapshot of observed.snapshots) {
    after = [
      builder.add(
        'delete-snapshot',
        place,
        { snapshot },
        { title: `delete snapshot ${snapshot}`, reason, detail: snapshot, after },
      ),
    ]
  }
  if (disks === 'delete') {
    const deletions = volumesOf(vm, observed, host).map((volume) =>
      builder.add(
        'delete-volume',
        place,
        { volume },
        { title: `delete ${volume.name} from pool ${volume.pool}`, reason, detail: volume.name, after },
      ),
    )
    if (deletions.length > 0) after = deletions
  }
  return [builder.add('undefine-vm', place, {}, { title: `remove the definition of ${name}`, reason, after })]
}

/**
 * The volumes that are the machine's own: those its mark names, those with the names that its spec gives, and
 * those its disks use now (a snapshot adds one), down to the first that belongs to the image cache. Only volumes that exist.
 */
export function volumesOf(vm: VmPlan, observed: ObservedVm, host: ObservedHost): readonly VolumeRef[] {
  const found = new Map<string, VolumeRef>()
  const add = (volume: VolumeRef): void => {
    if (!hasVolume(host, volume) || volume.pool === imagePoolName) return
    if (!isUsedByOthers(host, volume, observed.name))
      found.set(`${volume.pool}/${volume.name}`, { pool: volume.pool, name: volume.name })
  }
  for (const volume of [...(observed.mark?.volumes ?? []), vm.root, ...vm.extras, vm.seed]) add(volume)
  const own = new Set([vm.root.pool, ...(observed.mark?.volumes ?? []).map((volume) => volume.pool)])
  for (const disk of observed.disks) {
    for (
      let volume = volumeAt(host, disk.path);
      volume !== undefined && own.has(volume.pool);
      volume = volumeAt(host, volume.backingPath)
    ) {
      if (volume.pool === imagePoolName || !isNamedAfter(volume.name, observed.name)) break
      add(volume)
    }
  }
  return [...found.values()]
}

/** `web-1.qcow2`, `web-1-vdb.qcow2`, `web-1.snapshot-a.vda.qcow2`, but not `web-10.qcow2` or another machine's disk. */
export const isNamedAfter = (volume: string, machine: string): boolean =>
  volume.startsWith(`${machine}.`) || volume.startsWith(`${machine}-`)
