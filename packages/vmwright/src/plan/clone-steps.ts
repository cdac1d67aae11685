import { formatBytes } from '../lib/units.ts'
import type { InstanceContext } from './decision.ts'
import { overlaysOf } from './overlays.ts'
import type { TemplateDisk, TemplatePlan } from './vm-plan.ts'

/**
 * What clones of a template wait for before anything of them is made: that it is off.
 *
 * ```
 *  shut down template ──▶ define (creating) ──▶ [protect template] ──▶ clone disks ──▶ edit disks ──▶ mark created ──▶ start …
 *                                          └─▶ or write seed ─────────────────────────────┘
 *           clone disks of all, however they ended ──▶ start template, empty workspace
 * ```
 */
export function addTemplateParts(context: InstanceContext, template: TemplatePlan): readonly string[] {
  const { observed, spec } = template
  if (observed?.state !== 'running' || spec.whenRunning !== 'shut-down') return []
  return [
    context.builder.add(
      'shut-down-template',
      { host: context.vm.instance.host },
      { template, restart: spec.restart && !hasOverlays(context, template) },
      {
        title: `shut down template ${spec.domain}`,
        reason: 'it runs, and is to be cloned',
        detail: spec.domain,
      },
    ),
  ]
}

/** Clones rest on its disks, or will: it must not run, because a guest that runs changes them. */
export function hasOverlays({ input, facts }: InstanceContext, { spec, disks }: TemplatePlan): boolean {
  const ids = new Set(input.spec.templates.filter(({ domain }) => domain === spec.domain).map(({ id }) => id))
  return (
    overlaysOf(
      facts.observed,
      disks.map(({ path }) => path),
    ).length > 0 ||
    input.instances.some(
      ({ host, source }) =>
        host === facts.spec.name &&
        source.kind === 'template' &&
        source.clone === 'overlay' &&
        ids.has(source.id),
    )
  )
}

/** The steps that make a clone's disks, after its definition; returns those that the rest waits for. */
export function addClonedDisks(
  context: InstanceContext,
  template: TemplatePlan,
  existing: 'keep' | 'replace',
  reason: string,
  after: readonly string[],
): readonly string[] {
  const { vm, builder } = context
  const { instance } = vm
  const place = { host: instance.host, instance: instance.name }
  const ready = template.mode === 'overlay' ? addProtection(context, template, reason, after) : after
  const cloned = vm.disks.flatMap((disk) => {
    if (disk.content.kind !== 'clone') return []
    const { from } = disk.content
    const size = disk.sizeBytes === undefined ? '' : `, ${formatBytes(disk.sizeBytes)}`
    return [
      builder.add(
        'clone-disk',
        place,
        { template, disk, from, existing },
        {
          title: `clone ${from.path} to ${disk.volume.name} (${howText(template, from)}${size})`,
          reason,
          detail: disk.device,
          after: ready,
        },
      ),
    ]
  })
  if (vm.seed !== undefined) return cloned
  return [
    ...cloned,
    builder.add(
      'edit-disks',
      place,
      { vm },
      { title: `give ${instance.name} its own identity`, reason: 'written into its disks', after: cloned },
    ),
  ]
}

const howText = ({ mode, spec }: TemplatePlan, { device }: TemplateDisk): string =>
  ({
    auto: `reflink or copy of ${spec.id}`,
    copy: `copy of ${spec.id}`,
    reflink: `reflink of ${spec.id}`,
    overlay: `overlay of ${spec.id}`,
  })[mode] + ` ${device}`

/** Each clone sees to it itself, once its definition says that it may be so: whoever removes it then undoes it. */
const addProtection = (
  { vm: { instance }, builder }: InstanceContext,
  { spec, disks }: TemplatePlan,
  reason: string,
  after: readonly string[],
): readonly string[] => [
  builder.add(
    'protect-template',
    { host: instance.host, instance: instance.name },
    { paths: disks.map(({ path }) => path) },
    {
      title: `protect the disks of template ${spec.domain} from change`,
      reason,
      detail: spec.domain,
      after,
    },
  ),
]
