import { ProvisionError } from '../../lib/errors.ts'
import type { Progress } from '../../lib/progress.ts'
import type { ImagePlacement, PoolDefinition, VolumeRef } from '../contract.ts'
import type { DiskCreation } from '../disks.ts'
import type { FakeContext } from './context.ts'
import * as daemon from './daemon.ts'
import type { FakeVolume } from './world.ts'

/** What the metadata of an empty or overlay qcow2 takes up. */
export const emptyQcow2Bytes = 200 * 1024

export async function ensurePool(
  context: FakeContext,
  progress: Progress,
  pool: PoolDefinition,
): Promise<void> {
  const { world } = context
  const found = await context.look(progress, 'lookupPool', pool.name, () => world.pools[pool.name])
  if (found !== undefined && found.path !== pool.path)
    throw daemon.folderTaken(pool.name, `it has the folder ${found.path}, not ${pool.path}`)
  if (found === undefined) {
    await context.change(progress, 'definePool', pool.name, () => daemon.definePool(world, pool))
  }
  if (found?.built !== true)
    await context.change(progress, 'buildPool', pool.name, () => daemon.buildPool(world, pool.name))
  if (found?.active !== true)
    await context.change(progress, 'startPool', pool.name, () => daemon.startPool(world, pool.name))
}

export async function removePool(
  context: FakeContext,
  progress: Progress,
  pool: PoolDefinition,
): Promise<void> {
  const { world } = context
  const { name } = pool
  const found = await context.look(progress, 'lookupPool', name, () => structuredClone(world.pools[name]))
  if (found === undefined || found.isOurs !== true || found.path !== pool.path) return
  const isShare = found.source?.kind === 'netfs'
  if (!isShare && Object.keys(found.volumes).length > 0) return
  if (found.active) await context.change(progress, 'stopPool', name, () => daemon.stopPool(world, name))
  const hasFilesOfOthers = Object.keys(world.files).some((path) => path.startsWith(`${found.path}/`))
  if (found.built && !hasFilesOfOthers)
    await context.change(progress, 'deletePoolFolder', name, () => daemon.deletePoolFolder(world, name))
  await context.change(progress, 'undefinePool', name, () => daemon.undefinePool(world, name))
}

/** Body first, header last: what is not complete has no header and is seen as a raw file of no use. */
export async function placeImage(
  context: FakeContext,
  progress: Progress,
  image: ImagePlacement,
): Promise<void> {
  const { world } = context
  const name = daemon.label(image)
  const found = await lookup(context, progress, image)
  if (found?.complete === true) return
  if (found !== undefined) await deleteVolume(context, progress, image)
  await context.change(progress, 'createVolume', name, () =>
    daemon.createVolume(
      world,
      image,
      volume({ capacityBytes: image.sizeBytes, format: image.format, complete: false }),
    ),
  )
  await context.change(progress, 'uploadBody', name, () =>
    daemon.upload(world, image, { allocationBytes: image.sizeBytes }),
  )
  await context.change(progress, 'uploadHeader', name, () =>
    daemon.upload(world, image, { complete: true, data: `image:${image.sha256}` }),
  )
}

export async function createDisk(
  context: FakeContext,
  progress: Progress,
  disk: DiskCreation,
): Promise<void> {
  const { world } = context
  const name = daemon.label(disk)
  const found = await lookup(context, progress, disk)
  const base = disk.base && (await baseOf(context, progress, disk, disk.base.volume))
  const backingPath = disk.base?.mode === 'overlay' ? base?.path : undefined
  if (found !== undefined && disk.existing === 'keep') {
    if (found.format === disk.format && found.backingPath === backingPath) return
    throw new ProvisionError('disk.conflict', {
      message: `Volume ${name} exists and is not the disk that would be made.`,
      details: { format: found.format, backingPath: found.backingPath },
    })
  }
  if (found !== undefined) await deleteVolume(context, progress, disk)
  const emptyBytes = disk.format === 'raw' ? 0 : emptyQcow2Bytes
  const made = volume({
    capacityBytes: disk.base?.mode === 'copy' ? (base?.capacityBytes ?? 0) : disk.sizeBytes,
    allocationBytes: disk.base?.mode === 'copy' ? (base?.allocationBytes ?? 0) : emptyBytes,
    format: disk.format,
    backingPath,
    data: base?.data ?? 'empty',
  })
  const kind = disk.base?.mode === 'copy' ? 'cloneVolume' : 'createVolume'
  await context.change(progress, kind, name, () => daemon.createVolume(world, disk, made))
  await growDisk(context, progress, disk, disk.sizeBytes)
}

/** In place, because a running machine may have the volume attached. */
export async function writeVolume(
  context: FakeContext,
  progress: Progress,
  ref: VolumeRef,
  content: Uint8Array,
): Promise<void> {
  const { world } = context
  const name = daemon.label(ref)
  const capacityBytes = content.byteLength
  const found = await lookup(context, progress, ref)
  if (found?.complete === true && found.bytes !== undefined && context.same(found.bytes, content)) return
  if (found === undefined) {
    await context.change(progress, 'createVolume', name, () =>
      daemon.createVolume(world, ref, volume({ capacityBytes, format: 'raw', complete: false })),
    )
  } else if (found.capacityBytes !== capacityBytes) {
    await context.change(progress, 'resizeVolume', name, () =>
      daemon.upload(world, ref, { capacityBytes, complete: false }),
    )
  }
  const bytes = Uint8Array.from(content)
  await context.change(progress, 'uploadVolume', name, () =>
    daemon.upload(world, ref, {
      complete: true,
      format: 'raw',
      allocationBytes: capacityBytes,
      data: 'written',
      bytes,
    }),
  )
}

export async function growDisk(
  context: FakeContext,
  progress: Progress,
  ref: VolumeRef,
  sizeBytes: number,
): Promise<void> {
  const found = await lookup(context, progress, ref)
  if (found === undefined) throw daemon.refuse(`grow volume ${daemon.label(ref)}: it does not exist`)
  if (found.capacityBytes === sizeBytes) return
  if (found.capacityBytes > sizeBytes) {
    throw new ProvisionError('disk.shrink-refused', {
      message: `Volume ${daemon.label(ref)} would become smaller.`,
      details: { capacityBytes: found.capacityBytes, sizeBytes },
    })
  }
  await context.change(progress, 'resizeVolume', daemon.label(ref), () =>
    daemon.resizeVolume(context.world, ref, sizeBytes),
  )
}

/** The pool is asked to look again before it is believed that there is no such volume. */
export async function deleteVolume(context: FakeContext, progress: Progress, ref: VolumeRef): Promise<void> {
  if (context.world.pools[ref.pool]?.unseen?.[ref.name] !== undefined)
    await context.change(progress, 'refreshPool', ref.pool, () => daemon.refreshPool(context.world, ref.pool))
  if ((await lookup(context, progress, ref)) === undefined) return
  await context.change(progress, 'deleteVolume', daemon.label(ref), () =>
    daemon.deleteVolume(context.world, ref),
  )
}

export const lookup = (
  context: FakeContext,
  progress: Progress,
  ref: VolumeRef,
): Promise<FakeVolume | undefined> =>
  context.look(progress, 'lookupVolume', daemon.label(ref), () => {
    const found = daemon.volumeAt(context.world, ref)
    return found && { ...found }
  })

async function baseOf(context: FakeContext, progress: Progress, disk: DiskCreation, ref: VolumeRef) {
  const base = await lookup(context, progress, ref)
  if (base === undefined)
    throw daemon.refuse(`create volume ${daemon.label(disk)}: its base ${daemon.label(ref)} is missing`)
  if (base.capacityBytes > disk.sizeBytes) {
    throw new ProvisionError('disk.shrink-refused', {
      message: `Volume ${daemon.label(disk)} would be smaller than its base ${daemon.label(ref)}.`,
      details: { baseBytes: base.capacityBytes, sizeBytes: disk.sizeBytes },
    })
  }
  return { ...base, path: daemon.pathOf(daemon.poolNamed(context.world, ref.pool), ref) }
}

export const volume = (
  facts: Pick<FakeVolume, 'capacityBytes' | 'format'> & Partial<FakeVolume>,
): FakeVolume => ({
  allocationBytes: 0,
  backingPath: undefined,
  complete: true,
  data: 'empty',
  bytes: undefined,
  ...facts,
})
