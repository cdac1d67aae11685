import { calls, errorCode, type Domain } from '@vmwright/libvirt'
import type { Progress } from '../../lib/progress.ts'
import { definitionXml } from './disks.ts'
import { deleteFile } from './overlays.ts'
import type { CallPurpose, Session } from './session.ts'
import { leftOverXml, type SnapshotOverlay } from './snapshot-xml.ts'

/** `VIR_DOMAIN_SNAPSHOT_CREATE_REDEFINE` */
const redefine = 1

/**
 * Removes what is in the qcow2 files of a snapshot that libvirt does not know: it was killed before it had finished.
 * Two of one name in a file would be worse than none, because the older is the one that QEMU finds. libvirt
 * deletes only what it knows, so it is told first. Nothing happens where the files have none.
 */
export async function removeLeftOver(
  session: Session,
  progress: Progress,
  domain: Domain,
  name: string,
  purpose: CallPurpose,
): Promise<void> {
  const xml = leftOverXml(name, await definitionXml(session, progress, domain))
  const args = { domain, xml, flags: redefine }
  const options = { ...purpose, absent: [errorCode.operationUnsupported, errorCode.configUnsupported] }
  const told = await session.callUnless(progress, calls.domainSnapshotCreateXml, args, options)
  if (told === undefined) return
  await session.call(progress, calls.domainSnapshotDelete, { snapshot: told.snapshot }, purpose)
}

/** Removes files that an external snapshot was to put over the disks, and that are not the machine's disks. */
export async function removeLeftOverlays(
  session: Session,
  progress: Progress,
  overlays: readonly SnapshotOverlay[],
  inUse: readonly string[],
): Promise<void> {
  for (const { path } of overlays) {
    if (!inUse.includes(path)) await deleteFile(session, progress, path)
  }
}
