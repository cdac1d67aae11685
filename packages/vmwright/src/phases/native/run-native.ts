import type { StepRun } from '@vmwright/contract'
import type { GuestChannel } from '../../guest/channel.ts'
import type { Progress } from '../../lib/progress.ts'
import type { PhaseStep } from '../../spec/resolved-lifecycle.ts'
import { phaseOutput, type PhaseOutput } from '../output.ts'
import type { Phase } from '../phase.ts'
import type { PhaseContext } from '../run.ts'
import { phaseError, StepFailure } from '../step-runs.ts'
import { copyStep } from './copy.ts'
import { fetchStep } from './fetch.ts'
import { prepareSteps, type Prepared } from './prepare.ts'
import { rebootLimitMs, rebootStep } from './reboot.ts'
import { scriptStep, shellStep } from './shell.ts'
import { waitStep } from './wait.ts'

export interface StepContext {
  readonly phase: PhaseContext
  readonly output: PhaseOutput
  readonly prepared: Prepared
  channel(progress: Progress): Promise<GuestChannel>
}

/** Runs native steps one after the other; the first that fails ends the phase. */
export async function runNative(
  progress: Progress,
  phase: Extract<Phase, { kind: 'native' }>,
  context: PhaseContext,
): Promise<readonly StepRun[]> {
  const { guest, facts } = context
  const vm = { name: guest, ...facts }
  // Whatever is wrong with files of this machine is told before the guest is touched.
  const prepared = await prepareSteps(progress, phase, { ...phase.variables, ...context.variables, vm })
  const output = phaseOutput(Object.values(context.secrets), (stream, text) => context.onOutput(stream, text))
  const steps: StepRun[] = []
  const record = (step: StepRun): void => {
    steps.push(step)
    context.onStep(step)
  }
  for (const step of phase.steps) {
    progress.check()
    const startedAtMs = progress.seam.nowMs()
    const start = progress.seam.monotonicMs()
    const runOf = (status: StepRun['status'], exitCode: number | undefined): StepRun => ({
      title: output.mask(step.title),
      status,
      startedAtMs,
      durationMs: progress.seam.monotonicMs() - start,
      exitCode,
    })
    const limited = progress.child(step.timeoutMs === undefined ? {} : { timeoutMs: step.timeoutMs })
    try {
      progress.report({ what: `${phase.name}: ${output.mask(step.title)}` })
      const exitCode = await runStep(limited, step, {
        phase: context,
        output,
        prepared,
        channel: (with_) => context.channel.current(with_),
      })
      output.flush()
      record(runOf('passed', exitCode))
    } catch (error) {
      output.flush()
      record(
        runOf(
          progress.signal.aborted ? 'cancelled' : 'failed',
          error instanceof StepFailure ? error.exitCode : undefined,
        ),
      )
      progress.check()
      throw phaseError(
        error,
        { guest, phase: phase.name, output, steps },
        { title: step.title, kind: step.kind, limitMs: limitThatWasOver(progress, step) },
        limited,
      )
    }
  }
  return steps
}

/** That of the step, unless the phase's was over first. */
const limitThatWasOver = (progress: Progress, step: PhaseStep): number | undefined =>
  progress.remainingMs <= 0
    ? undefined
    : (step.timeoutMs ?? (step.kind === 'reboot' ? rebootLimitMs : undefined))

/** The exit code, of steps that have one. */
function runStep(progress: Progress, step: PhaseStep, context: StepContext): Promise<number | undefined> {
  switch (step.kind) {
    case 'shell':
      return shellStep(progress, step, context)
    case 'script':
      return scriptStep(progress, step, context)
    case 'copy':
    case 'template':
      return copyStep(progress, step, context)
    case 'fetch':
      return fetchStep(progress, step, context)
    case 'reboot':
      return rebootStep(progress, step, context)
    case 'wait':
      return waitStep(progress, step, context)
  }
}
