import type { InstanceStatus } from '@vmwright/contract'
import { ProvisionError } from '../lib/errors.ts'
import { Progress } from '../lib/progress.ts'
import { countingSeam } from '../lib/seam.ts'
import { planApply } from '../plan/plan-apply.ts'
import { planDestroy } from '../plan/plan-destroy.ts'
import type { ApplyInput, ApplyRequest, DestroyRequest, Plan, PlanInput } from '../plan/plan.ts'
import { instanceStatus } from '../plan/status.ts'
import type { HostSpec, InstanceSpec, ResolvedSpec } from '../spec/resolved.ts'
import type { TemplateRecords } from '../templates/records.ts'
import { rememberValidated } from '../templates/remember.ts'
import { emptyState, type RunContext, type RunState } from './context.ts'
import { findMissingSecrets } from './missing-secrets.ts'
import { runPlan, summaryOf, type EventBody, type RunOutcome } from './run.ts'
import { Session, type SessionServices } from './session.ts'

/** What to work on, and how the caller listens and answers. */
export interface OperationOptions {
  readonly spec: ResolvedSpec
  readonly instances: readonly InstanceSpec[]
  readonly services: SessionServices
  readonly onEvent: (event: EventBody) => void
  /** Told to others who wait for the lock: `vmwright apply by ann@laptop`. */
  readonly holder: string
  readonly lockTimeoutMs: number
  /** Asked with the plan before anything is done; `false` stops without a change. */
  readonly confirm: (plan: Plan) => Promise<boolean>
}

export interface OperationResult {
  readonly plan: Plan
  /** `blocked`: findings speak against it. `declined`: not confirmed. */
  readonly outcome: 'done' | 'unchanged' | 'failed' | 'cancelled' | 'blocked' | 'declined'
  readonly instances: readonly InstanceStatus[]
  readonly run: RunOutcome | undefined
}

/** Shows the difference between spec and hosts. Changes nothing. */
export async function preview(
  progress: Progress,
  options: Pick<OperationOptions, 'spec' | 'instances' | 'services'>,
  request: ApplyRequest,
): Promise<Plan> {
  await using session = await Session.open(progress, options.spec, options.instances, options.services)
  const input = await session.observe(progress, 'make')
  const plan = planApply(await withSecrets(input, options), request)
  await rememberTemplates(progress, input, plan, options.services.templates).catch(() => {}) // only a saving of time
  return plan
}

/** Makes the hosts be as the spec says. May be repeated: what is there already is left alone. */
export const apply = (
  progress: Progress,
  options: OperationOptions,
  request: ApplyRequest,
): Promise<OperationResult> =>
  operate(
    progress,
    options,
    'apply',
    async (input) => planApply(await withSecrets(input, options), request),
    imageModeOf(request),
  )

const withSecrets = async (
  input: PlanInput,
  { services }: Pick<OperationOptions, 'services'>,
): Promise<ApplyInput> => ({
  ...input,
  missingSecrets: await findMissingSecrets(input.instances, services.readSecret),
})

/** Removes the declared machines that are ours. May be repeated. */
export const destroy = (
  progress: Progress,
  options: OperationOptions,
  request: DestroyRequest,
): Promise<OperationResult> =>
  operate(progress, options, 'destroy', async (input) => planDestroy(input, request), 'cached-only')

/** The state of the instances, without changing anything. */
export async function status(
  progress: Progress,
  options: Pick<OperationOptions, 'spec' | 'instances' | 'services'>,
): Promise<readonly InstanceStatus[]> {
  await using session = await Session.open(progress, options.spec, options.instances, options.services)
  return statusOf(await session.observe(progress, 'tell'))
}

type ImageMode = 'policy' | 'force' | 'cached-only'

const imageModeOf = (request: ApplyRequest): ImageMode =>
  request.refreshImages ? 'force' : request.stage === 'provision' ? 'cached-only' : 'policy'

async function operate(
  outer: Progress,
  options: OperationOptions,
  command: string,
  makePlan: (input: PlanInput) => Promise<Plan>,
  images: ImageMode,
): Promise<OperationResult> {
  const { seam, mutations } = countingSeam(outer.seam)
  const progress = new Progress(seam, { signal: outer.signal, report: (report) => outer.report(report) })
  const startedMs = seam.monotonicMs()
  await using session = await Session.open(progress, options.spec, options.instances, options.services)
  await session.lock(progress.child({ timeoutMs: options.lockTimeoutMs }), options.holder)
  const input = await session.observe(progress, command === 'destroy' ? 'remove' : 'make')
  const plan = await makePlan(input)
  if (plan.findings.some((finding) => finding.severity === 'error'))
    return { plan, outcome: 'blocked', instances: statusOf(input), run: undefined }
  if (plan.steps.length > 0 && !(await options.confirm(plan)))
    return { plan, outcome: 'declined', instances: statusOf(input), run: undefined }

  await rememberTemplates(progress, input, plan, options.services.templates)
  options.onEvent({ kind: 'run-started', command, project: plan.project, steps: plan.steps.map(summaryOf) })
  const state = emptyState(marksOf(input), identitiesOf(input))
  const run = await runPlan(plan, contextOf(session, options, state, images), {
    seam,
    signal: outer.signal,
    onEvent: options.onEvent,
    parallel: (name) => hostOf(options.spec, name).parallel,
    parallelClones: options.spec.cloning.mode === 'sequential' ? 1 : options.spec.cloning.parallel,
  })
  const outcome = run.cancelled
    ? 'cancelled'
    : run.errors.size > 0
      ? 'failed'
      : plan.steps.length === 0
        ? 'unchanged'
        : 'done'
  const instances = await finalStatus(seam, session, input, state, plan.steps.length > 0)
  options.onEvent({
    kind: 'run-finished',
    outcome,
    durationMs: seam.monotonicMs() - startedMs,
    mutations: mutations(),
    instances,
  })
  return { plan, outcome, instances, run }
}

/** After a cancelled run too, with a short limit of its own: it tells what remains. */
async function finalStatus(
  seam: Progress['seam'],
  session: Session,
  input: PlanInput,
  state: RunState,
  changed: boolean,
): Promise<readonly InstanceStatus[]> {
  if (!changed) return statusOf(input)
  const progress = new Progress(seam).child({ timeoutMs: 15_000 })
  const observed = await session.observeHosts(progress).catch(() => undefined)
  if (observed === undefined) return []
  const { spec, instances } = session
  return instances.map((instance) =>
    instanceStatus(spec, instance, observed.get(instance.host), state.ready.get(instance.name)?.addresses),
  )
}

const statusOf = ({ spec, instances, hosts }: PlanInput): readonly InstanceStatus[] =>
  instances.map((instance) => {
    const facts = hosts.get(instance.host)
    return instanceStatus(spec, instance, facts?.observed, [], facts?.templates)
  })

const marksOf = ({ instances, hosts }: PlanInput) =>
  instances.flatMap(({ name, host }) => {
    const mark = hosts.get(host)?.observed.vms.find((vm) => vm.name === name)?.mark
    return mark === undefined ? [] : [[name, mark] as const]
  })

const identitiesOf = ({ spec, hosts }: PlanInput) =>
  [...hosts.values()].flatMap((facts) =>
    spec.templates.flatMap(({ id, domain }) => {
      const identity = facts.templates.get(id)?.identity
      return identity === undefined ? [] : [[`${facts.spec.name}/${domain}`, identity] as const]
    }),
  )

/** T8. Keeps which templates passed all checks just now, where the spec wants that done once. */
async function rememberTemplates(
  progress: Progress,
  { spec, hosts }: PlanInput,
  plan: Plan,
  records: TemplateRecords,
): Promise<void> {
  if (spec.cloning.validate !== 'once' || plan.findings.some(({ severity }) => severity === 'error')) return
  for (const { host, template: id, validated } of plan.templates) {
    const facts = hosts.get(host)
    const template = spec.templates.find((each) => each.id === id)
    const identity = facts?.templates.get(id)?.identity
    if (facts === undefined || template === undefined || identity === undefined || validated === 'earlier')
      continue
    await rememberValidated(progress, records, facts.spec, template, identity)
  }
}

function contextOf(
  session: Session,
  options: OperationOptions,
  state: RunState,
  images: ImageMode,
): RunContext {
  const { services, spec, onEvent } = options
  return {
    services: {
      spec,
      host: (name) => session.host(name),
      system: (name) => session.host(name).system,
      ensureImage: (progress, host, image) =>
        services.ensureImage(progress, hostOf(spec, host), image, images),
      readSecret: services.readSecret,
      ownKey: services.ownKey,
      templates: services.templates,
    },
    state,
    notice: (level, message, instance) =>
      onEvent({ kind: 'notice', level, message, ...(instance === undefined ? {} : { instance }) }),
  }
}

function hostOf(spec: ResolvedSpec, name: string): HostSpec {
  const host = spec.hosts.find((candidate) => candidate.name === name)
  if (host === undefined)
    throw new ProvisionError('internal.bug', { message: `The spec has no host ${name}.` })
  return host
}
