import type { ErrorReport, RunEvent, StepSummary } from '@vmwright/contract'
import { reportOf } from '../lib/error-report.ts'
import { Progress, type ProgressReport } from '../lib/progress.ts'
import type { Seam } from '../lib/seam.ts'
import type { Plan, Step } from '../plan/plan.ts'
import type { RunContext } from './context.ts'
import { runStep } from './handlers.ts'
import { startable, unreachable, type StepState } from './schedule.ts'
import { isCreationStep, releaseUnused, undoCreation } from './undo.ts'

/** An event without its time, which the runner adds. */
export type EventBody = RunEvent extends infer E ? (E extends RunEvent ? Omit<E, 'atMs'> : never) : never

export interface RunOptions {
  readonly seam: Seam
  /** Aborting it cancels: running steps stop where they safely can, no further step starts, nothing is undone. */
  readonly signal: AbortSignal
  readonly onEvent: (event: EventBody) => void
  readonly parallel: (host: string) => number
  /** Disks that may be cloned at once on a host. */
  readonly parallelClones: number
}

export interface RunOutcome {
  readonly states: ReadonlyMap<string, StepState>
  readonly errors: ReadonlyMap<string, ErrorReport>
  readonly cancelled: boolean
}

/**
 * Runs the steps of a plan. A failed step stops what depends on it and nothing else; a creation that fails is
 * undone, a cancelled one is left for the next run to go on with. Resolves also when steps failed.
 */
export async function runPlan(plan: Plan, context: RunContext, options: RunOptions): Promise<RunOutcome> {
  const states = new Map<string, StepState>(plan.steps.map((step) => [step.id, 'waiting']))
  const errors = new Map<string, ErrorReport>()
  const running = new Map<string, Promise<void>>()
  const { parallel, parallelClones } = options
  const view = { steps: plan.steps, states, parallel, parallelClones }

  const start = (step: Step): void => {
    states.set(step.id, 'running')
    const work = execute(step, context, options).then((failure) => {
      states.set(step.id, failure === undefined ? 'done' : 'failed')
      if (failure !== undefined) errors.set(step.id, failure)
      running.delete(step.id)
    })
    running.set(step.id, work)
  }

  for (;;) {
    for (const { step, because } of unreachable(view)) {
      states.set(step.id, 'skipped')
      options.onEvent({ kind: 'step-skipped', step: step.id, because })
    }
    if (!options.signal.aborted) startable(view).forEach(start)
    if (running.size === 0) break
    await Promise.race(running.values())
  }

  if (!options.signal.aborted) await undoFailedCreations(plan, states, context, options)
  return { states, errors, cancelled: options.signal.aborted }
}

/** Resolves with the failure instead of throwing it: the runner goes on with the other steps. */
async function execute(
  step: Step,
  context: RunContext,
  options: RunOptions,
): Promise<ErrorReport | undefined> {
  const { seam, onEvent, signal } = options
  const startedMs = seam.monotonicMs()
  const report = (progress: ProgressReport): void =>
    onEvent({ kind: 'step-progress', step: step.id, ...progress })
  onEvent({ kind: 'step-started', step: step.id })
  try {
    await runStep(new Progress(seam, { signal, report }), step, context)
    onEvent({ kind: 'step-finished', step: step.id, durationMs: seam.monotonicMs() - startedMs })
    return undefined
  } catch (thrown) {
    const error = reportOf(thrown, signal)
    onEvent({ kind: 'step-failed', step: step.id, durationMs: seam.monotonicMs() - startedMs, error })
    return error
  }
}

async function undoFailedCreations(
  plan: Plan,
  states: ReadonlyMap<string, StepState>,
  context: RunContext,
  options: RunOptions,
): Promise<void> {
  const unmade = plan.steps.filter((step) => states.get(step.id) === 'failed' && isCreationStep(step))
  const limited = (): Progress =>
    new Progress(options.seam, { signal: options.signal }).child({ timeoutMs: 60_000 })
  const instances = new Set(unmade.flatMap((step) => step.instance ?? []))
  for (const instance of instances) {
    const steps = plan.steps.filter((step) => step.instance === instance)
    await undoCreation(limited(), steps, states, context)
  }
  if (instances.size > 0) await releaseUnused(limited, plan.steps, states, context)
}

export const summaryOf = (step: Step): StepSummary => ({
  id: step.id,
  kind: step.kind,
  host: step.host,
  ...(step.instance === undefined ? {} : { instance: step.instance }),
  title: step.title,
  reason: step.reason,
  after: step.after,
})
