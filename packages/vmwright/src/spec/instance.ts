import type { SpecDocument } from '@vmwright/contract'
import { choose, type Choice } from './choice.ts'
import { checkClone, checkNoClone, cloneSource, offlineSettings } from './clone.ts'
import { resolveCloudInit } from './cloud-init.ts'
import { checkCustomised, customisedSettings, type CustomiseContext, resolveCustomise } from './customise.ts'
import { resolveCloneDisk, resolveExtraDisks, resolveRootDisk } from './disks.ts'
import type { Member } from './groups.ts'
import { isHyperv } from './hosts.ts'
import { checkNoHyperv, resolveHyperv } from './hyperv.ts'
import { type NetworkContext, resolveInterfaces } from './interfaces.ts'
import { resolveLifecycle } from './lifecycle.ts'
import { resolvePlace } from './placement.ts'
import { checkNoProcessor, checkProcessor, natureOf, resolveProcessor } from './processor.ts'
import { toMib } from './quantity.ts'
import { resolveReady } from './ready.ts'
import {
  type HostSpec,
  type ImageSpec,
  type InstanceSource,
  type InstanceSpec,
  type InterfaceSpec,
  readyRungs,
  type TemplateSpec,
} from './resolved.ts'
import type { Source } from './source.ts'

export interface InstanceContext extends CustomiseContext, NetworkContext {
  readonly hosts: Choice
  readonly images: Choice
  readonly pools: Choice
  readonly resolvedHosts: ReadonlyMap<string, HostSpec>
  readonly resolvedImages: ReadonlyMap<string, ImageSpec>
  /** Of runs, absolute. */
  readonly resultsFolder: string
  /** Of all instances. */
  readonly names: readonly string[]
  readonly imageDocuments: NonNullable<SpecDocument['images']>
}

/** Merges what is built in, the image or template and the file into one instance, and checks what only shows then. */
export function resolveInstance(member: Member, picked: Source, context: InstanceContext): InstanceSpec {
  const { settings, name, group, layers } = member
  const { report } = context
  const memoryMib = toMib(settings.memory ?? '1GiB')
  if (memoryMib < 128)
    report.within(layers, ['memory'], 'is less than 128MiB', 'No supported system boots with that.')
  const { host: hostName, placement } = resolvePlace(member, context)
  const host = context.resolvedHosts.get(hostName)
  const onHyperv = host !== undefined && isHyperv(host)
  const hyperv = onHyperv ? resolveHyperv(member, context) : undefined
  const isWindows = hyperv?.os === 'windows'
  const template = picked.kind === 'template' ? picked.template : undefined
  const origin =
    template === undefined ? fromImage(member, picked, context) : fromTemplate(member, template, context)
  const customise = origin.source.kind === 'image' ? origin.source.customise : undefined
  const isOffline = template?.identity === 'offline' || customise !== undefined
  if (host !== undefined) checkHost(member, host, picked, context)
  const fit = (nic: InterfaceSpec): InterfaceSpec => ({
    ...nic,
    vlan: onHyperv ? nic.vlan : undefined,
    ...(isOffline ? { rename: undefined, fallbackNames: [] } : {}),
  })
  const [first, ...others] = resolveInterfaces(member, context)
  const { user, ...made } = origin
  return {
    name,
    group,
    host: hostName,
    placement,
    pool: choose(context.pools, settings.pool, member, ['pool'], report),
    vcpus: settings.vcpus ?? 2,
    singleSocket: settings.singleSocket ?? true,
    memoryMib,
    ...made,
    interfaces: [fit(first), ...others.map(fit)],
    cloudInit: resolveCloudInit(
      reaching(member, origin.source, isOffline),
      {
        user: user ?? (isWindows ? 'Administrator' : 'debian'),
        hasLogin: isOffline || template !== undefined,
        isWindows,
      },
      context,
    ),
    autostart: settings.autostart ?? false,
    ready: resolveReady(
      settings.ready,
      isWindows ? ['started', 'address'] : readyRungs.filter((rung) => !isOffline || rung !== 'cloud-init'),
    ),
    snapshot: resolveSnapshot(settings.snapshot ?? member.matrix === undefined),
    hyperv,
    processor: onHyperv || template !== undefined ? undefined : resolveProcessor(settings),
    lifecycle: resolveLifecycle(member, context),
    matrix: member.matrix,
    disposable: settings.disposable ?? member.matrix !== undefined,
  }
}

/** What cloud-init is told; where there is none, only what is done in its place. */
const reaching = (member: Member, { kind }: InstanceSource, isOffline: boolean): Member => {
  if (!isOffline) return member
  const settingsOf = kind === 'template' ? offlineSettings : customisedSettings
  return { ...member, settings: settingsOf(member.settings) }
}

type Origin = Pick<
  InstanceSpec,
  'source' | 'machine' | 'firmware' | 'secureBoot' | 'seedBus' | 'rootDisk' | 'extraDisks'
> & { readonly user: string | undefined }

function fromImage(member: Member, picked: Source, context: InstanceContext): Origin {
  const { settings, own, layers } = member
  const { report, imageDocuments } = context
  const id = picked.kind === 'image' ? choose(context.images, picked.id, member, ['image'], report) : ''
  if (picked.kind === 'image') checkNoClone(member, report)
  const declared = Object.hasOwn(imageDocuments, id) ? imageDocuments[id] : undefined
  const image = context.resolvedImages.get(id)
  const customise = resolveCustomise(member, { id, customise: declared?.customise }, context)
  if (customise !== undefined) checkCustomised(member, customise, report)
  const nature = natureOf(settings.architecture)
  const origin = {
    source: { kind: 'image', id, customise },
    // The image knows better than `defaults` what it boots with, and the instance better than the image.
    machine: own.machine ?? declared?.machine ?? settings.machine ?? nature.machine,
    firmware: own.firmware ?? declared?.firmware ?? settings.firmware ?? nature.firmware,
    secureBoot: own.secureBoot ?? declared?.secureBoot ?? settings.secureBoot ?? false,
    seedBus: own.seedBus ?? declared?.seedBus ?? settings.seedBus ?? 'scsi',
    rootDisk: resolveRootDisk(member, report),
    extraDisks: resolveExtraDisks(
      customise === undefined ? member : { ...member, settings: customisedSettings(settings) },
      report,
    ),
    user: image?.sources[0].kind === 'host' ? declared?.user : image?.user,
  } satisfies Origin
  if (origin.secureBoot && origin.firmware === 'bios') {
    report.within(
      layers,
      ['secureBoot'],
      'needs `firmware: uefi`',
      'Change the firmware, or switch Secure Boot off.',
    )
  }
  checkProcessor(member, origin, report)
  return origin
}

function fromTemplate(member: Member, template: TemplateSpec, { report }: InstanceContext): Origin {
  const source = cloneSource(template, member)
  report.own(
    member.layers,
    ['customise'],
    'is only for instances of an image',
    'Remove it: a clone is what its template is.',
  )
  checkClone(member, template, source, report)
  return {
    source,
    machine: 'q35',
    firmware: 'uefi',
    secureBoot: false,
    seedBus: member.own.seedBus ?? template.seedBus,
    rootDisk: resolveCloneDisk(member, report),
    extraDisks: [],
    user: template.user,
  }
}

/** Tells what the kind of host does not know. */
function checkHost(member: Member, host: HostSpec, picked: Source, context: InstanceContext): void {
  const { layers } = member
  const { report } = context
  if (isHyperv(host)) {
    if (picked.kind === 'template')
      report.within(
        layers,
        ['template'],
        `is of no use on \`${host.name}\`, because templates are machines of libvirt hosts`,
        'Use an `image` on Hyper-V hosts.',
      )
    report.own(
      layers,
      ['customise'],
      'is only for instances on libvirt hosts',
      'Remove it: on Hyper-V, cloud-init does it.',
    )
    checkNoProcessor(member, report)
    return
  }
  checkNoHyperv(member, report)
  if (picked.kind === 'image' && context.resolvedImages.get(picked.id)?.sources[0].kind === 'host')
    report.within(
      layers,
      ['image'],
      `is of no use on \`${host.name}\`, because it is an image that Hyper-V hosts have`,
      'Use one with `url`, `file` or `build` on libvirt hosts.',
    )
}

function resolveSnapshot(snapshot: NonNullable<Member['settings']['snapshot']>): InstanceSpec['snapshot'] {
  if (snapshot === false) return undefined
  const given = snapshot === true ? {} : snapshot
  return {
    name: given.name ?? 'snapshot-a',
    description: given.description ?? 'initial configuration',
    startAfterwards: given.startAfterwards ?? true,
  }
}
