import type { GuestChannel } from '../../guest/channel.ts'
import { isProvisionError } from '../../lib/errors.ts'
import type { Progress } from '../../lib/progress.ts'
import type { PhaseStep } from '../../spec/resolved-lifecycle.ts'
import { isLost, isTimeout, StepFailure } from '../step-runs.ts'
import type { StepContext } from './run-native.ts'
import { say } from './shell.ts'
import { wordsFor } from './words.ts'

/** Where the step says nothing. */
export const rebootLimitMs = 10 * 60_000
/** A guest that goes down may take a connection and never answer. */
const attemptMs = 15_000

/** Restarts the guest and resolves when a new connection shows another boot id. */
export async function rebootStep(
  progress: Progress,
  step: Extract<PhaseStep, { kind: 'reboot' }>,
  context: StepContext,
): Promise<undefined> {
  const limited = progress.child({ timeoutMs: step.timeoutMs ?? rebootLimitMs })
  const channel = await context.channel(limited)
  const before = await bootId(limited, channel)
  const asked = await channel
    .run(limited, { script: wordsFor(channel).reboot, user: 'root' })
    .catch((error: unknown) => {
      if (isLost(error)) return undefined
      throw error
    })
  if (asked !== undefined && asked.exitCode !== 0)
    throw new StepFailure(`the guest does not restart: ${asked.stderr.trim()}`, { exitCode: asked.exitCode })
  await close(channel)
  await limited.poll({ everyMs: 1_000, what: `${context.phase.guest} to come back` }, async () => {
    const after = await attempt(limited.child({ timeoutMs: attemptMs }), context)
    return after === undefined || after === before ? undefined : true
  })
}

/** The boot id by a connection of its own; `undefined` while there is none. */
async function attempt(progress: Progress, context: StepContext): Promise<string | undefined> {
  let channel: GuestChannel | undefined
  try {
    channel = await context.channel(progress)
    return await bootId(progress, channel)
  } catch (error) {
    if (isLasting(error)) throw error
    if (channel !== undefined) await close(channel)
    return undefined
  }
}

/** While a guest starts it may refuse logins; that another machine answers does not go away. */
const isLasting = (error: unknown): boolean =>
  !(
    isLost(error) ||
    isTimeout(error) ||
    error instanceof StepFailure ||
    isProvisionError(error, 'guest.ssh-refused') ||
    isProvisionError(error, 'guest.no-address')
  )

async function bootId(progress: Progress, channel: GuestChannel): Promise<string> {
  const { stdout } = await say(progress, channel, { script: wordsFor(channel).bootId }, 'reading the boot id')
  return stdout.trim()
}

/** So that the next one is new: the old one may not notice for long that the guest is gone. */
const close = async (channel: GuestChannel): Promise<void> => {
  await channel[Symbol.asyncDispose]()
}
