import type { ObservedVm } from '../hypervisor/contract.ts'
import { PlanBuilder } from './builder.ts'
import { addCloneEndings } from './clone-endings.ts'
import { addCloneRemovals } from './clone-removal.ts'
import { withHostRecords } from './host-record.ts'
import { addNetworks, noNetworks } from './networks/add-networks.ts'
import { addCreation, addProvisioning, addSharedParts } from './creation.ts'
import { decideExisting } from './decide-existing.ts'
import { type Decision, decision, type InstanceContext, networkStepsOf, problem } from './decision.ts'
import { blockedChange, placementFindings } from './place-changes.ts'
import type { ApplyInput, ApplyRequest, Change, Plan, PlanInput } from './plan.ts'
import { preflight } from './preflight/preflight.ts'
import { templateProblems } from './preflight/templates.ts'
import { addRemoval } from './removal.ts'
import { poolResources } from './resources.ts'
import { vmPlan, type VmPlan } from './vm-plan.ts'
import { hasVolume } from './volume-index.ts'

/** The difference between spec and hosts, as steps. Pure. */
export function planApply(input: ApplyInput, asked: ApplyRequest): Plan {
  // What would be found before everything is all that can be found before anything.
  const request = asked.stage === 'preflight' ? ({ ...asked, stage: 'full' } as const) : asked
  const builder = new PlanBuilder()
  if (request.stage === 'image-cache') addImageCache(input, builder)
  const instances = input.instances.filter((instance) => blockedChange(input, instance) === undefined)
  const networks =
    request.stage === 'image-cache' ? noNetworks : addNetworks({ ...input, instances }, request, builder)
  const networkSteps = networks.steps
  const decisions = instances.flatMap((instance) => {
    const facts = input.hosts.get(instance.host)
    if (facts === undefined || request.stage === 'image-cache') return []
    const vm = vmPlan(input.spec, instance, facts.observed)
    return [decideInstance({ input, request, facts, vm, builder, networkSteps })]
  })
  addCloneEndings(input, builder)
  const toCreate = decisions.filter((decision) => decision.creates).map(({ vm }) => vm)
  const toSeed = decisions.filter(({ creates, seeds }) => creates || seeds).map(({ vm }) => vm)
  const findings = [
    ...placementFindings(input),
    ...preflight(input, { toCreate, toSeed, networks: networks.decisions }),
    ...networks.findings,
    ...decisions.flatMap((decision) => decision.findings),
  ]
  const isPreflight = asked.stage === 'preflight'
  return {
    project: input.spec.project,
    stage: asked.stage,
    changes: isPreflight ? [] : changesOf(input, decisions),
    resources: isPreflight ? [] : [...networks.resources, ...poolResources(input, builder.steps)],
    steps: isPreflight ? [] : withHostRecords(input, builder.steps),
    findings,
    templates: plannedTemplates(input, toCreate),
  }
}

/** In the order of the instances, with those that cannot be worked on. */
function changesOf(input: PlanInput, decisions: readonly Decision[]): readonly Change[] {
  const decided = new Map(decisions.map(({ change }) => [change.instance, change]))
  return input.instances.flatMap(
    (instance) => decided.get(instance.name) ?? blockedChange(input, instance) ?? [],
  )
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
    addProvisioning(context, {
      after: startable(context, created),
      running: false,
      snapshotExists: false,
      boot: 'first',
    })
  return decision(context, action, reason, { creates: true })
}

/** A machine needs its networks, with their rules, only once it starts. */
const startable = (context: InstanceContext, created: readonly string[]): readonly string[] => [
  ...created,
  ...networkStepsOf(context),
]

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
    addProvisioning(context, {
      after: startable(context, created),
      running: false,
      snapshotExists: false,
      boot: 'first',
    })
  return decision(context, 'replace', 'asked for by --replace', { creates: true })
}
