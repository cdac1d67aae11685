import type { GuestRun, LifecycleRun } from '@vmwright/contract'
import { Progress } from '../../lib/progress.ts'
import { countingSeam } from '../../lib/seam.ts'
import type { InstanceSpec, ResolvedSpec } from '../../spec/resolved.ts'
import type { EventBody } from '../run.ts'
import { findCandidates, requireRoom, stepsOf } from './plan-run.ts'
import { Queue } from './queue.ts'
import type { LifecycleServices } from './services.ts'
import { surveyHosts } from './survey.ts'

export interface LifecycleOptions {
  readonly spec: ResolvedSpec
  /** All, or those that were named. */
  readonly instances: readonly InstanceSpec[]
  readonly services: LifecycleServices
  readonly onEvent: (event: EventBody) => void
  /** Told to others who want the same guest or host: `vmwright run by ann@laptop`. */
  readonly holder: string
  readonly lockTimeoutMs: number
  /** Guests that are made anew whatever they are. */
  readonly rebuild: ReadonlySet<string>
  /** No shutdown at the end; `terminate` runs all the same. */
  readonly keepRunning: boolean
  /** After the first guest that fails no further one starts, and those that run are cancelled. */
  readonly failFast: boolean
  /** Guests at once, besides the budget of the spec. */
  readonly parallel: number | undefined
}

export interface LifecycleResult {
  readonly run: LifecycleRun
  /** `results.unwritable`, when what is to stay of the run could not be written as a whole at its end. */
  readonly unwritten: unknown
}

/**
 * G1-G9. Runs the lifecycles of the guests, side by side as far as there is room. Resolves also when guests failed, or
 * when it was cancelled: all that had begun is ended first. Before anything is begun it throws `phase.invalid`,
 * `run.no-room`, `results.unwritable`, and the `host.*` errors when no host answers.
 */
export async function runLifecycles(outer: Progress, options: LifecycleOptions): Promise<LifecycleResult> {
  const { seam, mutations } = countingSeam(outer.seam)
  const stopping = new AbortController()
  const progress = new Progress(seam, {
    signal: AbortSignal.any([outer.signal, stopping.signal]),
    report: (report) => outer.report(report),
  })
  const { spec, services, onEvent } = options
  const candidates = await findCandidates(progress, spec, options.instances, services)
  const outermost = candidates.flatMap(({ instance, inside }) => (inside === undefined ? [instance] : []))
  const survey = await surveyHosts(progress, spec, outermost, options)
  requireRoom(spec, candidates, survey)
  const results = await services.openResults(progress)
  const runOf = (outcome: LifecycleRun['outcome'], guests: readonly GuestRun[]): LifecycleRun => ({
    version: 1,
    id: results.id,
    project: spec.project,
    startedAtMs: results.startedAtMs,
    durationMs: seam.nowMs() - results.startedAtMs,
    outcome,
    guests,
  })
  const steps = candidates.flatMap(stepsOf)
  onEvent({ kind: 'run-started', command: 'run', project: spec.project, steps })
  const queue = new Queue(progress, {
    options,
    candidates,
    survey,
    results,
    onChange: (guests) => results.update(runOf('unfinished', guests)),
    stop: (because) => stopping.abort(new Error(because)),
  })
  // From here on each action tells of itself.
  const guests = await queue.run(progress.child({ report: () => {} }))
  const run = runOf(outcomeOf(guests, outer.signal), guests)
  const unwritten: unknown = await results.finish(new Progress(seam), run).then(
    () => undefined,
    (error: unknown) => error,
  )
  onEvent({
    kind: 'run-finished',
    outcome: run.outcome === 'passed' ? 'done' : run.outcome === 'cancelled' ? 'cancelled' : 'failed',
    durationMs: run.durationMs,
    mutations: mutations(),
    instances: [],
  })
  return { run, unwritten }
}

/** A failure says more than a cancellation. */
function outcomeOf(guests: readonly GuestRun[], signal: AbortSignal): LifecycleRun['outcome'] {
  if (guests.some(({ outcome }) => outcome === 'failed')) return 'failed'
  if (signal.aborted) return 'cancelled'
  return guests.every(({ outcome }) => outcome === 'passed') ? 'passed' : 'failed'
}
