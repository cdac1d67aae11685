import { calls, errorCode, type Domain } from '@vmwright/libvirt'
import { ProvisionError } from '../../lib/errors.ts'
import type { Progress } from '../../lib/progress.ts'
import type { SnapshotDefinition } from '../contract.ts'
import { snapshotNames } from './observe.ts'
import { libvirtCodeOf, type CallPurpose, type Session } from './session.ts'
import { snapshotXml } from './snapshot-xml.ts'

/** Snapshots copy or read whole disks where the file system cannot share blocks. */
const snapshotTimeoutMs = 600_000
/** `VIR_DOMAIN_XML_SECURE | VIR_DOMAIN_XML_INACTIVE` */
const definitionXml = 1 | 2

export async function createSnapshot(
  session: Session,
  progress: Progress,
  vm: string,
  snapshot: SnapshotDefinition,
): Promise<void> {
  const domain = await session.domain(progress, vm)
  if ((await snapshotNames(session, progress, domain)).includes(snapshot.name)) return
  const purpose = purposeOf(vm, `create snapshot ${snapshot.name} of machine ${vm}`)
  const xml = snapshotXml(snapshot, undefined)
  await session.call(progress, calls.domainSnapshotCreateXml, { domain, xml }, purpose)
}

export async function restoreSnapshot(
  session: Session,
  progress: Progress,
  vm: string,
  name: string,
): Promise<void> {
  const domain = await session.domain(progress, vm)
  const purpose = purposeOf(vm, `restore snapshot ${name} of machine ${vm}`)
  const found = await findSnapshot(session, progress, domain, name)
  if (found === undefined) {
    throw new ProvisionError('snapshot.not-found', {
      message: `Machine ${vm} on host ${session.host} has no snapshot ${name}.`,
      details: { vm, snapshot: name, snapshots: await snapshotNames(session, progress, domain) },
    })
  }
  const { xml } = await session.call(
    progress,
    calls.domainGetXmlDesc,
    { domain, flags: definitionXml },
    purpose,
  )
  await session.call(progress, calls.domainRevertToSnapshot, { snapshot: found }, purpose)
  await session.call(progress, calls.domainDefineXmlFlags, { xml }, purpose)
}

export async function deleteSnapshot(
  session: Session,
  progress: Progress,
  vm: string,
  name: string,
): Promise<void> {
  const domain = await session.findDomain(progress, vm)
  const snapshot = domain && (await findSnapshot(session, progress, domain, name))
  if (snapshot === undefined) return
  const purpose = purposeOf(vm, `delete snapshot ${name} of machine ${vm}`)
  try {
    await session.call(progress, calls.domainSnapshotDelete, { snapshot }, purpose)
  } catch (error) {
    if (!unsupported.includes(libvirtCodeOf(error))) throw error
    throw new ProvisionError('snapshot.unsupported', {
      message: `Could not delete snapshot ${name} of machine ${vm}: libvirt on host ${session.host} cannot.`,
      cause: error,
    })
  }
}

const unsupported: readonly (number | undefined)[] = [
  errorCode.operationUnsupported,
  errorCode.configUnsupported,
]

async function findSnapshot(session: Session, progress: Progress, domain: Domain, name: string) {
  const purpose = {
    ...purposeOf(domain.name, `look up snapshot ${name}`),
    absent: [errorCode.noDomainSnapshot],
  }
  return (await session.callUnless(progress, calls.domainSnapshotLookupByName, { domain, name }, purpose))
    ?.snapshot
}

const purposeOf = (vm: string, doing: string): CallPurpose => ({
  object: vm,
  doing,
  lane: 'slow',
  timeoutMs: snapshotTimeoutMs,
})
