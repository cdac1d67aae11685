import { isProvisionError } from '../lib/errors.ts'
import type { Progress } from '../lib/progress.ts'

/** With the pauses below, an unreachable publisher is known after some four seconds. */
const maxTries = 4
const firstPauseMs = 500
const maxPauseMs = 15_000
/** Trying again helps against hiccups, which fail fast; where packets vanish, each try lasts as long as the first. */
const unreachableLimitMs = 10_000

/**
 * Calls `attempt` again after retryable failures, with growing pauses, up to four times in a row and within the
 * deadline; a publisher that could not be reached for ten seconds is not asked again. `madeProgress` tells, and
 * forgets, whether the failed attempt got anywhere: then the count starts anew.
 */
export async function retrying<T>(
  progress: Progress,
  what: string,
  attempt: () => Promise<T>,
  madeProgress: () => boolean = () => false,
): Promise<T> {
  let startedMs = progress.seam.monotonicMs()
  for (let failures = 0; ; failures++) {
    progress.check()
    try {
      return await attempt()
    } catch (error) {
      if (!isProvisionError(error) || !error.retryable) throw error
      const lastedMs = progress.seam.monotonicMs() - startedMs
      if (madeProgress()) {
        failures = 0
        startedMs += lastedMs
      } else if (error.code === 'image.unreachable' && lastedMs > unreachableLimitMs) throw error
      if (failures + 1 >= maxTries) throw error
      const pauseMs = Math.min(maxPauseMs, firstPauseMs * 2 ** failures)
      if (progress.remainingMs <= pauseMs) throw error
      progress.report({ what: `${what} again: ${error.message}` })
      await progress.sleep(pauseMs)
    }
  }
}
