import type { GuestAccess } from '../hypervisor/guest-access.ts'
import { isProvisionError } from '../lib/errors.ts'
import type { Progress } from '../lib/progress.ts'

const askEveryMs = 200
const firstQuestionMs = 500

/**
 * Resolves with how a process in the guest ended. The agent writes each question into the guest's journal, which an
 * emulated guest feels: the longer it takes, the less often it is asked.
 */
export async function untilEnded(
  progress: Progress,
  guest: GuestAccess,
  pid: unknown,
  what: string,
): Promise<Readonly<Record<string, unknown>>> {
  const { seam } = progress
  const sinceMs = seam.monotonicMs()
  for (let pauseMs = firstQuestionMs; ; pauseMs = Math.max(askEveryMs, (seam.monotonicMs() - sinceMs) / 4)) {
    await progress.sleep(pauseMs)
    const status = await untilHeard(progress, what, async () =>
      fieldsOf(await guest.agent(progress, 'guest-exec-status', { pid })),
    )
    if (status['exited'] === true) return status
  }
}

/**
 * Ten guests that wake at once on two processors let libvirt wait too long for their agents now and then. Asking again
 * does no harm: the script may run twice, and the waiting process heeds nothing after its first `end`.
 */
export const untilHeard = <T>(
  progress: Progress,
  what: string,
  ask: () => Promise<T | undefined>,
): Promise<T> =>
  progress.poll({ everyMs: askEveryMs, what }, () =>
    ask().catch((error: unknown) => {
      progress.check()
      if (isProvisionError(error, 'guest.agent-silent')) return undefined
      throw error
    }),
  )

/** Of an answer of the agent. */
export const fieldsOf = (reply: unknown): Readonly<Record<string, unknown>> =>
  typeof reply === 'object' && reply !== null ? (reply as Record<string, unknown>) : {}
