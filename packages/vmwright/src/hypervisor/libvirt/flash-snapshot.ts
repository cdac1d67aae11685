import { calls, type Domain, type DomainSnapshot } from '@vmwright/libvirt'
import type { Progress } from '../../lib/progress.ts'
import { Revert } from '../../lib/revert.ts'
import { el, find, parseXml, textAt, writeXml, type XmlElement } from '../../lib/xml.ts'
import type { SnapshotDefinition } from '../snapshots.ts'
import { definitionXml } from './disks.ts'
import { lasting } from './lasting.ts'
import { hasRawFlash } from './memory-obstacles.ts'
import { readState } from './observe.ts'
import { resumeVm, startTimeoutMs, stopVm } from './power.ts'
import { deleteByQemu, loadByQemu, saveByQemu } from './qemu-snapshot.ts'
import { currentName, readSnapshots } from './snapshot-list.ts'
import { parseSnapshot, recordXml, unfinishedText } from './snapshot-xml.ts'
import type { CallPurpose, Session } from './session.ts'

/**
 * Snapshots with memory of machines whose firmware variables are in a raw flash file: QEMU makes them
 * (qemu-snapshot.ts), and libvirt is told of them, so that it lists them among the others, and forgets them with the
 * machine. It is told first that there will be one and last that there is, and the other way round when it is
 * deleted: what was killed in between can be seen, is not restored, and goes when the next one is made.
 */

/** `VIR_DOMAIN_SNAPSHOT_CREATE_REDEFINE`, with `CURRENT` */
const redefine = 1
const asCurrent = 2
/** `VIR_DOMAIN_SNAPSHOT_DELETE_METADATA_ONLY` */
const metadataOnly = 2
/** `VIR_DOMAIN_XML_SECURE | VIR_DOMAIN_XML_MIGRATABLE`: all that another start of the same machine needs. */
const asItRuns = 1 | 8
/** `VIR_DOMAIN_SNAPSHOT_XML_SECURE` */
const withSecrets = 1
/** `VIR_DOMAIN_START_PAUSED` */
const paused = 1

export async function createWithFlash(
  session: Session,
  progress: Progress,
  domain: Domain,
  snapshot: SnapshotDefinition,
  purpose: CallPurpose,
): Promise<void> {
  for (const { name, isWhole } of await readSnapshots(session, progress, domain)) {
    if (isWhole) continue
    await resumeVm(session, progress, domain)
    await forget(session, progress, domain, name, purpose)
  }
  const args = { domain, flags: asItRuns }
  const { xml } = await session.call(progress, calls.domainGetXmlDesc, args, purpose)
  const record = {
    snapshot,
    createdAtMs: progress.seam.nowMs(),
    parent: await currentName(session, progress, domain),
    domain: withChosenFirmware(parseXml(xml)),
  }
  const tell = async (state: 'unfinished' | 'whole', flags: number): Promise<void> => {
    const args = { domain, xml: recordXml(record, state), flags }
    await session.call(progress, calls.domainSnapshotCreateXml, args, purpose)
  }
  await using revert = new Revert()
  revert.add('remove the incomplete snapshot', () =>
    forget(session, lasting(progress), domain, snapshot.name, purpose),
  )
  await tell('unfinished', redefine)
  await standingStill(session, progress, domain, () => saveByQemu(session, progress, domain, snapshot.name))
  await tell('whole', redefine | asCurrent)
  revert.success()
}

/** Whether it is one that libvirt cannot restore; `xml` is its description. */
export function isWithFlash(xml: string): boolean {
  const snapshot = parseXml(xml)
  return (
    find(snapshot, 'memory')?.attributes['snapshot'] === 'internal' && hasRawFlash(find(snapshot, 'domain'))
  )
}

/**
 * The machine is started as it was, paused, and filled with what was saved. It keeps the definition and mark that it
 * has now; what was changed since holds from the next start on.
 */
export async function restoreWithFlash(
  session: Session,
  progress: Progress,
  domain: Domain,
  snapshot: DomainSnapshot,
  purpose: CallPurpose,
): Promise<void> {
  const { name } = domain
  const told = { snapshot, flags: withSecrets }
  const { xml: record } = await session.call(progress, calls.domainSnapshotGetXmlDesc, told, purpose)
  const machine = find(parseXml(record), 'domain')
  if (machine === undefined) throw new TypeError(`snapshot ${snapshot.name} has no machine`)
  const definition = parseXml(await definitionXml(session, progress, domain))
  await stopVm(session, progress, name, 'force')
  await using revert = new Revert()
  revert.add('stop what was not brought back', () => stopVm(session, lasting(progress), name, 'force'))
  const start = { xml: writeXml(withMetadataOf(machine, definition)), flags: paused }
  const starting = { ...purpose, timeoutMs: startTimeoutMs }
  const { domain: started } = await session.call(progress, calls.domainCreateXml, start, starting)
  await loadByQemu(session, progress, started, snapshot.name)
  const current = { domain: started, xml: record, flags: redefine | asCurrent }
  await session.call(progress, calls.domainSnapshotCreateXml, current, purpose)
  await session.call(progress, calls.domainResume, { domain: started }, purpose)
  revert.success()
}

/** Deletes an internal one, with memory or without, of a machine that runs or is paused: there libvirt cannot. */
export async function deleteWithFlash(
  session: Session,
  progress: Progress,
  domain: Domain,
  snapshot: DomainSnapshot,
  purpose: CallPurpose,
): Promise<void> {
  const told = { snapshot, flags: withSecrets }
  const { xml } = await session.call(progress, calls.domainSnapshotGetXmlDesc, told, purpose)
  if (parseSnapshot(xml).isWhole) {
    const args = { domain, xml: writeXml(asUnfinished(parseXml(xml))), flags: redefine }
    await session.call(progress, calls.domainSnapshotCreateXml, args, purpose)
  } else await resumeVm(session, progress, domain)
  await forget(session, progress, domain, snapshot.name, purpose)
}

async function forget(
  session: Session,
  progress: Progress,
  domain: Domain,
  name: string,
  purpose: CallPurpose,
): Promise<void> {
  await standingStill(session, progress, domain, () => deleteByQemu(session, progress, domain, name))
  const snapshot = { name, domain }
  await session.call(progress, calls.domainSnapshotDelete, { snapshot, flags: metadataOnly }, purpose)
}

/**
 * Pauses the machine for that long. QEMU would do so itself; but 7.2 was seen to end with a failed assertion
 * (`bdrv_poll_co`) when it began such a job while a processor was writing to flash, which waits in the same loop. Who is
 * killed meanwhile leaves it paused, with a snapshot that is not whole: it goes on when that is removed.
 */
async function standingStill(
  session: Session,
  progress: Progress,
  domain: Domain,
  work: () => Promise<void>,
): Promise<void> {
  if ((await readState(session, progress, domain)) !== 'running') return work()
  const purpose = { object: domain.name, doing: `pause machine ${domain.name}` }
  try {
    await session.call(progress, calls.domainSuspend, { domain }, purpose)
    await work()
  } finally {
    await resumeVm(session, lasting(progress), domain)
  }
}

/**
 * With the firmware that libvirt chose instead of the wish to choose: what was saved belongs to that file, and libvirt
 * before 9.2 takes no definition that has both.
 */
export function withChosenFirmware(domain: XmlElement): XmlElement {
  const os = find(domain, 'os')
  if (os === undefined || textAt(os, 'loader') === undefined) return domain
  const { firmware: _chosen, ...attributes } = os.attributes
  const children = os.children.filter((child) => typeof child === 'string' || child.name !== 'firmware')
  return replaced(domain, el('os', attributes, ...children))
}

const withMetadataOf = (machine: XmlElement, definition: XmlElement): XmlElement => {
  const metadata = find(definition, 'metadata')
  return metadata === undefined ? machine : replaced(machine, metadata)
}

const asUnfinished = (snapshot: XmlElement): XmlElement =>
  replaced(snapshot, el('description', {}, unfinishedText(textAt(snapshot, 'description') ?? '')))

/** With another child of that name. */
const replaced = (parent: XmlElement, by: XmlElement): XmlElement => ({
  ...parent,
  children: [...parent.children.filter((child) => typeof child === 'string' || child.name !== by.name), by],
})
