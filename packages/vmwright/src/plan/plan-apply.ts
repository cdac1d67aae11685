import type { ObservedVm, VmMark } from '../hypervisor/contract.ts'
import { formatBytes } from '../lib/units.ts'
import type { InstanceSpec } from '../spec/resolved.ts'
import { PlanBuilder } from './builder.ts'
import { compareVm, noDifference, type Comparison } from './compare.ts'
import { addChanges } from './changes.ts'
import { addCloneEndings } from './clone-endings.ts'
import { addCloneRemovals } from './clone-removal.ts'
import { addCreation, addProvisioning, addSharedParts } from './creation.ts'
import type { ApplyInput, ApplyRequest, Change, Finding, HostFacts, Plan, PlanInput } from './plan.ts'
import { preflight } from './preflight/preflight.ts'
import { templateProblems } from './preflight/templates.ts'
import { addRemoval } from './removal.ts'
import { asMade, vmPlan, type VmPlan } from './vm-plan.ts'
import { hasVolume } from './volume-index.ts'

/** Everything that the planning of one instance may need. */
export interface InstanceContext {
  readonly input: PlanInput
  readonly request: ApplyRequest
  readonly facts: HostFacts
  readonly vm: VmPlan
  readonly builder: PlanBuilder
}

/** The difference between spec and hosts, as steps. Pure. */
export function planApply(input: ApplyInput, asked: ApplyRequest): Plan {
  // What would be found before everything is all that can be found before anything.
  const request = asked.stage === 'preflight' ? ({ ...asked, stage: 'full' } as const) : asked
  const builder = new PlanBuilder()
  if (request.stage === 'image-cache') addImageCache(input, builder)
  const decisions = input.instances.flatMap((instance) => {
    const facts = input.hosts.get(instance.host)
    if (facts === undefined || request.stage === 'image-cache') return []
    return [
      decideInstance({ input, request, facts, vm: vmPlan(input.spec, instance, facts.observed), builder }),
    ]
  })
  addCloneEndings(input, builder)
  const toCreate = decisions.filter((decision) => decision.creates).map(({ vm }) => vm)
  const toSeed = decisions.filter(({ creates, seeds }) => creates || seeds).map(({ vm }) => vm)
  const findings = [
    ...preflight(input, { toCreate, toSeed }),
    ...decisions.flatMap((decision) => decision.findings),
  ]
  return {
    project: input.spec.project,
    stage: asked.stage,
    changes: asked.stage === 'preflight' ? [] : decisions.map((decision) => decision.change),
    steps: asked.stage === 'preflight' ? [] : builder.steps,
    findings,
    templates: plannedTemplates(input, toCreate),
  }
}

function plannedTemplates(input: PlanInput, toCreate: readonly VmPlan[]): Plan['templates'] {
  const found = new Map<string, Plan['templates'][number]>()
  for (const { source, instance } of toCreate) {
    if (source.kind === 'image') continue
    const { id, domain } = source.template.spec
    const facts = input.hosts.get(instance.host)?.templates.get(id)
    const { host } = instance
    if (facts !== undefined)
      found.set(`${host}/${id}`, { host, template: id, domain, validated: facts.validated })
  }
  return [...found.values()]
}

/** C3: the image-cache stage handles every image of the spec, on every host. */
function addImageCache(input: PlanInput, builder: PlanBuilder): void {
  for (const [host, facts] of input.hosts) {
    for (const image of input.spec.images) {
      const cached = facts.cachedImages.has(image.id)
      builder.add(
        'fetch-image',
        { host },
        { image },
        {
          title: `fetch image ${image.id}`,
          reason: cached ? 'to see whether the publisher has a newer one' : 'not in the cache',
          detail: image.id,
        },
      )
    }
  }
}

interface Decision {
  readonly vm: VmPlan
  readonly change: Change
  readonly findings: readonly Finding[]
  readonly creates: boolean
  /** It exists and gets a new seed. */
  readonly seeds: boolean
}

function decideInstance(context: InstanceContext): Decision {
  const { vm, facts, request } = context
  const observed = facts.observed.vms.find((candidate) => candidate.name === vm.instance.name)
  if (observed === undefined) return decideAbsent(context)
  const mark = observed.mark
  const isTemplate = context.input.spec.templates.some(({ domain }) => domain === observed.name)
  if (isTemplate) return decideTemplate(context)
  if (mark === undefined || mark.project !== context.input.spec.project)
    return decideForeign(context, observed)
  if (request.replace.has(vm.instance.name)) return decideReplacement(context, observed)
  if (mark.stage === 'creating')
    return decideCreation(context, 'continue', 'its creation was interrupted', 'replace')
  return decideExisting(context, observed, mark)
}

function decision(
  context: InstanceContext,
  action: Change['action'],
  reason: string,
  more: Partial<Omit<Decision, 'vm' | 'change'>> & { fields?: Change['fields'] } = {},
): Decision {
  const { instance } = context.vm
  return {
    vm: context.vm,
    change: { instance: instance.name, host: instance.host, action, reason, fields: more.fields ?? [] },
    findings: more.findings ?? [],
    creates: more.creates ?? false,
    seeds: more.seeds ?? false,
  }
}

function problem(instance: InstanceSpec, code: Finding['code'], message: string, hint?: string): Finding {
  return { severity: 'error', code, object: `instance ${instance.name}`, message, hint }
}

function decideAbsent(context: InstanceContext): Decision {
  const { vm, request, facts } = context
  if (request.stage === 'runtime') {
    const finding = problem(
      vm.instance,
      'vm.not-found',
      `The machine ${vm.instance.name} does not exist.`,
      'Create it first: vmwright apply, or --stage provision.',
    )
    return decision(context, 'blocked', 'it does not exist', { findings: [finding] })
  }
  const reuse = request.reuseDisks.has(vm.instance.name)
  const leftovers = vm.disks.map(({ volume }) => volume).filter((volume) => hasVolume(facts.observed, volume))
  if (leftovers.length > 0 && !reuse) {
    const names = leftovers.map((volume) => volume.name).join(', ')
    const finding = problem(
      vm.instance,
      'disk.conflict',
      `The machine ${vm.instance.name} does not exist, but its disk files do: ${names} in pool ${vm.pool}.`,
      `Use them with \`--reuse-disks ${vm.instance.name}\`, or remove them with \`vmwright destroy --disks ${vm.instance.name}\`.`,
    )
    return decision(context, 'blocked', 'disk files of that name exist', {
      findings: [finding],
      creates: true,
    })
  }
  return decideCreation(
    context,
    'create',
    reuse && leftovers.length > 0 ? 'it does not exist; its old disks are used' : 'it does not exist',
    reuse ? 'keep' : 'replace',
  )
}

function decideCreation(
  context: InstanceContext,
  action: 'create' | 'continue',
  reason: string,
  existing: 'keep' | 'replace',
): Decision {
  const { vm, request, facts } = context
  const image = vm.source.kind === 'image' ? vm.source.image : undefined
  if (request.stage === 'provision' && image !== undefined && !facts.cachedImages.has(image.id)) {
    const finding = problem(
      vm.instance,
      'image.not-cached',
      `The image ${image.id} of ${vm.instance.name} is not in the cache.`,
    )
    return decision(context, 'blocked', 'its image is not in the cache', {
      findings: [finding],
      creates: true,
    })
  }
  if (request.stage === 'runtime') {
    const finding = problem(
      vm.instance,
      'vm.not-found',
      `The machine ${vm.instance.name} is only half made.`,
      'Finish it first: vmwright apply, or --stage provision.',
    )
    return decision(context, 'blocked', 'it is only half made', { findings: [finding] })
  }
  if (hasFaultyTemplate(context))
    return decision(context, 'blocked', 'its template cannot be cloned', { creates: true })
  const created = addCreation(context, addSharedParts(context), existing, reason)
  if (request.stage === 'full')
    addProvisioning(context, { after: created, running: false, snapshotExists: false, boot: 'first' })
  return decision(context, action, reason, { creates: true })
}

/** Never to be adopted, replaced or changed: clones are made of it. */
function decideTemplate(context: InstanceContext): Decision {
  const { instance } = context.vm
  const { name } = instance
  const message = `The machine ${name} on ${instance.host} is the template that others are cloned from.`
  const finding = problem(instance, 'vm.foreign', message, 'Give the instance another name.')
  return decision(context, 'blocked', 'a template has that name', { findings: [finding] })
}

const hasFaultyTemplate = ({ vm: { source }, facts }: InstanceContext): boolean =>
  source.kind === 'template' &&
  templateProblems(facts, source.template.spec).some(({ severity }) => severity === 'error')

function decideForeign(context: InstanceContext, observed: ObservedVm): Decision {
  const { vm, request, builder } = context
  const name = vm.instance.name
  const owner =
    observed.mark === undefined
      ? 'was not made by vmwright'
      : `belongs to the project ${observed.mark.project}`
  if (request.adopt.has(name)) {
    builder.add(
      'adopt-vm',
      { host: vm.instance.host, instance: name },
      { vm },
      { title: `take over ${name}`, reason: 'asked for by --adopt' },
    )
    return decision(context, 'adopt', `it ${owner}; it is taken over as asked`)
  }
  const finding = problem(
    vm.instance,
    'vm.foreign',
    `The machine ${name} on ${vm.instance.host} ${owner}.`,
    `Rename the instance, take the machine over (--adopt ${name}), or go on with the others: vmwright apply NAME….`,
  )
  return decision(context, 'keep-foreign', `it ${owner}`, { findings: [finding] })
}

function decideReplacement(context: InstanceContext, observed: ObservedVm): Decision {
  if (hasFaultyTemplate(context))
    return decision(context, 'blocked', 'its template cannot be cloned', { creates: true })
  const removed = addRemoval(
    context.builder,
    context.vm,
    observed,
    context.facts.observed,
    'delete',
    'replacement asked for by --replace',
    addCloneRemovals(context.input, context.builder, context.facts, observed, { disks: 'delete' }),
  )
  const created = addCreation(
    context,
    [...addSharedParts(context), ...removed],
    'replace',
    'replacement asked for by --replace',
  )
  if (context.request.stage === 'full')
    addProvisioning(context, { after: created, running: false, snapshotExists: false, boot: 'first' })
  return decision(context, 'replace', 'asked for by --replace', { creates: true })
}

function decideExisting(asked: InstanceContext, observed: ObservedVm, mark: VmMark): Decision {
  const vm = asMade(asked.vm, mark, observed)
  const context = { ...asked, vm }
  const { facts, request } = context
  const comparison = compareVm(vm, observed, facts.observed)
  const shrinks = comparison.shrink.map(({ device, fromBytes, toBytes }) =>
    problem(
      vm.instance,
      'disk.shrink-refused',
      `The disk ${device} of ${vm.instance.name} has ${formatBytes(fromBytes)}; the spec says ${formatBytes(toBytes)}.`,
    ),
  )
  if (shrinks.length > 0)
    return decision(context, 'blocked', 'a disk would become smaller', {
      findings: shrinks,
      fields: comparison.fields,
    })

  if (vm.seed === undefined && request.reseed.has(vm.instance.name)) {
    const message = `The machine ${vm.instance.name} has no seed: its identity was written into its disks.`
    const hint = `Make it anew instead: --replace ${vm.instance.name}`
    const finding = problem(vm.instance, 'usage.invalid', message, hint)
    return decision(context, 'blocked', 'it has no seed', { findings: [finding], fields: comparison.fields })
  }

  const runs = request.stage === 'full' || request.stage === 'runtime'
  const defines = request.stage === 'full' || request.stage === 'provision'
  const isProvisioned = observed.mark?.stage === 'provisioned'
  const isRunning = observed.state === 'running'
  // The private host keys are in the seed only: a seed lost, or not written, before first boot was over needs new ones.
  const lacksSeed =
    vm.seed !== undefined && !isProvisioned && (comparison.seedMissing || observed.mark?.seed.digest === '')
  const wanted = {
    reseed: defines && request.reseed.has(vm.instance.name),
    restart: runs && isRunning && request.restart.has(vm.instance.name),
  }
  const reseed = wanted.reseed || (defines && lacksSeed)
  const changed = addChanges(
    context,
    observed,
    defines ? comparison : noDifference, // the stage `runtime` starts what is there
    { reseed, restart: wanted.restart, reseal: vm.seed !== undefined && !isProvisioned && mark.seed.sealed },
  )
  if (runs && (!isProvisioned || reseed || !isRunning || changed.stops)) {
    addProvisioning(context, {
      after: changed.last,
      running: isRunning && !changed.stops,
      snapshotExists:
        !reseed && (isProvisioned || observed.snapshots.includes(vm.instance.snapshot?.name ?? '')),
      boot: !isProvisioned || reseed ? 'first' : 'later',
    })
  }
  return decision(context, ...describeExisting(observed, comparison, { runs, defines, ...wanted }), {
    fields: comparison.fields,
    seeds: reseed,
  })
}

function describeExisting(
  observed: ObservedVm,
  comparison: Comparison,
  asked: {
    readonly runs: boolean
    readonly defines: boolean
    readonly reseed: boolean
    readonly restart: boolean
  },
): [Change['action'], string] {
  if (asked.reseed) return ['reseed', 'asked for by --reseed']
  const updates = comparison.fields.filter((field) => field.how === 'in-place' || field.how === 'restart')
  if (asked.defines && updates.length > 0) return ['update', 'the spec says otherwise']
  if (asked.runs && observed.mark?.stage === 'created') return ['finish', 'its provisioning was interrupted']
  if (asked.restart) return ['restart', 'asked for by --restart']
  if (asked.runs && observed.state !== 'running') return ['start', `it is ${observed.state}`]
  const unasked = comparison.fields.filter(
    (field) => field.how === 'replacement' || field.how === 'cloud-init',
  )
  return [
    'none',
    unasked.length > 0 ? 'it differs in what is not changed without being asked' : 'as the spec says',
  ]
}
