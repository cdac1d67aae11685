import type { LifecycleRun } from '@vmwright/contract'
import { ProvisionError } from '../lib/errors.ts'
import type { Progress } from '../lib/progress.ts'
import type { PhaseLog } from './phase-log.ts'

export type { PhaseLog } from './phase-log.ts'

/** The folder of one run: logs as they come, fetched files, and what became of it all. */
export interface Results {
  readonly id: string
  /** Absolute. */
  readonly folder: string
  readonly startedAtMs: number
  /** A new log, `<guest>/<NN>-<phase>.log`. Never throws: what could not be written is told by `finish`. */
  log(guest: string, phase: string): PhaseLog
  /** Absolute; made when it is asked for, and taken away by `finish` if nothing came. */
  fetchFolder(guest: string): string
  /** What lies in it: paths relative to the folder of the run, for `GuestRun.fetched`. */
  fetched(guest: string): readonly string[]
  /**
   * Notes how far the run is, with `outcome: 'unfinished'`, so that a killed one can be read. Cheap: calls are
   * gathered and the last one is written. Never throws.
   */
  update(run: LifecycleRun): void
  /**
   * Writes `results.json`, `junit.xml` and `report.html`. Throws `results.unwritable` when one of them, or a log
   * before them, could not be written.
   */
  finish(progress: Progress, run: LifecycleRun): Promise<void>
}

export interface ResultsPlace {
  /** Absolute; of all runs. */
  readonly folder: string
  readonly project: string
  /** So many runs stay, this one with them; `undefined`: all of them. */
  readonly keep: number | undefined
}

/** Of runs that nobody has said how many to keep of. */
export const defaultKeep = 20

/**
 * Makes the folder of a run (mode 0700), points `latest` to it, and removes the oldest runs beyond `keep`. Only
 * folders with the mark of a run are removed, and none whose process is alive. Throws `results.unwritable`.
 */
export async function openResults(_progress: Progress, _place: ResultsPlace): Promise<Results> {
  throw new ProvisionError('internal.bug', { message: 'Results cannot be opened yet.' })
}
