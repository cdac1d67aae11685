import { dirname } from 'node:path'
import { ProvisionError } from '../../lib/errors.ts'
import type { Progress } from '../../lib/progress.ts'
import type { VolumeRef } from '../contract.ts'
import type { SnapshotDefinition } from '../snapshots.ts'
import type { FakeContext } from './context.ts'
import * as daemon from './daemon.ts'
import { isUp } from './guests.ts'
import { deleteVolume } from './storage.ts'
import type { FakeSnapshot, FakeVm, FakeWorld } from './world.ts'

/*
 * Internal snapshots are one mutation. External ones keep a copy of each disk in a volume `<disk>@<snapshot>`:
 * volumes first and the record last when made, the other way round never, so that a record means a whole snapshot
 * until its deletion begins, and a deletion can go on where it stopped.
 */

export async function createSnapshot(
  context: FakeContext,
  progress: Progress,
  name: string,
  snapshot: SnapshotDefinition,
): Promise<void> {
  const { world } = context
  const vm = await context.look(progress, 'lookupVm', name, () => daemon.vmNamed(world, name))
  if (vm.snapshots.some((other) => other.name === snapshot.name)) return
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
    const content = disks.map(({ path }) => [path, daemon.volumeByPath(world, path)?.data ?? ''])
    daemon.recordSnapshot(world, name, {
      ...snapshot,
      kind,
      disks: kind === 'internal' ? Object.fromEntries(content) : {},
    })
  })
}

export async function restoreSnapshot(
  context: FakeContext,
  progress: Progress,
  name: string,
  snapshotName: string,
): Promise<void> {
  const { world } = context
  const vm = await context.look(progress, 'lookupVm', name, () => daemon.vmNamed(world, name))
  if (isUp(vm)) throw daemon.refuse(`restore machine ${name}: it runs`)
  const snapshot = vm.snapshots.find((other) => other.name === snapshotName)
  if (snapshot === undefined) {
    throw new ProvisionError('snapshot.not-found', {
      message: `${name} has no snapshot ${snapshotName}.`,
      details: { snapshots: vm.snapshots.map((other) => other.name) },
    })
  }
  if (snapshot.kind === 'internal') {
    await context.change(progress, 'revertToSnapshot', `${name}/${snapshotName}`, () =>
      daemon.revertToSnapshot(world, name, snapshot),
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
    daemon.forgetSnapshot(world, vm.name, snapshot.name),
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
