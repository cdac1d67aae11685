import { dirname } from 'node:path'
import { ProvisionError } from '../../lib/errors.ts'
import type { Progress } from '../../lib/progress.ts'
import type { VolumeRef } from '../contract.ts'
import { MiB } from '../../lib/units.ts'
import type { ObservedSnapshot, SnapshotDefinition } from '../snapshots.ts'
import type { FakeContext } from './context.ts'
import * as daemon from './daemon.ts'
import { isUp } from './guests.ts'
import { completeSnapshot, forgetSnapshot, recordSnapshot, revertToSnapshot } from './snapshot-daemon.ts'
import { deleteVolume } from './storage.ts'
import type { FakeSnapshot, FakeVm, FakeWorld } from './world.ts'

/*
 * Internal snapshots of stopped machines are one mutation, those with memory are two: in between there is one that is
 * listed without its note, and cannot be restored. External ones keep a copy of each disk in a volume
 * `<disk>@<snapshot>`: volumes first and the record last when made, the other way round never, so that a record means
 * a whole snapshot until its deletion begins, and a deletion can go on where it stopped.
 */

export async function createSnapshot(
  context: FakeContext,
  progress: Progress,
  name: string,
  snapshot: SnapshotDefinition,
): Promise<void> {
  const { world } = context
  const vm = await context.look(progress, 'lookupVm', name, () => daemon.vmNamed(world, name))
  const known = vm.snapshots.find((other) => other.name === snapshot.name)
  if (known !== undefined) {
    const isWhole = known.memory?.complete !== false
    if (isWhole && (snapshot.note === undefined || snapshot.note === known.note)) return
    await removeSnapshot(context, progress, vm, known)
  }
  if (snapshot.memory === true) return createWithMemory(context, progress, vm, snapshot)
  if (isUp(vm)) throw daemon.refuse(`snapshot machine ${name}: it runs`)
  const kind = world.capabilities.stoppedSnapshot[vm.firmware]
  if (kind === 'none') {
    throw new ProvisionError('snapshot.unsupported', {
      message: `${world.host} cannot snapshot ${name}, which has ${vm.firmware} firmware.`,
    })
  }
  const disks = disksOf(world, vm)
  if (kind === 'external') {
    for (const { path, ref } of disks) {
      const copy = copyOf(ref, snapshot.name)
      await deleteVolume(context, progress, copy)
      await context.change(progress, 'createVolume', daemon.label(copy), () => {
        const disk = daemon.volumeByPath(world, path)
        if (disk === undefined) throw daemon.refuse(`snapshot machine ${name}: its disk ${path} is missing`)
        daemon.createVolume(world, copy, { ...disk })
      })
    }
  }
  await context.change(progress, 'recordSnapshot', `${name}/${snapshot.name}`, () => {
    const { note } = snapshot
    recordSnapshot(world, name, { ...recordOf(context, vm, snapshot, kind), note, memory: undefined })
  })
}

async function createWithMemory(
  context: FakeContext,
  progress: Progress,
  vm: FakeVm,
  snapshot: SnapshotDefinition,
): Promise<void> {
  const { world, seam } = context
  const obstacle = memoryObstacle(world, vm)
  if (obstacle !== undefined) {
    throw new ProvisionError('snapshot.unsupported', {
      message: `${world.host} cannot snapshot ${vm.name} with its memory: ${obstacle}.`,
    })
  }
  const object = `${vm.name}/${snapshot.name}`
  await context.change(progress, 'saveMemory', object, () => {
    const memory = {
      guestAgeMs: seam.nowMs() - vm.startedAtMs,
      sizeBytes: (vm.memoryMib * MiB) / 2,
      path: disksOf(world, vm)[0]?.path ?? '',
      complete: false,
    }
    recordSnapshot(world, vm.name, {
      ...recordOf(context, vm, snapshot, 'internal'),
      note: undefined,
      memory,
    })
  })
  await context.change(progress, 'completeSnapshot', object, () =>
    completeSnapshot(world, vm.name, snapshot.name, snapshot.note),
  )
}

function recordOf(
  { world, seam }: FakeContext,
  vm: FakeVm,
  { name, description }: SnapshotDefinition,
  kind: FakeSnapshot['kind'],
): Omit<FakeSnapshot, 'note' | 'memory'> {
  const content = disksOf(world, vm).map(({ path }) => [path, daemon.volumeByPath(world, path)?.data ?? ''])
  const disks = kind === 'internal' ? Object.fromEntries(content) : {}
  return { name, description, kind, disks, createdAtMs: seam.nowMs(), parent: vm.currentSnapshot }
}

/** Why the memory of a machine of this world cannot be saved. */
function memoryObstacle(world: FakeWorld, vm: FakeVm): string | undefined {
  if (world.whyNoMemory !== undefined) return world.whyNoMemory
  if (world.capabilities.stoppedSnapshot.bios !== 'internal') return 'its snapshots hold disks alone'
  const raw = vm.disks.filter(({ kind, format }) => kind === 'disk' && format === 'raw')
  return raw.length === 0 ? undefined : `its disk ${raw.map(({ device }) => device).join(', ')} is not qcow2`
}

export const whyNoMemorySnapshot = (
  context: FakeContext,
  progress: Progress,
  name: string,
): Promise<string | undefined> =>
  context.look(progress, 'lookupVm', name, () =>
    memoryObstacle(context.world, daemon.vmNamed(context.world, name)),
  )

export const listSnapshots = (
  context: FakeContext,
  progress: Progress,
  name: string,
): Promise<readonly ObservedSnapshot[]> =>
  context.look(progress, 'listSnapshots', name, () => {
    const vm = daemon.vmNamed(context.world, name)
    return vm.snapshots.map(({ name, createdAtMs, memory, parent, note }) => ({
      name,
      createdAtMs,
      memory: memory !== undefined,
      parent,
      current: name === vm.currentSnapshot,
      note,
      sizeBytes: memory?.sizeBytes,
    }))
  })

export async function restoreSnapshot(
  context: FakeContext,
  progress: Progress,
  name: string,
  snapshotName: string,
): Promise<void> {
  const { world } = context
  const vm = await context.look(progress, 'lookupVm', name, () => daemon.vmNamed(world, name))
  const snapshot = vm.snapshots.find((other) => other.name === snapshotName)
  if (snapshot === undefined) {
    throw new ProvisionError('snapshot.not-found', {
      message: `${name} has no snapshot ${snapshotName}.`,
      details: { snapshots: vm.snapshots.map((other) => other.name) },
    })
  }
  if (isUp(vm) && snapshot.memory === undefined)
    throw daemon.refuse(`restore machine ${name}: it runs, and ${snapshotName} has no memory`)
  if (snapshot.kind === 'internal') {
    await context.change(progress, 'revertToSnapshot', `${name}/${snapshotName}`, () =>
      revertToSnapshot(world, name, snapshot, context.seam.nowMs()),
    )
    return
  }
  for (const { ref } of disksOf(world, vm)) {
    await context.change(progress, 'restoreVolume', daemon.label(ref), () => {
      const copy = daemon.volumeAt(world, copyOf(ref, snapshotName))
      if (copy === undefined)
        throw daemon.refuse(`restore ${daemon.label(ref)}: its copy of ${snapshotName} is missing`)
      daemon.upload(world, ref, { ...copy })
    })
  }
}

export async function deleteSnapshot(
  context: FakeContext,
  progress: Progress,
  name: string,
  snapshotName: string,
): Promise<void> {
  const { world } = context
  const vm = await context.look(progress, 'lookupVm', name, () => world.vms[name])
  const snapshot = vm?.snapshots.find((other) => other.name === snapshotName)
  if (vm === undefined || snapshot === undefined) return
  await removeSnapshot(context, progress, vm, snapshot)
}

/** Removes all snapshots of a machine, with volumes of such as were never finished. */
export async function removeSnapshots(context: FakeContext, progress: Progress, name: string): Promise<void> {
  const { world } = context
  const vm = daemon.vmNamed(world, name)
  for (const snapshot of vm.snapshots.slice()) await removeSnapshot(context, progress, vm, snapshot)
  for (const { ref } of disksOf(world, vm)) {
    const unfinished = Object.keys(world.pools[ref.pool]?.volumes ?? {}).filter((volume) =>
      volume.startsWith(`${ref.name}@`),
    )
    for (const volume of unfinished) await deleteVolume(context, progress, { pool: ref.pool, name: volume })
  }
}

async function removeSnapshot(
  context: FakeContext,
  progress: Progress,
  vm: FakeVm,
  snapshot: FakeSnapshot,
): Promise<void> {
  const { world } = context
  for (const { ref } of snapshot.kind === 'external' ? disksOf(world, vm) : [])
    await deleteVolume(context, progress, copyOf(ref, snapshot.name))
  await context.change(progress, 'forgetSnapshot', `${vm.name}/${snapshot.name}`, () =>
    forgetSnapshot(world, vm.name, snapshot.name),
  )
}

const copyOf = (ref: VolumeRef, snapshot: string): VolumeRef => ({
  pool: ref.pool,
  name: `${ref.name}@${snapshot}`,
})

/** The writable disks that are in pools of this world. */
function disksOf(world: FakeWorld, vm: FakeVm): { readonly path: string; readonly ref: VolumeRef }[] {
  return vm.disks.flatMap(({ path, kind }) => {
    if (kind !== 'disk' || path === undefined) return []
    // A pool's folder may lie in that of another.
    const pool = Object.keys(world.pools).find((name) => dirname(path) === world.pools[name]?.path)
    if (pool === undefined) return []
    return [{ path, ref: { pool, name: path.slice((world.pools[pool]?.path.length ?? 0) + 1) } }]
  })
}
