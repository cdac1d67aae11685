import { isProvisionError } from '../lib/errors.ts'
import type { Progress } from '../lib/progress.ts'

/** With the pauses below, an unreachable publisher is known after some four seconds. */
const maxTries = 4
const firstPauseMs = 500
const maxPauseMs = 15_000

/**
 * Calls `attempt` again after retryable failures, with growing pauses, up to four times in a row and within the
 * deadline. `madeProgress` tells, and forgets, whether the failed attempt got anywhere: then the count starts anew.
 */
export async function retrying<T>(
  progress: Progress,
  what: string,
  attempt: () => Promise<T>,
  madeProgress: () => boolean = () => false,
): Promise<T> {
  for (let failures = 0; ; failures++) {
    progress.check()
    try {
      return await attempt()
    } catch (error) {
      if (!isProvisionError(error) || !error.retryable) throw error
      if (madeProgress()) failures = 0
      if (failures + 1 >= maxTries) throw error
      const pauseMs = Math.min(maxPauseMs, firstPauseMs * 2 ** failures)
      if (progress.remainingMs <= pauseMs) throw error
      progress.report({ what: `${what} again: ${error.message}` })
      await progress.sleep(pauseMs)
    }
  }
}
