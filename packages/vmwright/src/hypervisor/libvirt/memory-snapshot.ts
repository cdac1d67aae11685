import { calls, type Domain, type DomainSnapshot } from '@vmwright/libvirt'
import { basename, dirname } from 'node:path'
import { ProvisionError } from '../../lib/errors.ts'
import type { Progress } from '../../lib/progress.ts'
import { formatBytes } from '../../lib/units.ts'
import { parseXml, type XmlElement } from '../../lib/xml.ts'
import type { SnapshotDefinition } from '../snapshots.ts'
import { definitionXml, disksOf } from './disks.ts'
import { parseDomain } from './domain-read.ts'
import { createWithFlash } from './flash-snapshot.ts'
import { writeMark } from './machines.ts'
import { hasRawFlash, memoryObstacle } from './memory-obstacles.ts'
import { poolAt } from './overlays.ts'
import { whyNoQemuSnapshot } from './qemu-snapshot.ts'
import type { CallPurpose, Session } from './session.ts'
import { snapshotXml } from './snapshot-xml.ts'
import { explainFull, freeBytesOf } from './volumes.ts'

/**
 * Snapshots with memory: QEMU writes it into the first disk that can hold it, while the machine stands still, and
 * snapshots all disks; then the machine goes on. When that fails or libvirt is killed, QEMU has no snapshot, and
 * libvirt knows none; but the room that was written to stays taken until the next one. So the room is looked for first.
 * Where libvirt does not do it, because the firmware is in flash, QEMU is asked to (flash-snapshot.ts).
 */

/** `VIR_DOMAIN_SNAPSHOT_REVERT_RUNNING | VIR_DOMAIN_SNAPSHOT_REVERT_FORCE` */
const runningAfterwards = 1 | 4

/** Why a snapshot of this machine cannot hold its memory, as a sentence; `undefined`: it can. */
export async function whyNoMemorySnapshot(
  session: Session,
  progress: Progress,
  vm: string,
  isQemu: boolean,
): Promise<string | undefined> {
  if (!isQemu) return `host ${session.host} does not run its guests with QEMU`
  const domain = await session.domain(progress, vm)
  const running = await runningMachine(session, progress, domain)
  return (
    memoryObstacle(running) ??
    (hasRawFlash(running) ? await whyNoQemuSnapshot(session, progress, vm) : undefined)
  )
}

/** The definition as it runs, with what libvirt chose for it. */
export async function runningMachine(
  session: Session,
  progress: Progress,
  domain: Domain,
): Promise<XmlElement> {
  const purpose = { object: domain.name, doing: `read machine ${domain.name}` }
  return parseXml((await session.call(progress, calls.domainGetXmlDesc, { domain }, purpose)).xml)
}

/** Throws `snapshot.unsupported`, `pool.full`; the machine runs on. */
export async function createWithMemory(
  session: Session,
  progress: Progress,
  domain: Domain,
  snapshot: SnapshotDefinition,
  purpose: CallPurpose,
): Promise<void> {
  const obstacle = await whyNoMemorySnapshot(session, progress, domain.name, true)
  if (obstacle !== undefined) {
    throw new ProvisionError('snapshot.unsupported', {
      message: `Could not ${purpose.doing} with its memory on host ${session.host}: ${obstacle}.`,
      hint: 'Take a snapshot of the stopped machine.',
      details: { host: session.host, vm: domain.name, obstacle },
    })
  }
  if (domain.id < 0) {
    throw new ProvisionError('host.operation-failed', {
      message: `Could not ${purpose.doing} with its memory on host ${session.host}: it does not run.`,
      hint: 'Start it first, or take the snapshot without memory.',
      details: { host: session.host, vm: domain.name },
    })
  }
  const hasFlash = hasRawFlash(await runningMachine(session, progress, domain))
  const create = async (): Promise<void> => {
    if (hasFlash) return createWithFlash(session, progress, domain, snapshot, purpose)
    const xml = snapshotXml(snapshot, undefined)
    await session.call(progress, calls.domainSnapshotCreateXml, { domain, xml }, purpose)
  }
  const room = await roomFor(session, progress, domain)
  if (room === undefined) return create()
  if (room.freeBytes < room.neededBytes) {
    throw new ProvisionError('pool.full', {
      message: `Could not ${purpose.doing} with its memory on host ${session.host}: pool ${room.volume.pool} has ${formatBytes(room.freeBytes)} left, and ${formatBytes(room.neededBytes)} may be needed.`,
      details: { host: session.host, vm: domain.name, pool: room.volume.pool, ...room },
    })
  }
  await explainFull(session, progress, room.volume, room.neededBytes, create)
}

interface Room {
  readonly volume: { readonly pool: string; readonly name: string }
  readonly freeBytes: number
  readonly neededBytes: number
}

/** Where the memory will lie and what it takes at most; `undefined` where nobody can tell, on a disk outside of pools. */
async function roomFor(session: Session, progress: Progress, domain: Domain): Promise<Room | undefined> {
  const disk = (await disksOf(session, progress, domain)).find(({ isWritable }) => isWritable)
  const pool = disk && (await poolAt(session, progress, dirname(disk.path)))
  if (disk === undefined || pool === undefined) return undefined
  return {
    volume: { pool: pool.name, name: basename(disk.path) },
    freeBytes: await freeBytesOf(session, progress, pool.name),
    neededBytes: await residentBytes(session, progress, domain),
  }
}

/** What of the machine's memory was ever touched; pages of zeros take nothing. */
async function residentBytes(session: Session, progress: Progress, domain: Domain): Promise<number> {
  const purpose = { object: domain.name, doing: `read the memory of machine ${domain.name}` }
  const { stats } = await session.call(progress, calls.domainMemoryStats, { domain, maxStats: 16 }, purpose)
  const kib = (tag: number): number => Number(stats.find((stat) => stat.tag === tag)?.value ?? 0)
  const { memory } = await session.call(progress, calls.domainGetMaxMemory, { domain }, purpose)
  return Math.min(kib(residentTag) || Number(memory), Number(memory)) * 1024
}

/** `VIR_DOMAIN_MEMORY_STAT_RSS` */
const residentTag = 7

/** Brings back disks and memory, whatever the machine does now; it runs afterwards, with its mark as it is now. */
export async function restoreWithMemory(
  session: Session,
  progress: Progress,
  domain: Domain,
  snapshot: DomainSnapshot,
  purpose: CallPurpose,
): Promise<void> {
  const xml = await definitionXml(session, progress, domain)
  try {
    const args = { snapshot, flags: runningAfterwards }
    await session.call(progress, calls.domainRevertToSnapshot, args, purpose)
  } finally {
    await session.call(progress, calls.domainDefineXmlFlags, { xml }, purpose)
  }
  const { mark } = parseDomain(xml)
  if (mark !== undefined) await writeMark(session, progress, domain.name, mark)
}
