import { calls, errorCode, type Domain, type DomainSnapshot } from '@vmwright/libvirt'
import { dirname } from 'node:path'
import { ProvisionError } from '../../lib/errors.ts'
import type { Progress } from '../../lib/progress.ts'
import type { SnapshotDefinition } from '../snapshots.ts'
import { definitionXml, disksOf } from './disks.ts'
import { deleteWithFlash, isWithFlash, restoreWithFlash } from './flash-snapshot.ts'
import { removeLeftOver, removeLeftOverlays } from './left-over-snapshots.ts'
import { hasRawFlash } from './memory-obstacles.ts'
import { createWithMemory, restoreWithMemory, runningMachine } from './memory-snapshot.ts'
import { snapshotNames } from './observe.ts'
import { isOverlay, overlayName } from './overlay-name.ts'
import { refreshFolder, resetOverlay } from './overlays.ts'
import { readSnapshot } from './snapshot-list.ts'
import { libvirtCodeOf, type CallPurpose, type Session } from './session.ts'
import { parseSnapshot, snapshotXml, type SnapshotOverlay } from './snapshot-xml.ts'

/**
 * Snapshots of stopped machines, and the way to those with memory (memory-snapshot.ts). An internal one lies inside
 * the qcow2 files; it can be restored in any order and goes with the files. Where libvirt refuses it (a raw disk;
 * firmware in flash, since 9.2) an external one is made: a new file over each disk, named
 * `<machine>.<snapshot>.<device>.qcow2`, which is from then on the disk of the machine. Restoring it empties that
 * file; libvirt itself cannot before 9.10.
 *
 * Without memory neither holds the firmware's variables (boot entries, enrolled keys): they stay as they are now.
 */

/** Reading and writing the tables of large disks takes its time. */
const snapshotTimeoutMs = 600_000
/** `VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY` */
const diskOnly = 16

const refusals = [errorCode.operationUnsupported, errorCode.configUnsupported]

/**
 * Nothing to do when the machine has a snapshot of that name, with that note if one is wanted; another is replaced.
 * Throws `snapshot.unsupported`, `pool.full`.
 */
export async function createSnapshot(
  session: Session,
  progress: Progress,
  vm: string,
  snapshot: SnapshotDefinition,
): Promise<void> {
  const domain = await session.domain(progress, vm)
  const purpose = purposeOf(vm, `create snapshot ${snapshot.name} of machine ${vm}`)
  const known = await findSnapshot(session, progress, domain, snapshot.name)
  if (known !== undefined) {
    const existing = await readSnapshot(session, progress, known)
    const isWanted = snapshot.note === undefined || existing?.note === snapshot.note
    if (existing?.isWhole === true && isWanted) return
    await deleteSnapshot(session, progress, vm, snapshot.name)
  }
  if (snapshot.memory === true) {
    await createWithMemory(session, progress, domain, snapshot, purpose)
    return
  }
  if (domain.id >= 0) throw runs(session, purpose)
  const disks = await disksOf(session, progress, domain)
  const writable = disks.filter((disk) => disk.isWritable)
  if (writable.every((disk) => disk.format === 'qcow2')) {
    await removeLeftOver(session, progress, domain, snapshot.name, purpose)
    const args = { domain, xml: snapshotXml(snapshot, undefined) }
    const options = { ...purpose, absent: refusals }
    if (await session.callUnless(progress, calls.domainSnapshotCreateXml, args, options)) return
  }
  const overlays = writable.map(({ device, path }): SnapshotOverlay => ({
    device,
    path: `${dirname(path)}/${overlayName(vm, snapshot.name, device)}`,
  }))
  const untouched = disks.filter((disk) => !disk.isWritable).map(({ device }) => device)
  const xml = snapshotXml(snapshot, overlays, untouched)
  const inUse = disks.map(({ path }) => path)
  await removeLeftOverlays(session, progress, overlays, inUse)
  try {
    await session.call(progress, calls.domainSnapshotCreateXml, { domain, xml, flags: diskOnly }, purpose)
  } catch (error) {
    throw isRefusal(error) ? unsupported(session, purpose, error) : error
  }
  for (const folder of new Set(overlays.map(({ path }) => dirname(path))))
    await refreshFolder(session, progress, folder)
}

/**
 * Brings the disks back, and the memory of a snapshot that has it; definition and mark stay as they are now. Safe to
 * repeat. Throws `snapshot.not-found`, and `snapshot.unsupported` where a newer external one lies over it.
 */
export async function restoreSnapshot(
  session: Session,
  progress: Progress,
  vm: string,
  name: string,
): Promise<void> {
  const domain = await session.domain(progress, vm)
  const purpose = purposeOf(vm, `restore snapshot ${name} of machine ${vm}`)
  const snapshot = await findSnapshot(session, progress, domain, name)
  if (snapshot === undefined) {
    throw new ProvisionError('snapshot.not-found', {
      message: `Machine ${vm} on host ${session.host} has no snapshot ${name}.`,
      details: { vm, snapshot: name, snapshots: await snapshotNames(session, progress, domain) },
    })
  }
  const described = await session.call(progress, calls.domainSnapshotGetXmlDesc, { snapshot }, purpose)
  const { overlays, bases, memory, isWhole } = parseSnapshot(described.xml)
  if (!isWhole) throw unfinished(session, purpose)
  const disks = await disksOf(session, progress, domain)
  if (!memory && domain.id >= 0) throw runs(session, purpose)
  if (overlays.length > 0) {
    const isNewest = overlays.every(({ path }) => disks.some((disk) => disk.path === path))
    if (!isNewest) throw unsupported(session, purpose, undefined)
    for (const { device, path } of overlays) {
      const base = bases[device]
      if (base !== undefined) await resetOverlay(session, progress, path, base)
    }
    return
  }
  const isOver = (device: string, path: string): boolean =>
    bases[device] !== undefined && bases[device].path !== path && isOverlay(path, vm, device)
  if (disks.some(({ device, path }) => isOver(device, path))) throw unsupported(session, purpose, undefined)
  if (isWithFlash(described.xml)) return restoreWithFlash(session, progress, domain, snapshot, purpose)
  if (memory) return restoreWithMemory(session, progress, domain, snapshot, purpose)
  // libvirt would bring back the definition of that time too, and with it an outdated mark.
  const xml = await definitionXml(session, progress, domain)
  await session.call(progress, calls.domainRevertToSnapshot, { snapshot }, purpose)
  await session.call(progress, calls.domainDefineXmlFlags, { xml }, purpose)
}

/** Nothing to do when there is none. Throws `snapshot.unsupported` where libvirt cannot (external, before 9.0). */
export async function deleteSnapshot(
  session: Session,
  progress: Progress,
  vm: string,
  name: string,
): Promise<void> {
  const domain = await session.findDomain(progress, vm)
  if (domain === undefined) return
  const snapshot = await findSnapshot(session, progress, domain, name)
  if (snapshot === undefined) return
  const purpose = purposeOf(vm, `delete snapshot ${name} of machine ${vm}`)
  if (domain.id >= 0) {
    const described = await readSnapshot(session, progress, snapshot)
    const isInternal = described?.overlays.length === 0
    if (isInternal && hasRawFlash(await runningMachine(session, progress, domain)))
      return deleteWithFlash(session, progress, domain, snapshot, purpose)
  }
  try {
    await session.call(progress, calls.domainSnapshotDelete, { snapshot }, purpose)
  } catch (error) {
    throw isRefusal(error) ? unsupported(session, purpose, error) : error
  }
}

const isRefusal = (error: unknown): boolean => refusals.some((code) => code === libvirtCodeOf(error))

const runs = ({ host }: Session, { doing, object }: CallPurpose): ProvisionError =>
  new ProvisionError('host.operation-failed', {
    message: `Could not ${doing} on host ${host}: the machine runs, and the snapshot has no memory.`,
    hint: 'Stop the machine first.',
    details: { host, vm: object },
  })

const unfinished = ({ host }: Session, { doing, object }: CallPurpose): ProvisionError =>
  new ProvisionError('host.operation-failed', {
    message: `Could not ${doing} on host ${host}: it was never finished.`,
    hint: 'Delete it.',
    details: { host, vm: object },
  })

function unsupported(session: Session, purpose: CallPurpose, cause: unknown): ProvisionError {
  const reason = cause === undefined ? 'a newer snapshot lies over it' : 'its libvirt cannot'
  return new ProvisionError('snapshot.unsupported', {
    message: `Could not ${purpose.doing} on host ${session.host}: ${reason}.`,
    ...(cause === undefined ? { hint: 'Delete the newer snapshots first.' } : { cause }),
    details: { host: session.host, vm: purpose.object },
  })
}

async function findSnapshot(
  session: Session,
  progress: Progress,
  domain: Domain,
  name: string,
): Promise<DomainSnapshot | undefined> {
  const purpose = purposeOf(domain.name, `look up snapshot ${name} of machine ${domain.name}`)
  const options = { ...purpose, absent: [errorCode.noDomainSnapshot] }
  const found = await session.callUnless(
    progress,
    calls.domainSnapshotLookupByName,
    { domain, name },
    options,
  )
  return found?.snapshot
}

const purposeOf = (vm: string, doing: string): CallPurpose => ({
  object: vm,
  doing,
  lane: 'slow',
  timeoutMs: snapshotTimeoutMs,
})
