import type { ErrorReport } from '@vmwright/contract'
import { reportOf } from '../lib/error-report.ts'
import type { Progress } from '../lib/progress.ts'
import type { EventBody } from './run.ts'

/** One piece of work outside the plan of an apply, told by the same events. */
export interface Task {
  readonly id: string
  /** `pull-image`, `restore-snapshot` */
  readonly kind: string
  readonly host: string
  readonly instance?: string
  readonly title: string
  readonly run: (progress: Progress) => Promise<void>
}

export interface TaskOptions {
  readonly command: string
  readonly project: string
  readonly onEvent: (event: EventBody) => void
  /** `stop`: each task needs those before it. */
  readonly onFailure: 'stop' | 'go-on'
}

export interface TaskOutcome {
  readonly outcome: 'done' | 'failed' | 'cancelled'
  /** By task id. */
  readonly errors: ReadonlyMap<string, ErrorReport>
}

/** Runs the tasks one after another and tells about each. Resolves also when some failed. */
export async function runTasks(
  progress: Progress,
  tasks: readonly Task[],
  options: TaskOptions,
): Promise<TaskOutcome> {
  const { onEvent } = options
  const errors = new Map<string, ErrorReport>()
  const steps = tasks.map(({ run: _run, ...summary }, index) => {
    const before = options.onFailure === 'stop' ? tasks[index - 1] : undefined
    return { ...summary, reason: 'asked for', after: before === undefined ? [] : [before.id] }
  })
  onEvent({ kind: 'run-started', command: options.command, project: options.project, steps })
  for (const task of tasks) {
    const isStopped = progress.signal.aborted || (options.onFailure === 'stop' && errors.size > 0)
    const because = [...errors.keys()].at(-1) ?? 'cancelled'
    if (isStopped) onEvent({ kind: 'step-skipped', step: task.id, because })
    else await runTask(progress, task, onEvent, errors)
  }
  const outcome = progress.signal.aborted ? 'cancelled' : errors.size > 0 ? 'failed' : 'done'
  return { outcome, errors }
}

async function runTask(
  progress: Progress,
  task: Task,
  onEvent: TaskOptions['onEvent'],
  errors: Map<string, ErrorReport>,
): Promise<void> {
  const step = task.id
  const startedMs = progress.seam.monotonicMs()
  const duration = (): number => progress.seam.monotonicMs() - startedMs
  onEvent({ kind: 'step-started', step })
  try {
    await task.run(
      progress.child({ report: (report) => onEvent({ kind: 'step-progress', step, ...report }) }),
    )
    onEvent({ kind: 'step-finished', step, durationMs: duration() })
  } catch (thrown) {
    const error = reportOf(thrown, progress.signal)
    errors.set(step, error)
    onEvent({ kind: 'step-failed', step, durationMs: duration(), error })
  }
}
