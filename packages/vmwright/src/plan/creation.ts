import { formatBytes } from '../lib/units.ts'
import type { ImageSpec, ResolvedSpec } from '../spec/resolved.ts'
import type { HostFacts } from './plan.ts'
import type { InstanceContext } from './decision.ts'
import { repairsOf, setfaclCommand } from './access.ts'
import { StepChain } from './builder.ts'
import { addClonedDisks, addTemplateParts } from './clone-steps.ts'
import { imagePool, poolDefinition, poolOf } from './naming.ts'
import { seedName } from './vm-plan.ts'

/**
 * The order is what makes a creation safe to kill: the machine is defined first, with a mark that says `creating`
 * and names its volumes, so that whatever exists later has an owner. It is marked `created` when all its parts
 * are there, and only then started: a machine that is still `creating` never ran, so its disks hold nothing.
 *
 * ```
 *  pool, network, image, acceleration ──▶ define (creating) ──▶ disks, seed (or edit disks) ──▶ mark created
 *      ──▶ start ──▶ await ready ──▶ shut down ──▶ seal seed ──▶ snapshot ──▶ mark provisioned ──▶ start ──▶ await port
 *                              └── without a snapshot: seal seed ──▶ mark provisioned
 * ```
 */
export function addCreation(
  context: InstanceContext,
  after: readonly string[],
  existing: 'keep' | 'replace',
  reason: string,
): readonly string[] {
  const { vm, builder } = context
  const { instance } = vm
  const place = { host: instance.host, instance: instance.name }
  const defined = builder.add(
    'define-vm',
    place,
    { vm, mode: 'fresh' },
    {
      title: `define ${instance.name} (${instance.vcpus} CPUs, ${instance.memoryMib} MiB, ${vm.firmware})`,
      reason,
      after,
    },
  )
  const parts = [...addDisks(context, existing, reason, defined)]
  if (vm.seed !== undefined)
    parts.push(
      builder.add('write-seed', place, { vm }, { title: `write ${vm.seed.name}`, reason, after: [defined] }),
    )
  if (instance.autostart) {
    parts.push(
      builder.add(
        'set-autostart',
        place,
        { autostart: 'on' },
        { title: 'turn autostart on', reason: 'the spec says so', after: [defined] },
      ),
    )
  }
  return [
    builder.add(
      'mark-vm',
      place,
      { stage: 'created' },
      { title: `mark ${instance.name} as created`, reason: 'all its parts are there', after: parts },
    ),
  ]
}

function addDisks(
  context: InstanceContext,
  existing: 'keep' | 'replace',
  reason: string,
  defined: string,
): readonly string[] {
  const { vm, builder } = context
  const { host, name: instance } = vm.instance
  const created = vm.disks.flatMap((disk) => {
    const { content, sizeBytes, volume, device } = disk
    if (content.kind !== 'image' && content.kind !== 'empty') return []
    const base = content.kind === 'image' ? `, ${content.mode} of ${content.image.id}` : ''
    const title = `create disk ${volume.name} (${formatBytes(sizeBytes ?? 0)}${base})`
    const text = { title, reason, detail: device, after: [defined] }
    return [builder.add('create-disk', { host, instance }, { vm, disk, existing }, text)]
  })
  if (vm.source.kind === 'image')
    return vm.seed === undefined ? [...created, addCustomisation(context, created)] : created
  return [...created, ...addClonedDisks(context, vm.source.template, existing, reason, [defined])]
}

/** K7. What cloud-init does for other machines. */
const addCustomisation = ({ vm, builder }: InstanceContext, after: readonly string[]): string =>
  builder.add(
    'edit-disks',
    { host: vm.instance.host, instance: vm.instance.name },
    { vm },
    { title: `customise the disk of ${vm.instance.name}`, reason: 'before its first boot', after },
  )

/** What the machines of a host share: its pools, networks, images or templates, and the kind of acceleration. */
export function addSharedParts(context: InstanceContext): readonly string[] {
  const { vm, builder, facts, input } = context
  const { instance, source } = vm
  const host = { host: instance.host }
  const ids: string[] = [...addPool(context)]
  for (const network of vm.networks) {
    // One that does not exist, or must not be started, is a finding.
    const isStartable = facts.observed.networks.some(({ name, active }) => name === network && !active)
    if (!isStartable || !facts.spec.startInactiveNetworks || isOwnName(input.spec, network)) continue
    ids.push(
      builder.add(
        'start-network',
        host,
        { network },
        { title: `start network ${network}`, reason: 'it is not active', detail: network },
      ),
    )
  }

  ids.push(
    ...addRepairs(context),
    ...(source.kind === 'image'
      ? addImageParts(context, source.image)
      : addTemplateParts(context, source.template)),
    builder.add(
      'probe-acceleration',
      host,
      {},
      { title: `see whether guests start with KVM on ${instance.host}`, reason: 'new machines need to know' },
    ),
  )
  return ids
}

/** T9. Only what can be repaired: what cannot is a finding. */
function addRepairs({ facts: { spec, access }, builder }: InstanceContext): readonly string[] {
  const repairs = repairsOf(access?.blocked ?? [])
  if (!spec.repairAccess || access === undefined || repairs.length === 0) return []
  return [
    builder.add(
      'repair-access',
      { host: spec.name },
      { repairs },
      {
        title: `give ${access.user} access: ${repairs.map(setfaclCommand).join('; ')}`,
        reason: 'it runs the guests, and cannot reach what they need',
      },
    ),
  ]
}

/** The pool of a machine, where vmwright makes it, and it is not there or not active. */
export function addPool({ vm: { instance }, builder, facts, input }: InstanceContext): readonly string[] {
  const pool = poolDefinition(poolOf(input.spec, instance))
  if (pool === undefined || hasPool(facts, pool.name)) return []
  return [
    builder.add(
      'ensure-pool',
      { host: instance.host },
      { pool },
      {
        title: `make storage pool ${pool.name} at ${pool.path}`,
        reason: 'it does not exist or is not active',
        detail: pool.name,
      },
    ),
  ]
}

/** Those that vmwright makes have steps of their own. */
const isOwnName = (spec: ResolvedSpec, network: string): boolean =>
  spec.networks.some(({ name, own }) => name === network && own !== undefined)

const hasPool = (facts: HostFacts, name: string): boolean =>
  facts.observed.pools.some((pool) => pool.name === name && pool.active)

function addImageParts(
  { vm: { instance }, builder, facts, request }: InstanceContext,
  image: ImageSpec,
): readonly string[] {
  const host = { host: instance.host }
  const images = imagePool(facts.spec)
  const imageSteps: string[] = []
  if (!hasPool(facts, images.name)) {
    imageSteps.push(
      builder.add(
        'ensure-pool',
        host,
        { pool: images },
        {
          title: `make storage pool ${images.name} at ${images.path}`,
          reason: 'it does not exist or is not active',
          detail: images.name,
        },
      ),
    )
  }
  const cached = facts.cachedImages.get(image.id)
  // `full` fetches through the cache's own policy; `provision` uses what is there.
  const fetched = builder.add(
    'fetch-image',
    host,
    { image },
    {
      title: `fetch image ${image.id}`,
      reason:
        cached === undefined
          ? 'not in the cache'
          : request.refreshImages
            ? 'asked for'
            : 'to verify it and to see whether there is a newer one',
      detail: image.id,
      after: imageSteps,
    },
  )
  return [
    builder.add(
      'place-image',
      host,
      { image, pool: images },
      {
        title: `make image ${image.id} available on ${instance.host}`,
        reason: 'new machines need it',
        detail: image.id,
        after: [fetched],
      },
    ),
  ]
}

/** From a machine that exists to one that is ready, with its snapshot. */
export function addProvisioning(
  { vm, builder }: InstanceContext,
  at: {
    readonly after: readonly string[]
    readonly running: boolean
    readonly snapshotExists: boolean
    readonly boot: 'first' | 'later'
  },
): void {
  const { instance } = vm
  const { name } = instance
  const chain = new StepChain(builder, { host: instance.host, instance: name }, at.after)
  const snapshot = at.snapshotExists ? undefined : instance.snapshot

  if (!at.running) chain.next('start-vm', {}, `start ${name}`, 'it is not running')
  chain.next(
    'await-ready',
    { vm, boot: at.boot },
    `wait until ${name} is ready`,
    `ready means: ${instance.ready.rungs.join(', ')}`,
  )
  if (at.boot === 'later') return

  if (snapshot !== undefined)
    chain.next('stop-vm', { how: 'graceful' }, `shut down ${name}`, 'a snapshot is made of a stopped machine')
  if (vm.seed !== undefined)
    chain.next('seal-seed', { vm }, `remove secrets from ${seedName(vm)}`, 'first boot is over')
  if (snapshot !== undefined) {
    const { name: snapshotName, description } = snapshot
    chain.next(
      'create-snapshot',
      { snapshot: { name: snapshotName, description } },
      `make snapshot ${snapshotName}`,
      'the spec says so',
    )
  }
  chain.next('mark-vm', { stage: 'provisioned' }, `mark ${name} as provisioned`, 'it is ready')
  if (snapshot?.startAfterwards !== true) return
  chain.next('start-vm', {}, `start ${name}`, 'it was shut down for the snapshot')
  if (instance.ready.recheckAfterSnapshot) {
    chain.next('await-ready', { vm, boot: 'recheck' }, `wait until ${name} is ready`, 'it was restarted')
  }
}
