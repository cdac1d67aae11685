import { calls, errorCode, type Domain } from '@vmwright/libvirt'
import { ProvisionError } from '../../lib/errors.ts'
import type { Progress } from '../../lib/progress.ts'
import { parseXml, writeXml, type XmlElement } from '../../lib/xml.ts'
import type { VmDefinition, VmMark, VolumeRef } from '../contract.ts'
import { mergeDomain } from './domain-merge.ts'
import { domainElement } from './domain-xml.ts'
import { markElement, markNamespace, markPrefix } from './mark-xml.ts'
import { libvirtCodeOf, type Session } from './session.ts'
import { volumePath } from './volumes.ts'

/** `VIR_DOMAIN_XML_SECURE | VIR_DOMAIN_XML_INACTIVE`: complete, as defined for the next start. */
const definitionXml = 1 | 2
/** `VIR_DOMAIN_METADATA_ELEMENT`, in the stored and, if there is one, the running definition. */
const metadataElement = 2
const affectConfig = 2
const affectLive = 1
/** `MANAGED_SAVE | SNAPSHOTS_METADATA | NVRAM | CHECKPOINTS_METADATA`: all that libvirt keeps besides the disks. */
const undefineAll = 1 | 2 | 4 | 16

/**
 * Defines the machine, or brings the existing one of that UUID to the definition; what others added to it stays
 * (see `mergeDomain`). A running machine takes the change at its next start. Throws `vm.foreign` when another
 * machine has the name. Safe to repeat.
 */
export async function defineVm(
  session: Session,
  progress: Progress,
  vm: VmDefinition,
  architecture: string,
): Promise<void> {
  const paths = await pathsOf(session, progress, vm)
  const wanted = domainElement(vm, { architecture, pathOf: (ref) => paths.get(keyOf(ref)) ?? '' })
  const existing = await definitionOf(session, progress, vm)
  const xml = writeXml(existing === undefined ? wanted : mergeDomain(existing, wanted))
  const purpose = { object: vm.name, doing: `define machine ${vm.name}` }
  try {
    await session.call(progress, calls.domainDefineXmlFlags, { xml }, purpose)
  } catch (error) {
    if (libvirtCodeOf(error) !== undefined) await refuseForeign(session, progress, vm)
    throw error
  }
}

const keyOf = (ref: VolumeRef): string => `${ref.pool}/${ref.name}`

async function pathsOf(
  session: Session,
  progress: Progress,
  vm: VmDefinition,
): Promise<ReadonlyMap<string, string>> {
  const volumes = [...vm.disks.map((disk) => disk.volume), ...(vm.seed === undefined ? [] : [vm.seed.volume])]
  const entries = volumes.map(async (ref) => [keyOf(ref), await volumePath(session, progress, ref)] as const)
  return new Map(await Promise.all(entries))
}

async function definitionOf(
  session: Session,
  progress: Progress,
  vm: VmDefinition,
): Promise<XmlElement | undefined> {
  const purpose = { object: vm.name, doing: `read machine ${vm.name}`, absent: [errorCode.noDomain] }
  const domain: Domain = { name: vm.name, uuid: vm.id, id: -1 }
  const found = await session.callUnless(
    progress,
    calls.domainGetXmlDesc,
    { domain, flags: definitionXml },
    purpose,
  )
  return found && parseXml(found.xml)
}

/** libvirt tells a taken name only in words, so the holder of the name is looked up. */
async function refuseForeign(session: Session, progress: Progress, vm: VmDefinition): Promise<void> {
  const holder = await session.findDomain(progress, vm.name)
  if (holder === undefined || holder.uuid === vm.id.toLowerCase()) return
  throw new ProvisionError('vm.foreign', {
    message: `Could not define machine ${vm.name} on host ${session.host}: another machine has that name (UUID ${holder.uuid}).`,
    details: { host: session.host, vm: vm.name, uuid: vm.id, holder: holder.uuid },
  })
}

/** Replaces the mark, in the stored definition and in the one that runs. Safe to repeat. */
export async function writeMark(
  session: Session,
  progress: Progress,
  vm: string,
  mark: VmMark,
): Promise<void> {
  const domain = await session.domain(progress, vm)
  const args = {
    domain,
    type: metadataElement,
    metadata: writeXml(markElement(mark)),
    key: markPrefix,
    uri: markNamespace,
    flags: domain.id >= 0 ? affectConfig | affectLive : affectConfig,
  }
  await session.call(progress, calls.domainSetMetadata, args, {
    object: vm,
    doing: `write the mark of machine ${vm}`,
  })
}

export async function setAutostart(
  session: Session,
  progress: Progress,
  vm: string,
  autostart: boolean,
): Promise<void> {
  const domain = await session.domain(progress, vm)
  const purpose = { object: vm, doing: `set autostart of machine ${vm}` }
  await session.call(progress, calls.domainSetAutostart, { domain, autostart }, purpose)
}

/** Removes the definition and everything that libvirt keeps for it; disks stay. Nothing to do when there is none. */
export async function undefineVm(session: Session, progress: Progress, vm: string): Promise<void> {
  const domain = await session.findDomain(progress, vm)
  if (domain === undefined) return
  const purpose = { object: vm, doing: `undefine machine ${vm}`, absent: [errorCode.noDomain] }
  await session.callUnless(progress, calls.domainUndefineFlags, { domain, flags: undefineAll }, purpose)
}
