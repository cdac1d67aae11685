import type { StepRun } from '@vmwright/contract'
import type { Progress } from '../../lib/progress.ts'
import type { PhaseOutput } from '../output.ts'
import { StepFailure } from '../step-runs.ts'
import { type AnsibleEvent, describeEnd, type TaskEnd } from './events.ts'

/** Turns what Ansible tells into steps and readable output. */
export interface TaskLog {
  readonly steps: readonly StepRun[]
  /** The task that runs, or ran last. */
  readonly current: string
  take(event: AnsibleEvent): void
  /** The task that was running did not end by itself. */
  abandon(status: 'cancelled' | 'failed'): void
  /** What an exit code other than 0 means. */
  failure(exitCode: number): StepFailure
}

interface Running {
  readonly id: string
  readonly title: string
  readonly startedAtMs: number
  readonly startMs: number
}

export function taskLog(
  progress: Progress,
  output: PhaseOutput,
  listener: { onStep(step: StepRun): void },
): TaskLog {
  const steps: StepRun[] = []
  let last = 'ansible-playbook'
  let failing: string | undefined
  let running: Running | undefined
  let unreachable = false
  let failedRc: number | undefined

  const end = (status: StepRun['status'], exitCode: number | undefined): void => {
    if (running === undefined) return
    const { title, startedAtMs, startMs } = running
    const step = {
      title,
      status,
      startedAtMs,
      durationMs: progress.seam.monotonicMs() - startMs,
      exitCode,
    }
    running = undefined
    steps.push(step)
    listener.onStep(step)
  }

  const ended = (event: TaskEnd): void => {
    const isBad = (event.status === 'failed' && !event.ignored) || event.status === 'unreachable'
    output.write(isBad ? 'stderr' : 'stdout', describeEnd(event))
    if (event.event === 'item' || running?.id !== event.task) return
    if (isBad) {
      failedRc = event.result.rc
      unreachable = event.status === 'unreachable'
      failing = running.title
    }
    end(isBad ? 'failed' : event.status === 'skipped' ? 'skipped' : 'passed', event.result.rc)
  }

  return {
    steps,
    get current() {
      return running?.title ?? failing ?? last
    },
    take(event) {
      if (event.event === 'task') {
        // An include has no result of its own.
        end('passed', undefined)
        output.flush()
        const title = output.mask(event.name)
        last = title
        running = {
          id: event.task,
          title,
          startedAtMs: progress.seam.nowMs(),
          startMs: progress.seam.monotonicMs(),
        }
        output.write('stdout', `TASK ${event.name}\n`)
        progress.report({ what: title })
      } else if (event.event === 'result' || event.event === 'item') ended(event)
    },
    abandon: (status) => end(status, undefined),
    failure: (exitCode) => {
      if (unreachable)
        return new StepFailure('Ansible could not reach the guest', {
          exitCode,
          hint: 'The guest may have restarted or stopped its SSH server: look at the console. A task that restarts it is `ansible.builtin.reboot`.',
        })
      if (failing !== undefined) return new StepFailure('the task failed', { exitCode: failedRc ?? exitCode })
      const [what, hint] = meanings[exitCode] ?? [
        `ansible-playbook ended with exit code ${exitCode}`,
        'The log of the phase has what it printed.',
      ]
      return new StepFailure(what, { exitCode, hint })
    },
  }
}

/** ansible/executor/task_queue_manager.py and ansible/cli/__init__.py. */
const meanings: Readonly<Record<number, readonly [string, string]>> = {
  1: ['Ansible stopped with an error', 'The lines above it in the log of the phase say which.'],
  2: ['a task failed', 'The log of the phase has all that it printed.'],
  4: ['Ansible does not understand the file of tasks', 'Correct it at the line that Ansible names.'],
  5: ['Ansible does not know an option or a setting', 'Look at ansible.cfg and at its version.'],
  99: ['Ansible was interrupted', 'Run the command again.'],
  250: [
    'Ansible broke down',
    'Look at the log of the phase; the Python of this machine or a plug-in is at fault.',
  ],
}
