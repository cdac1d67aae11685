import type { StepRun } from '@vmwright/contract'
import { isProvisionError, messageOf, ProvisionError } from '../lib/errors.ts'
import type { Progress } from '../lib/progress.ts'
import { formatDuration } from '../lib/units.ts'
import type { PhaseName } from '../spec/resolved-lifecycle.ts'
import type { PhaseOutput } from './output.ts'

/** What failed, for messages. */
export interface Failing {
  readonly guest: string
  readonly phase: PhaseName
  readonly output: PhaseOutput
  readonly steps: readonly StepRun[]
}

/** A step ended as it should not have; becomes `phase.failed` with all that is known of the phase. */
export class StepFailure extends Error {
  override readonly name = 'StepFailure'
  readonly exitCode: number | undefined
  readonly hint: string | undefined

  constructor(message: string, facts: { exitCode?: number; hint?: string; cause?: unknown } = {}) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause })
    this.exitCode = facts.exitCode
    this.hint = facts.hint
  }
}

/** `phase.failed` or `phase.timeout` for what a step threw; what is no failure of the step stays as it is. */
export function phaseError(
  thrown: unknown,
  { guest, phase, output, steps }: Failing,
  step: { readonly title: string; readonly kind: string; readonly limitMs: number | undefined },
  progress: Progress,
): unknown {
  if (isProvisionError(thrown, 'internal.bug') || isProvisionError(thrown, 'phase.invalid')) return thrown
  const lastLines = output.tail()
  const where = `The phase ${phase} of ${guest}`
  const title = output.mask(step.title)
  const details = { guest, phase, step: title, steps, lastLines }
  if (isTimeout(thrown) || progress.remainingMs <= 0) {
    const limit = step.limitMs === undefined ? 'the time that it has' : formatDuration(step.limitMs)
    const by = step.limitMs === undefined ? '`lifecycle.phaseTimeout`' : 'the `timeout` of the step'
    return new ProvisionError('phase.timeout', {
      message: `${where} took longer than ${limit} in the step "${title}".`,
      hint: `Find out what it waits for in the log of the phase, or raise ${by}.`,
      details,
      cause: thrown,
    })
  }
  const lost = isLost(thrown) && step.kind !== 'reboot'
  const last = lastLines.at(-1)
  const what = lost
    ? 'the connection to the guest was lost'
    : thrown instanceof StepFailure || isProvisionError(thrown)
      ? output.mask(thrown.message).replace(/\.$/, '')
      : output.mask(messageOf(thrown))
  const hint = lost
    ? 'A step that restarts the guest is `reboot`; otherwise look at the console, the guest may have crashed or stopped its server.'
    : thrown instanceof StepFailure || isProvisionError(thrown)
      ? thrown.hint
      : undefined
  return new ProvisionError('phase.failed', {
    message: `${where} failed in the step "${title}": ${what}.${last === undefined ? '' : ` Its last line: ${last.slice(0, 400)}`}`,
    ...(hint !== undefined && { hint }),
    details: { ...details, ...(thrown instanceof StepFailure && { exitCode: thrown.exitCode }) },
    cause: thrown,
  })
}

export const isTimeout = (thrown: unknown): boolean =>
  isProvisionError(thrown, 'wait.timeout') || isProvisionError(thrown, 'host.timeout')

export const isLost = (thrown: unknown): boolean =>
  isProvisionError(thrown, 'guest.port-closed') || isProvisionError(thrown, 'guest.agent-silent')
