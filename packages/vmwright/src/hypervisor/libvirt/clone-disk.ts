import { calls, errorCode } from '@vmwright/libvirt'
import { messageOf, ProvisionError } from '../../lib/errors.ts'
import type { Progress } from '../../lib/progress.ts'
import type { DiskClone } from '../disks.ts'
import { copyByLibvirt } from './clone-by-libvirt.ts'
import { copyByShell } from './clone-by-shell.ts'
import type { HostShell } from './host-shell.ts'
import { libvirtCodeOf, type Session } from './session.ts'
import { volumeXml } from './volume-xml.ts'
import {
  deleteVolume,
  explainFull,
  findVolume,
  growVolume,
  orDelete,
  readVolume,
  refreshPool,
} from './volumes.ts'
import { MiB } from '../../lib/units.ts'

export interface HostAccess {
  readonly session: Session
  readonly shell: HostShell
  /** As of `Capabilities.noShell`. */
  readonly noShell: string | undefined
}

/**
 * Makes a volume of a template's disk (T1, T2). Overlays are made by libvirt. Copies and reflinks are made by `cp`
 * on the host, which is faster than libvirt's own copy (docs/decisions/0011), under a name that nobody takes for a
 * volume, and get theirs at the end; where the host gives no shell, libvirt copies. Safe to repeat after any
 * interruption.
 */
export async function cloneDisk(host: HostAccess, progress: Progress, clone: DiskClone): Promise<void> {
  const { session } = host
  try {
    const existing = await findVolume(session, progress, clone)
    if (existing !== undefined && clone.existing === 'keep')
      return await refuseOther(session, progress, clone)
    if (existing !== undefined) await deleteVolume(session, progress, clone)
    if (clone.mode === 'overlay') await createOverlay(session, progress, clone)
    else if (host.noShell !== undefined) await copyByLibvirt(session, progress, clone, host.noShell)
    else {
      const outcome = await copyByShell(host, progress, clone)
      await refreshPool(session, progress, clone.pool)
      if (outcome === 'exists') await refuseOther(session, progress, clone)
    }
  } catch (error) {
    throw explainBusy(session, clone, error)
  }
}

/** libvirt asks the template for the size where none is given, so the template need not be in a pool. */
async function createOverlay(session: Session, progress: Progress, clone: DiskClone): Promise<void> {
  const { pool } = await session.pool(progress, clone.pool)
  const { name, from, sizeBytes } = clone
  const xml = volumeXml({ name, capacityBytes: undefined, format: 'qcow2', mode: '0600', backing: from })
  const purpose = {
    object: `${clone.pool}/${name}`,
    doing: `create volume ${name} in pool ${clone.pool} over ${from.path}`,
  }
  await explainFull(session, progress, clone, MiB, async () => {
    const { vol } = await session.call(progress, calls.storageVolCreateXml, { pool, xml }, purpose)
    if (sizeBytes === undefined) return
    await orDelete(session, progress, clone, async () => {
      const { capacityBytes } = await readVolume(session, progress, vol)
      if (sizeBytes < capacityBytes) throw shrinkRefused(session, clone, capacityBytes)
      await growVolume(session, progress, clone, vol, sizeBytes)
    })
  })
}

export const shrinkRefused = (
  { host }: { readonly host: string },
  clone: DiskClone,
  templateBytes?: number,
): ProvisionError =>
  new ProvisionError('disk.shrink-refused', {
    message: `Could not make volume ${clone.name} in pool ${clone.pool} on host ${host} smaller than the template's disk ${clone.from.path}.`,
    hint: 'Ask for at least the size of the template, or for none.',
    details: {
      pool: clone.pool,
      volume: clone.name,
      from: clone.from.path,
      templateBytes,
      sizeBytes: clone.sizeBytes,
    },
  })

/** Throws `disk.conflict` when the existing volume is not a clone of that disk, as far as can be seen. */
async function refuseOther(session: Session, progress: Progress, clone: DiskClone): Promise<void> {
  const { pool } = await session.pool(progress, clone.pool)
  const purpose = { object: `${clone.pool}/${clone.name}`, doing: `find volume ${clone.name}` }
  const { vol } = await session.call(
    progress,
    calls.storageVolLookupByName,
    { pool, name: clone.name },
    purpose,
  )
  const found = await readVolume(session, progress, vol)
  const wanted =
    clone.mode === 'overlay'
      ? { format: 'qcow2', backingPath: clone.from.path }
      : { format: clone.from.format, backingPath: undefined }
  if (found.format === wanted.format && found.backingPath === wanted.backingPath) return
  throw new ProvisionError('disk.conflict', {
    message: `Could not clone ${clone.from.path} to volume ${clone.name} in pool ${clone.pool} on host ${session.host}: one of that name exists, and its format is ${found.format} over ${found.backingPath ?? 'no base'}.`,
    details: { pool: clone.pool, volume: clone.name, path: found.path },
  })
}

/**
 * libvirt and QEMU say that something else is in the way with the codes of internal errors; only the words differ.
 * They are English whatever the host's language: libvirt's daemon and what it runs have the C locale.
 */
const busyWords = /has asynchronous jobs running|is still being allocated|still in use|Failed to get .*lock/

function explainBusy(session: Session, clone: DiskClone, error: unknown): unknown {
  const code = libvirtCodeOf(error)
  if (code === undefined) return error
  if (code !== errorCode.resourceBusy && !busyWords.test(messageOf(error))) return error
  return busy(session, clone, messageOf(error), error)
}

export const busy = (
  { host }: { readonly host: string },
  clone: DiskClone,
  reason: string,
  cause?: unknown,
): ProvisionError =>
  new ProvisionError('host.busy', {
    message: `Could not clone ${clone.from.path} to volume ${clone.name} in pool ${clone.pool} on host ${host} now: ${reason}`,
    details: { host, pool: clone.pool, volume: clone.name, from: clone.from.path },
    retryable: true,
    cause,
  })
