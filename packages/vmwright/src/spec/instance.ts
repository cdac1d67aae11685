import type { SpecDocument } from '@vmwright/contract'
import { choose, type Choice } from './choice.ts'
import { type CloudInitContext, resolveCloudInit } from './cloud-init.ts'
import { resolveExtraDisks, resolveRootDisk } from './disks.ts'
import type { Member } from './groups.ts'
import { type NetworkContext, resolveInterfaces } from './interfaces.ts'
import { toMib, toMs } from './quantity.ts'
import { type ImageSpec, type InstanceSpec, type ReadyRung, readyRungs, type ReadySpec } from './resolved.ts'

export interface InstanceContext extends CloudInitContext, NetworkContext {
  readonly hosts: Choice
  readonly images: Choice
  readonly pools: Choice
  readonly resolvedImages: ReadonlyMap<string, ImageSpec>
  readonly imageDocuments: NonNullable<SpecDocument['images']>
}

/** Merges what is built in, the image and the file into one instance, and checks what only shows then. */
export function resolveInstance(member: Member, context: InstanceContext): InstanceSpec {
  const { settings, own, name, group, layers } = member
  const { report } = context
  const image = choose(context.images, settings.image, member, ['image'], report)
  const declared = Object.hasOwn(context.imageDocuments, image) ? context.imageDocuments[image] : undefined
  const memoryMib = toMib(settings.memory ?? '1GiB')
  if (memoryMib < 128)
    report.within(layers, ['memory'], 'is less than 128MiB', 'No supported system boots with that.')
  const spec = {
    name,
    group,
    host: choose(context.hosts, settings.host, member, ['host'], report),
    source: { kind: 'image' as const, id: image },
    pool: choose(context.pools, settings.pool, member, ['pool'], report),
    vcpus: settings.vcpus ?? 2,
    singleSocket: settings.singleSocket ?? true,
    memoryMib,
    // The image knows better than `defaults` what it boots with, and the instance better than the image.
    machine: own.machine ?? declared?.machine ?? settings.machine ?? 'q35',
    firmware: own.firmware ?? declared?.firmware ?? settings.firmware ?? 'uefi',
    secureBoot: own.secureBoot ?? declared?.secureBoot ?? settings.secureBoot ?? false,
    seedBus: own.seedBus ?? declared?.seedBus ?? settings.seedBus ?? 'scsi',
    rootDisk: resolveRootDisk(member, report),
    extraDisks: resolveExtraDisks(member, report),
    interfaces: resolveInterfaces(member, context),
    cloudInit: resolveCloudInit(member, context.resolvedImages.get(image)?.user ?? 'debian', context),
    autostart: settings.autostart ?? false,
    ready: resolveReady(settings.ready),
    snapshot: resolveSnapshot(settings.snapshot),
    hyperv: undefined,
  } satisfies InstanceSpec
  if (spec.secureBoot && spec.firmware === 'bios') {
    report.within(
      layers,
      ['secureBoot'],
      'needs `firmware: uefi`',
      'Change the firmware, or switch Secure Boot off.',
    )
  }
  if (spec.seedBus === 'ide' && /q35/.test(spec.machine)) {
    report.within(
      layers,
      ['seedBus'],
      'cannot be `ide` on a q35 machine, which has no IDE bus',
      'Use `scsi` or `sata`, or `machine: pc`.',
    )
  }
  return spec
}

const defaultRungs: readonly ReadyRung[] = ['started', 'address', 'port', 'ssh', 'cloud-init']

/** Generous, because a first boot under emulation is slow; the port shows a slow boot first. */
const defaultTimeouts: Readonly<Record<ReadyRung, number>> = {
  started: 60_000,
  address: 180_000,
  port: 360_000,
  ssh: 180_000,
  agent: 180_000,
  'cloud-init': 600_000,
}

function resolveReady(ready: Member['settings']['ready'] = {}): ReadySpec {
  const wanted: readonly ReadyRung[] = ready.rungs ?? defaultRungs
  const limitOf = (rung: ReadyRung): number => {
    const given = ready.timeouts?.[rung]
    return given === undefined ? defaultTimeouts[rung] : toMs(given)
  }
  return {
    rungs: readyRungs.filter((rung) => wanted.includes(rung)),
    port: ready.port ?? 22,
    timeoutMs: {
      started: limitOf('started'),
      address: limitOf('address'),
      port: limitOf('port'),
      ssh: limitOf('ssh'),
      agent: limitOf('agent'),
      'cloud-init': limitOf('cloud-init'),
    },
    recheckAfterSnapshot: ready.recheckAfterSnapshot ?? true,
  }
}

function resolveSnapshot(snapshot: Member['settings']['snapshot'] = true): InstanceSpec['snapshot'] {
  if (snapshot === false) return undefined
  const given = snapshot === true ? {} : snapshot
  return {
    name: given.name ?? 'snapshot-a',
    description: given.description ?? 'initial configuration',
    startAfterwards: given.startAfterwards ?? true,
  }
}
