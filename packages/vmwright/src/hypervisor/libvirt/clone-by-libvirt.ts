import { calls, errorCode } from '@vmwright/libvirt'
import { ProvisionError } from '../../lib/errors.ts'
import type { Progress } from '../../lib/progress.ts'
import { MiB } from '../../lib/units.ts'
import type { DiskClone } from '../disks.ts'
import { shrinkRefused } from './clone-disk.ts'
import type { Session } from './session.ts'
import { volumeXml } from './volume-xml.ts'
import { copyTimeoutMs, explainFull, growVolume, orDelete, readVolume } from './volumes.ts'

/**
 * Copies within libvirt, for hosts that give no shell. The template's disk must be in a pool, and the copy has its
 * name from the beginning: libvirt removes it when it fails, and completes it when the run that asked is killed.
 */
export async function copyByLibvirt(
  session: Session,
  progress: Progress,
  clone: DiskClone,
  noShell: string,
): Promise<void> {
  const { pool } = await session.pool(progress, clone.pool)
  const purpose = {
    object: `${clone.pool}/${clone.name}`,
    doing: `clone ${clone.from.path} to volume ${clone.name} in pool ${clone.pool}`,
  }
  const lookup = { ...purpose, absent: [errorCode.noStorageVolume] }
  const source = await session.callUnless(
    progress,
    calls.storageVolLookupByPath,
    { path: clone.from.path },
    lookup,
  )
  if (source === undefined || clone.mode === 'reflink' || clone.workspace !== undefined) {
    throw new ProvisionError('host.no-shell', {
      message: `Could not ${purpose.doing} on host ${session.host}: it needs a shell, and ${noShell}.`,
      details: { host: session.host, from: clone.from.path, volume: clone.name },
    })
  }
  const { capacityBytes } = await readVolume(session, progress, source.vol)
  if (clone.sizeBytes !== undefined && clone.sizeBytes < capacityBytes)
    throw shrinkRefused(session, clone, capacityBytes)
  const { name, from } = clone
  const xml = volumeXml({ name, capacityBytes, format: from.format, mode: '0600' })
  await explainFull(session, progress, clone, MiB, async () => {
    const options = { ...purpose, lane: 'slow', timeoutMs: copyTimeoutMs } as const
    const args = { pool, xml, source: source.vol }
    const { vol } = await session.call(progress, calls.storageVolCreateXmlFrom, args, options)
    const { sizeBytes } = clone
    if (sizeBytes !== undefined)
      await orDelete(session, progress, clone, () => growVolume(session, progress, clone, vol, sizeBytes))
  })
}
