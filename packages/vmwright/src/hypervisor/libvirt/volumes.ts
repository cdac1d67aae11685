import { calls, errorCode, type StorageVolume } from '@vmwright/libvirt'
import { messageOf, ProvisionError } from '../../lib/errors.ts'
import type { Progress } from '../../lib/progress.ts'
import { Revert } from '../../lib/revert.ts'
import { formatBytes, MiB } from '../../lib/units.ts'
import type { ObservedVolume, VolumeRef } from '../contract.ts'
import type { DiskCreation } from '../disks.ts'
import { libvirtCodeOf, type CallPurpose, type Session } from './session.ts'
import { parseVolume, volumeXml } from './volume-xml.ts'

/** Copying a base may take as long as the disk is large. */
export const copyTimeoutMs = 3_600_000
/** `VIR_STORAGE_VOL_RESIZE_ALLOCATE` */
const allocate = 1
/** Sizes are rounded up to whole sectors. */
export const sectorBytes = 512

/** A volume's place on the host. Throws `pool.not-found`, also for pools without a folder. */
export async function volumePath(session: Session, progress: Progress, ref: VolumeRef): Promise<string> {
  const { path } = await session.pool(progress, ref.pool)
  if (path !== undefined) return `${path}/${ref.name}`
  throw new ProvisionError('pool.not-found', {
    message: `Could not use pool ${ref.pool} on host ${session.host} for disks: it has no folder.`,
    hint: 'Use a pool of type dir, fs or netfs.',
    details: { pool: ref.pool },
  })
}

/** `undefined`: the pool has no such volume. */
export async function findVolume(
  session: Session,
  progress: Progress,
  ref: VolumeRef,
): Promise<StorageVolume | undefined> {
  const { pool } = await session.pool(progress, ref.pool)
  const purpose = { ...purposeOf(ref, 'look up'), absent: [errorCode.noStorageVolume] }
  return (await session.callUnless(progress, calls.storageVolLookupByName, { pool, name: ref.name }, purpose))
    ?.vol
}

/**
 * Creates a disk, empty, over its base, or as a copy of it. One that exists is replaced, or kept when it has the
 * wanted size, format and base. Sizes are rounded up to whole sectors. Throws `pool.full`, `disk.conflict`.
 */
export async function createDisk(session: Session, progress: Progress, disk: DiskCreation): Promise<void> {
  const { pool } = await session.pool(progress, disk.pool)
  const capacityBytes = Math.ceil(disk.sizeBytes / sectorBytes) * sectorBytes
  const base = disk.base && { ...disk.base, path: await volumePath(session, progress, disk.base.volume) }
  const backing = base?.mode === 'overlay' ? { path: base.path, format: base.format } : undefined
  const { name, format } = disk
  const xml = volumeXml({ name, capacityBytes, format, mode: '0600', backing })
  const purpose = purposeOf(disk, 'create')
  const create = async (): Promise<StorageVolume | undefined> => {
    if (base?.mode !== 'copy') {
      const options = { ...purpose, absent: [errorCode.storageVolumeExists] }
      return (await session.callUnless(progress, calls.storageVolCreateXml, { pool, xml }, options))?.vol
    }
    // Of a copy libvirt says that the name is taken with the code of an internal error (storage_driver.c,
    // `storageVolCreateXMLFrom`), so it is asked first.
    if ((await findVolume(session, progress, disk)) !== undefined) return undefined
    const source = await volumeOfBase(session, progress, base.volume)
    const options = { ...purpose, lane: 'slow', timeoutMs: copyTimeoutMs } as const
    return (await session.call(progress, calls.storageVolCreateXmlFrom, { pool, xml, source }, options)).vol
  }
  const vol = await explainFull(session, progress, disk, MiB, async () => {
    const created = await create()
    if (created !== undefined) return created
    const existing = await findVolume(session, progress, disk)
    if (existing !== undefined && disk.existing === 'keep') {
      await refuseOther(session, progress, disk, { vol: existing, capacityBytes, backingPath: backing?.path })
      return undefined
    }
    await deleteVolume(session, progress, disk)
    return create()
  })
  if (vol !== undefined && base?.mode === 'copy')
    await growVolume(session, progress, disk, vol, capacityBytes)
}

async function volumeOfBase(session: Session, progress: Progress, ref: VolumeRef): Promise<StorageVolume> {
  const { pool } = await session.pool(progress, ref.pool)
  const purpose = purposeOf(ref, 'find')
  return (await session.call(progress, calls.storageVolLookupByName, { pool, name: ref.name }, purpose)).vol
}

/** Throws `disk.conflict` when the existing volume is not what would have been created. */
async function refuseOther(
  session: Session,
  progress: Progress,
  disk: DiskCreation,
  existing: {
    readonly vol: StorageVolume
    readonly capacityBytes: number
    readonly backingPath: string | undefined
  },
): Promise<void> {
  const found = await readVolume(session, progress, existing.vol)
  const differences = [
    found.capacityBytes === existing.capacityBytes
      ? ''
      : `its size is ${formatBytes(found.capacityBytes)} and not ${formatBytes(existing.capacityBytes)}`,
    found.format === disk.format ? '' : `its format is ${found.format} and not ${disk.format}`,
    found.backingPath === existing.backingPath
      ? ''
      : `its base is ${found.backingPath ?? 'none'} and not ${existing.backingPath ?? 'none'}`,
  ].filter((text) => text !== '')
  if (differences.length === 0) return
  throw new ProvisionError('disk.conflict', {
    message: `Could not create volume ${disk.name} in pool ${disk.pool} on host ${session.host}: one of that name exists, and ${differences.join(', ')}.`,
    details: { pool: disk.pool, volume: disk.name, path: found.path },
  })
}

export async function readVolume(
  session: Session,
  progress: Progress,
  vol: StorageVolume,
): Promise<ObservedVolume> {
  const purpose = purposeOf(vol, 'read')
  return parseVolume((await session.call(progress, calls.storageVolGetXmlDesc, { vol }, purpose)).xml)
}

/** Grows a volume that no machine has open; nothing to do when it is as large. */
export async function growVolume(
  session: Session,
  progress: Progress,
  ref: VolumeRef,
  vol: StorageVolume,
  capacityBytes: number,
  flags = 0,
): Promise<void> {
  const purpose = purposeOf(ref, 'grow')
  const { capacity } = await session.call(progress, calls.storageVolGetInfo, { vol }, purpose)
  if (capacity >= BigInt(capacityBytes)) return
  await session.call(
    progress,
    calls.storageVolResize,
    { vol, capacity: BigInt(capacityBytes), flags },
    purpose,
  )
}

/**
 * Writes a small volume, or overwrites it in place: a machine that has it open sees the new content, and nothing
 * of the old one stays on the host's disk. libvirt does not make a file smaller, so one that is too long is
 * emptied and made anew. Throws `pool.full`.
 */
export async function writeVolume(
  session: Session,
  progress: Progress,
  ref: VolumeRef,
  content: Uint8Array,
): Promise<void> {
  const { pool } = await session.pool(progress, ref.pool)
  const shape = { name: ref.name, capacityBytes: content.length, format: 'raw', mode: '0600' } as const
  const xml = volumeXml({ ...shape, allocate: 'all' })
  const purpose = purposeOf(ref, 'write')
  const write = (vol: StorageVolume, source: Uint8Array): Promise<void> =>
    upload(session, progress, { vol, offset: 0, length: source.length, source })
  const fill = (vol: StorageVolume): Promise<void> =>
    orDelete(session, progress, ref, () => write(vol, content))
  const overwrite = async (): Promise<void> => {
    const vol = await volumeOfBase(session, progress, ref)
    const { capacity } = await session.call(progress, calls.storageVolGetInfo, { vol }, purpose)
    if (capacity <= BigInt(content.length)) {
      if (capacity < BigInt(content.length))
        await growVolume(session, progress, ref, vol, content.length, allocate)
      return write(vol, content)
    }
    await write(vol, new Uint8Array(Number(capacity)))
    await deleteVolume(session, progress, ref)
    return fill((await session.call(progress, calls.storageVolCreateXml, { pool, xml }, purpose)).vol)
  }
  await explainFull(session, progress, ref, content.length, async () => {
    const options = { ...purpose, absent: [errorCode.storageVolumeExists] }
    const created = await session.callUnless(progress, calls.storageVolCreateXml, { pool, xml }, options)
    if (created !== undefined) return fill(created.vol)
    return overwrite().catch(async (error: unknown) => {
      // Somebody removed the file, and libvirt has not noticed.
      if (libvirtCodeOf(error) !== errorCode.noStorageVolume) throw error
      await refreshPool(session, progress, ref.pool)
      return fill((await session.call(progress, calls.storageVolCreateXml, { pool, xml }, purpose)).vol)
    })
  })
}

/** Does the work on a volume that was just created, and deletes the volume when it fails. */
export async function orDelete(
  session: Session,
  progress: Progress,
  ref: VolumeRef,
  work: () => Promise<void>,
): Promise<void> {
  await using revert = new Revert()
  revert.add('delete the half-made volume', () => deleteVolume(session, progress, ref))
  await work()
  revert.success()
}

/** Sends bytes to a place in a volume. */
export function upload(
  session: Session,
  progress: Progress,
  part: {
    readonly vol: StorageVolume
    readonly offset: number
    readonly length: number
    readonly source: AsyncIterable<Uint8Array> | Uint8Array
    readonly onProgress?: (bytes: number) => void
  },
): Promise<void> {
  const { vol, source, onProgress } = part
  const args = { vol, offset: BigInt(part.offset), length: BigInt(part.length) }
  const options = { ...progress.callOptions(copyTimeoutMs), onProgress }
  return session.effect(progress, calls.storageVolUpload.name, purposeOf(vol, 'write'), () =>
    session.libvirt.upload(calls.storageVolUpload, args, source, options),
  )
}

/**
 * Deletes a volume; nothing to do when there is none. The pool is asked to look again before that is believed.
 * One that libvirt still copies to, for a run that was killed meanwhile, is deleted when it is complete.
 */
export async function deleteVolume(session: Session, progress: Progress, ref: VolumeRef): Promise<void> {
  if ((await findVolume(session, progress, ref)) === undefined) await refreshPool(session, progress, ref.pool)
  const purpose = {
    ...purposeOf(ref, 'delete'),
    absent: [errorCode.noStorageVolume, errorCode.operationInvalid],
  }
  await progress.poll({ everyMs: 200, what: `volume ${ref.name} to be deleted` }, async () => {
    const vol = await findVolume(session, progress, ref)
    if (vol === undefined) return 'gone'
    return session.callUnless(progress, calls.storageVolDelete, { vol }, purpose)
  })
}

/** How often a pool that is busy creating volumes, which then refuses to look, is asked again: every 100 ms. */
const refreshAttempts = 100

/** Makes the pool know files that came or went without it. */
export async function refreshPool(session: Session, progress: Progress, name: string): Promise<void> {
  const { pool } = await session.pool(progress, name)
  const purpose = { object: name, doing: `refresh pool ${name}` }
  for (let attempt = 1; ; attempt++) {
    const absent = attempt < refreshAttempts ? [errorCode.internalError] : []
    if (await session.callUnless(progress, calls.storagePoolRefresh, { pool }, { ...purpose, absent })) return
    await progress.sleep(100)
  }
}

/**
 * libvirt tells a full disk only in words. So after a failure the pool's free space decides whether it is
 * `pool.full`: less than what was about to be written. A copy that failed is gone by then, and its space is free
 * again; there the words must do, which are always English: libvirt runs qemu-img in the C locale (vircommand.c,
 * `virCommandAddEnvPassCommon`).
 */
export async function explainFull<T>(
  session: Session,
  progress: Progress,
  ref: VolumeRef,
  neededBytes: number,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (libvirtCodeOf(error) === undefined) throw error
    const freeBytes = await freeBytesOf(session, progress, ref.pool).catch(() => Number.POSITIVE_INFINITY)
    if (freeBytes >= neededBytes && !messageOf(error).includes('No space left on device')) throw error
    throw new ProvisionError('pool.full', {
      message: `Could not write volume ${ref.name} to pool ${ref.pool} on host ${session.host}: it has ${formatBytes(freeBytes)} left.`,
      details: { pool: ref.pool, volume: ref.name, freeBytes, neededBytes },
      cause: error,
    })
  }
}

/** What the pool has left now. */
export async function freeBytesOf(session: Session, progress: Progress, name: string): Promise<number> {
  await refreshPool(session, progress, name)
  const { pool } = await session.pool(progress, name)
  const purpose = { object: name, doing: `read the free space of pool ${name}` }
  return Number((await session.call(progress, calls.storagePoolGetInfo, { pool }, purpose)).available)
}

function purposeOf(ref: VolumeRef, verb: string): CallPurpose {
  return { object: `${ref.pool}/${ref.name}`, doing: `${verb} volume ${ref.name} in pool ${ref.pool}` }
}
