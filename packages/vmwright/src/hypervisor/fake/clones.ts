import { ProvisionError } from '../../lib/errors.ts'
import type { Progress } from '../../lib/progress.ts'
import type { DiskClone, DiskEdit } from '../disks.ts'
import type { FakeContext } from './context.ts'
import * as daemon from './daemon.ts'
import { requireShell } from './files.ts'
import { isUp } from './guests.ts'
import { deleteVolume, emptyQcow2Bytes, lookup, volume } from './storage.ts'
import type { FakeVolume } from './world.ts'

/**
 * As a real host does it: what is left over is deleted, a command makes the complete file (its incomplete one goes
 * with the process that ordered it), and the pool is told. An overlay is made by the daemon itself.
 */
export async function cloneDisk(context: FakeContext, progress: Progress, clone: DiskClone): Promise<void> {
  const { world } = context
  const name = daemon.label(clone)
  const source = await context.look(progress, 'inspectDisk', clone.from.path, () => sourceOf(context, clone))
  const found = await lookup(context, progress, clone)
  if (found !== undefined && clone.existing === 'keep') return refuseOther(clone, found)
  await deleteVolume(context, progress, clone)
  const made = asCloned(context, clone, source)
  if (clone.mode === 'overlay') {
    await context.change(progress, 'createVolume', name, () => daemon.createVolume(world, clone, made))
    return
  }
  await context.change(progress, 'copyDisk', name, () => {
    refuseUsed(context, clone)
    if (clone.workspace !== undefined) world.files[clone.workspace] ??= { kind: 'folder', disk: undefined }
    daemon.placeFile(world, clone, made)
  })
  await context.change(progress, 'refreshPool', clone.pool, () => daemon.refreshPool(world, clone.pool))
}

function sourceOf(context: FakeContext, clone: DiskClone): FakeVolume {
  const { world } = context
  if (clone.mode !== 'overlay') requireShell(context)
  const source = daemon.diskAt(world, clone.from.path)
  if (source === undefined) throw daemon.refuse(`clone ${clone.from.path}: there is no such file`)
  if (clone.mode === 'reflink' && world.pools[clone.pool]?.reflinks !== true) {
    throw new ProvisionError('disk.no-reflink', {
      message: `The file system of pool ${clone.pool} does not share blocks with ${clone.from.path}.`,
    })
  }
  if (clone.sizeBytes !== undefined && clone.sizeBytes < source.capacityBytes) {
    throw new ProvisionError('disk.shrink-refused', {
      message: `Volume ${daemon.label(clone)} would be smaller than its template ${clone.from.path}.`,
      details: { templateBytes: source.capacityBytes, sizeBytes: clone.sizeBytes },
    })
  }
  return { ...source }
}

function asCloned({ world }: FakeContext, clone: DiskClone, source: FakeVolume): FakeVolume {
  const capacityBytes = clone.sizeBytes ?? source.capacityBytes
  const { data } = source
  if (clone.mode === 'overlay') {
    const shape = { capacityBytes, format: 'qcow2', data, allocationBytes: emptyQcow2Bytes }
    return volume({ ...shape, backingPath: clone.from.path })
  }
  const isShared = clone.mode !== 'copy' && world.pools[clone.pool]?.reflinks === true
  const allocationBytes = isShared ? emptyQcow2Bytes : source.allocationBytes
  return volume({ capacityBytes, format: clone.from.format, data, allocationBytes })
}

function refuseUsed({ world }: FakeContext, clone: DiskClone): void {
  const user = Object.values(world.vms).find(
    (vm) => isUp(vm) && vm.disks.some((disk) => disk.kind === 'disk' && disk.path === clone.from.path),
  )
  if (user === undefined) return
  throw new ProvisionError('host.busy', {
    message: `${clone.from.path} is in use by the running machine ${user.name}.`,
    retryable: true,
  })
}

function refuseOther(clone: DiskClone, found: FakeVolume): void {
  const format = clone.mode === 'overlay' ? 'qcow2' : clone.from.format
  const backingPath = clone.mode === 'overlay' ? clone.from.path : undefined
  if (found.format === format && found.backingPath === backingPath) return
  throw new ProvisionError('disk.conflict', {
    message: `Volume ${daemon.label(clone)} exists and is not the clone that would be made.`,
    details: { format: found.format, backingPath: found.backingPath },
  })
}

/** Records the changes in `world.edits`. A disk that is `empty` has no system to edit. */
export async function editDisks(context: FakeContext, progress: Progress, edit: DiskEdit): Promise<void> {
  const { world } = context
  await context.change(progress, 'editDisks', edit.vm, () => {
    requireShell(context)
    if (!world.hasGuestTools) {
      throw new ProvisionError('host.tool-missing', {
        message: `libguestfs is not installed on ${world.host}.`,
        hint: 'Install libguestfs-tools there.',
      })
    }
    const vm = world.vms[edit.vm]
    if (vm !== undefined && isUp(vm)) throw daemon.refuse(`edit the disks of ${edit.vm}: it runs`)
    const disks = edit.disks.map(({ volume: ref }) => {
      const disk = daemon.volumeAt(world, ref)
      if (disk === undefined) throw daemon.refuse(`edit volume ${daemon.label(ref)}: it does not exist`)
      return { disk, path: daemon.pathOf(daemon.poolNamed(world, ref.pool), ref) }
    })
    const [root] = disks
    if (root === undefined || disks.every(({ disk }) => disk.data.startsWith('empty'))) {
      throw new ProvisionError('disk.no-system', {
        message: `No operating system was found on the disks of ${edit.vm}.`,
      })
    }
    world.edits[root.path] = structuredClone(edit.changes)
  })
}
