import { planBridgeRemoval, planBridges } from '../host/bridges.ts'
import { emptyPlan, planPrepare, withParts } from '../host/plan-prepare.ts'
import { planRestore } from '../host/plan-restore.ts'
import { isProvisionError, ProvisionError } from '../lib/errors.ts'
import { Progress } from '../lib/progress.ts'
import { countingSeam } from '../lib/seam.ts'
import type { Plan } from '../plan/plan.ts'
import type { HostSpec, ResolvedSpec } from '../spec/resolved.ts'
import { emptyState, type RunContext } from './context.ts'
import { type HostServices, lookAt, requireSystem } from './host-check.ts'
import { type EventBody, runPlan, type RunOutcome, summaryOf } from './run.ts'

export interface HostRunOptions {
  readonly spec: ResolvedSpec
  readonly hosts: readonly HostSpec[]
  readonly services: HostServices
  readonly onEvent: (event: EventBody) => void
  /** Asked with the plan before anything is done; `false` stops without a change. */
  readonly confirm: (plan: Plan) => Promise<boolean>
}

export interface HostRunResult {
  readonly plan: Plan
  readonly outcome: 'done' | 'unchanged' | 'failed' | 'cancelled' | 'blocked' | 'declined'
  readonly run: RunOutcome | undefined
}

/**
 * K2: makes hosts be as they should, each change on record on the host first. May be repeated: the second time there is
 * nothing to do. Throws what looking at the hosts throws, before anything is changed.
 */
export const prepareHosts = (progress: Progress, options: HostRunOptions): Promise<HostRunResult> =>
  runOnHosts(progress, options, 'host prepare', async (looking) => {
    looking.report({ what: `an answer of ${namesOf(options)}` })
    const looked = await Promise.all(options.hosts.map((spec) => lookAt(looking, spec, options.services)))
    const items = planPrepare(
      options.spec.project,
      looked.map(({ state }) => state),
    )
    const bridges = looked.map(({ state: { spec }, bridges: wanted }) => {
      const before = items.steps.filter(({ host }) => host === spec.name)
      return planBridges(
        spec.name,
        wanted,
        before.map(({ id }) => id),
      )
    })
    return withParts(items, bridges)
  })

/** K2: takes back what `prepareHosts` ever changed on these hosts, and forgets it. May be repeated. */
export const restoreHosts = (progress: Progress, options: HostRunOptions): Promise<HostRunResult> =>
  runOnHosts(progress, options, 'host restore', async (looking) => {
    looking.report({ what: `the record of ${namesOf(options)}` })
    const recorded = await Promise.all(
      options.hosts.map(async (spec) => {
        const { items, bridges } = requireSystem(options.services.openSystem(spec))
        const [changes, made] = await Promise.all([items.changes(looking), bridges.made(looking)])
        const machines = changes.length === 0 ? [] : await machinesOn(looking, spec, options.services)
        return { host: spec.name, changes, made, machines }
      }),
    )
    const hosts = recorded.map((each) => ({ ...each, removal: planBridgeRemoval(each.host, each.made) }))
    const { project } = options.spec
    const items = planRestore(
      project,
      hosts.map(({ removal, ...each }) => ({ ...each, bridges: removal.steps.map(({ id }) => id) })),
    )
    return withParts(emptyPlan(project), [...hosts.map(({ removal }) => removal), items])
  })

const namesOf = ({ hosts }: HostRunOptions): string => hosts.map(({ name }) => name).join(', ')

/** None where no hypervisor answers. */
async function machinesOn(
  progress: Progress,
  spec: HostSpec,
  services: HostServices,
): Promise<readonly string[]> {
  try {
    const host = await services.openHost(progress, spec)
    try {
      return (await host.observe(progress)).vms.map(({ name }) => name)
    } finally {
      await host.close()
    }
  } catch (error) {
    progress.check()
    if (!isProvisionError(error)) throw error
    return []
  }
}

async function runOnHosts(
  outer: Progress,
  options: HostRunOptions,
  command: string,
  makePlan: (progress: Progress) => Promise<Plan>,
): Promise<HostRunResult> {
  const { seam, mutations } = countingSeam(outer.seam)
  const progress = new Progress(seam, { signal: outer.signal, report: (report) => outer.report(report) })
  const startedMs = seam.monotonicMs()
  const plan = await makePlan(progress)
  if (plan.findings.some(({ severity }) => severity === 'error'))
    return { plan, outcome: 'blocked', run: undefined }
  if (plan.steps.length === 0) return { plan, outcome: 'unchanged', run: undefined }
  if (!(await options.confirm(plan))) return { plan, outcome: 'declined', run: undefined }

  options.onEvent({ kind: 'run-started', command, project: plan.project, steps: plan.steps.map(summaryOf) })
  const run = await runPlan(plan, contextOf(options), {
    seam,
    signal: outer.signal,
    onEvent: options.onEvent,
    // Changes of one host take turns on the host anyway.
    parallel: () => 1,
    parallelClones: 1,
  })
  const outcome = run.cancelled ? 'cancelled' : run.errors.size > 0 ? 'failed' : 'done'
  options.onEvent({
    kind: 'run-finished',
    outcome,
    durationMs: seam.monotonicMs() - startedMs,
    mutations: mutations(),
    instances: [],
  })
  return { plan, outcome, run }
}

/** Steps about hosts need the hosts alone. */
function contextOf({ spec, hosts, services, onEvent }: HostRunOptions): RunContext {
  const systems = new Map(hosts.map((host) => [host.name, services.openSystem(host)]))
  const unneeded = (): never => {
    throw new ProvisionError('internal.bug', { message: 'A step about a host asked for more than the host.' })
  }
  return {
    services: {
      spec,
      host: unneeded,
      system: (name) => systems.get(name) ?? unneeded(),
      ensureImage: unneeded,
      readSecret: unneeded,
      ownKey: unneeded,
      templates: { read: unneeded, write: unneeded },
    },
    state: emptyState([], []),
    notice: (level, message) => onEvent({ kind: 'notice', level, message }),
  }
}
