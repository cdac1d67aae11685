import type { ObservedHost, ObservedVm, VolumeRef } from '../hypervisor/contract.ts'
import type { PlanBuilder } from './builder.ts'
import { imagePoolName } from './naming.ts'
import type { VmPlan } from './vm-plan.ts'
import { hasVolume, isUsedByOthers, volumeAt } from './volume-index.ts'

/**
 * Removes a machine: power off, snapshots, disks, definition. The definition goes last, because its mark is what
 * says whose the disks are, also while what `beforeUndefine` adds is not done. Returns the ids of the last steps.
 */
export function addRemoval(
  builder: PlanBuilder,
  vm: VmPlan,
  observed: ObservedVm,
  host: ObservedHost,
  disks: 'keep' | 'delete',
  reason: string,
  beforeUndefine: () => readonly string[] = () => [],
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
  const text = { title: `remove the definition of ${name}`, reason, after: [...after, ...beforeUndefine()] }
  return [builder.add('undefine-vm', place, {}, text)]
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
  for (const volume of [...(observed.mark?.volumes ?? []), ...namedVolumes(vm)]) add(volume)
  const own = new Set([vm.pool, ...(observed.mark?.volumes ?? []).map((volume) => volume.pool)])
  for (const disk of observed.disks) {
    for (
      let volume = volumeAt(host, disk.path);
      volume !== undefined && own.has(volume.pool);
      volume = volumeAt(host, volume.backingPath)
    ) {
      if (volume.pool === imagePoolName || !isNamedAfter(volume.name, observed.name)) break
      add(volume)
      if (isClonedDisk(volume, observed)) break // what lies below is the template's, whatever it is called
    }
  }
  return [...found.values()]
}

const isClonedDisk = ({ pool, name }: VolumeRef, { mark }: ObservedVm): boolean =>
  mark?.image.kind === 'template' &&
  mark.volumes.some((volume) => volume.pool === pool && volume.name === name)

/** The volumes that a machine of this spec would be made with. */
export const namedVolumes = ({ disks, seed }: VmPlan): readonly VolumeRef[] => [
  ...disks.map((disk) => disk.volume),
  ...(seed === undefined ? [] : [seed]),
]

/** `web-1.qcow2`, `web-1-vdb.qcow2`, `web-1.snapshot-a.vda.qcow2`, but not `web-10.qcow2` or another machine's disk. */
export const isNamedAfter = (volume: string, machine: string): boolean =>
  volume.startsWith(`${machine}.`) || volume.startsWith(`${machine}-`)
