import { calls, errorCode, type Domain } from '@vmwright/libvirt'
import { ProvisionError } from '../../lib/errors.ts'
import type { Progress } from '../../lib/progress.ts'
import { parseXml, writeXml, type XmlElement } from '../../lib/xml.ts'
import type { VmDefinition, VmMark, VolumeRef } from '../contract.ts'
import type { HostAccess } from './clone-disk.ts'
import { definitionXml as inactiveXml } from './disks.ts'
import { basedDomain, hostDevicesOf } from './domain-basis.ts'
import { mergeDomain } from './domain-merge.ts'
import { parseDomain } from './domain-read.ts'
import { domainElement } from './domain-xml.ts'
import { markElement, markNamespace, markPrefix } from './mark-xml.ts'
import { copyVariables, type VariablesOwner } from './firmware-variables.ts'
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
 *
 * With a basis it is that machine's definition (`basedDomain`), and a copy of its firmware variables, which needs a
 * shell on the host: without one it begins with fresh variables. Throws `template.not-found`.
 */
export async function defineVm(
  host: HostAccess,
  progress: Progress,
  vm: VmDefinition,
  architecture: string,
): Promise<void> {
  const { session } = host
  const paths = await pathsOf(session, progress, vm)
  const wanted = domainElement(vm, { architecture, pathOf: (ref) => paths.get(keyOf(ref)) ?? '' })
  const existing = await definitionOf(session, progress, vm)
  const template =
    vm.basis === undefined ? undefined : await templateOf(host, progress, vm, vm.basis, existing)
  const xml = writeXml(definition(vm, wanted, existing, template?.definition))
  const purpose = { object: vm.name, doing: `define machine ${vm.name}` }
  try {
    await session.call(progress, calls.domainDefineXmlFlags, { xml }, purpose)
  } catch (error) {
    if (libvirtCodeOf(error) !== undefined) await refuseForeign(session, progress, vm)
    throw error
  }
  if (template === undefined || host.noShell !== undefined || parseDomain(xml).firmware !== 'uefi') return
  const defined = await definitionOf(session, progress, vm)
  if (defined !== undefined)
    await copyVariables(host, progress, template, { name: vm.name, definition: defined })
}

/** A machine that was made on the basis of another is from then on its own basis. */
function definition(
  vm: VmDefinition,
  wanted: XmlElement,
  existing: XmlElement | undefined,
  template: XmlElement | undefined,
): XmlElement {
  if (existing !== undefined) {
    const isBased = vm.basis !== undefined || vm.mark.image.kind === 'template'
    return isBased
      ? basedDomain({ model: existing, of: 'itself', wanted, vm })
      : mergeDomain(existing, wanted)
  }
  return template === undefined ? wanted : basedDomain({ model: template, of: 'template', wanted, vm })
}

/** The machine to take over from; `undefined` once there is nothing left to take. */
async function templateOf(
  { session }: HostAccess,
  progress: Progress,
  vm: VmDefinition,
  basis: string,
  existing: XmlElement | undefined,
): Promise<VariablesOwner | undefined> {
  if (existing !== undefined && vm.mark.stage !== 'creating') return undefined
  const domain = await session.findDomain(progress, basis)
  if (domain === undefined) {
    if (existing !== undefined) return undefined
    throw new ProvisionError('template.not-found', {
      message: `Could not define machine ${vm.name} on host ${session.host}: there is no machine ${basis} to take its devices from.`,
      details: { host: session.host, vm: vm.name, basis },
    })
  }
  const template = parseXml(await inactiveXml(session, progress, domain))
  const devices = hostDevicesOf(template)
  if (devices.length === 0) return { name: basis, definition: template }
  throw new ProvisionError('host.operation-failed', {
    message: `Could not define machine ${vm.name} on host ${session.host}: its template ${basis} has ${devices.join(', ')} of the host, which two machines cannot have.`,
    hint: `Take the device off ${basis}: virsh detach-device.`,
    details: { host: session.host, vm: vm.name, basis, devices },
  })
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
