import type { ErrorReport, InstanceStatus } from '@vmwright/contract'
import { Progress } from '../lib/progress.ts'
import { countingSeam } from '../lib/seam.ts'
import { planApply } from '../plan/plan-apply.ts'
import { planDestroy } from '../plan/plan-destroy.ts'
import type { ApplyInput, ApplyRequest, DestroyRequest, Plan, PlanInput } from '../plan/plan.ts'
import type { InstanceSpec, ResolvedSpec } from '../spec/resolved.ts'
import type { TemplateRecords } from '../templates/records.ts'
import { rememberValidated } from '../templates/remember.ts'
import { emptyState, type RunContext, type RunState } from './context.ts'
import { hostOf, type Purpose } from './host-facts.ts'
import { finalStatus, statusOf } from './instance-states.ts'
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
  /** `none`: what is done touches one machine that the caller alone works on. Absent: all hosts with work are locked. */
  readonly locking?: 'hosts' | 'none'
  /** Asked with the plan before anything is done; `false` stops without a change. */
  readonly confirm: (plan: Plan) => Promise<boolean>
}

export interface OperationResult {
  readonly plan: Plan
  /** `blocked`: findings speak against it. `declined`: not confirmed. */
  readonly outcome: 'done' | 'unchanged' | 'failed' | 'cancelled' | 'blocked' | 'declined'
  readonly instances: readonly InstanceStatus[]
  readonly run: RunOutcome | undefined
  /** By host: why nothing was done there. Instances of such a host make the outcome `failed`. */
  readonly unreachable: ReadonlyMap<string, ErrorReport>
}

/** Shows the difference between spec and hosts. Changes nothing. */
export async function preview(
  progress: Progress,
  options: Pick<OperationOptions, 'spec' | 'instances' | 'services'>,
  request: ApplyRequest,
): Promise<Plan> {
  await using session = await Session.open(progress, options.spec, options.instances, options.services)
  const input = await session.observe(progress, 'make', request.adopt)
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
  operate(progress, options, 'apply', {
    purpose: 'make',
    adopt: request.adopt,
    makePlan: async (input) => planApply(await withSecrets(input, options), request),
    images: imageModeOf(request),
  })

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
  operate(progress, options, 'destroy', {
    purpose: 'remove',
    adopt: request.adopt,
    makePlan: async (input) => planDestroy(input, request),
    images: 'cached-only',
  })

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

interface Operation {
  readonly purpose: Purpose
  readonly adopt: ReadonlySet<string>
  readonly makePlan: (input: PlanInput) => Promise<Plan>
  readonly images: ImageMode
}

async function operate(
  outer: Progress,
  options: OperationOptions,
  command: string,
  operation: Operation,
): Promise<OperationResult> {
  const { seam, mutations } = countingSeam(outer.seam)
  const progress = new Progress(seam, { signal: outer.signal, report: (report) => outer.report(report) })
  const startedMs = seam.monotonicMs()
  await using session = await Session.open(progress, options.spec, options.instances, options.services)
  const { input, plan } = await planUnderLock(progress, session, options, operation)
  const { unreachable } = input
  const nothingRan = { plan, instances: statusOf(input), run: undefined, unreachable }
  if (plan.findings.some((finding) => finding.severity === 'error'))
    return { ...nothingRan, outcome: 'blocked' }
  if (plan.steps.length > 0 && !(await options.confirm(plan))) return { ...nothingRan, outcome: 'declined' }

  await rememberTemplates(progress, input, plan, options.services.templates)
  options.onEvent({ kind: 'run-started', command, project: plan.project, steps: plan.steps.map(summaryOf) })
  const state = emptyState(marksOf(input), identitiesOf(input))
  const run = await runPlan(plan, contextOf(session, input.spec, options, state, operation.images), {
    seam,
    signal: outer.signal,
    onEvent: options.onEvent,
    parallel: (name) => hostOf(options.spec, name).parallel,
    parallelClones: options.spec.cloning.mode === 'sequential' ? 1 : options.spec.cloning.parallel,
  })
  const outcome = outcomeOf(run, plan, input)
  const instances = plan.steps.length > 0 ? await finalStatus(seam, session, input, state) : statusOf(input)
  options.onEvent({
    kind: 'run-finished',
    outcome,
    durationMs: seam.monotonicMs() - startedMs,
    mutations: mutations(),
    instances,
  })
  return { plan, outcome, instances, run, unreachable }
}

function outcomeOf(
  run: RunOutcome,
  plan: Plan,
  input: PlanInput,
): 'done' | 'unchanged' | 'failed' | 'cancelled' {
  if (run.cancelled) return 'cancelled'
  const blocked = new Set(plan.changes.flatMap((each) => (each.action === 'blocked' ? each.instance : [])))
  const isLeftOut = input.instances.some(({ name, host }) => input.unreachable.has(host) && blocked.has(name))
  if (run.errors.size > 0 || isLeftOut) return 'failed'
  return plan.steps.length === 0 ? 'unchanged' : 'done'
}

/**
 * A plan of which all hosts with work are locked. Where the spec says itself where everything is, these are locked
 * before they are looked at; else what is to be done tells which they are, and they are looked at again under the lock.
 */
async function planUnderLock(
  progress: Progress,
  session: Session,
  { instances, lockTimeoutMs, holder, locking }: OperationOptions,
  { purpose, adopt, makePlan }: Operation,
): Promise<{ readonly input: PlanInput; readonly plan: Plan }> {
  if (locking === 'none') {
    const input = await session.observe(progress, purpose, adopt)
    return { input, plan: await makePlan(input) }
  }
  const lock = (hosts: ReadonlySet<string>): Promise<void> =>
    session.lock(progress.child({ timeoutMs: lockTimeoutMs }), holder, hosts)
  if (instances.every(({ placement }) => placement === undefined))
    await lock(new Set(instances.map(({ host }) => host)))
  for (;;) {
    const input = await session.observe(progress, purpose, adopt)
    const plan = await makePlan(input)
    const busy = new Set(plan.steps.map(({ host }) => host))
    const { locked } = session
    if ([...busy].every((host) => locked.has(host))) return { input, plan }
    await lock(busy)
  }
}

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
  spec: ResolvedSpec,
  { services, onEvent }: OperationOptions,
  state: RunState,
  images: ImageMode,
): RunContext {
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
