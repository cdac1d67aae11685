import type { LifecycleRun } from '@vmwright/contract'
import type { Seam } from '../lib/seam.ts'

/** Keeps a file up to date with a run that goes on. */
export interface Notes {
  update(run: LifecycleRun): void
  stop(): void
}

/** A run of hundreds of guests changes many times a second; whoever reads of a killed one misses at most this. */
const everyMs = 1_000

/** Writes a run as unfinished: at once, then at most once a second, the last state in any case. */
export function openNotes(seam: Seam, write: (run: LifecycleRun) => void): Notes {
  const stopped = new AbortController()
  let isResting = false
  let waiting: LifecycleRun | undefined

  const rest = async (): Promise<void> => {
    isResting = true
    await seam.sleep(everyMs, stopped.signal)
    isResting = false
    if (waiting !== undefined) note(waiting)
  }
  const note = (run: LifecycleRun): void => {
    waiting = undefined
    write({ ...run, outcome: 'unfinished', durationMs: Math.max(0, seam.nowMs() - run.startedAtMs) })
    // It ends early only when it is stopped.
    rest().catch(() => {})
  }
  return {
    update(run) {
      if (stopped.signal.aborted) return
      if (isResting) waiting = run
      else note(run)
    },
    stop: () => stopped.abort(),
  }
}
