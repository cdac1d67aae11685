import type { ErrorReport } from './errors.ts'

/**
 * G10. What became of a run of lifecycles: `results.json` in its folder, of which JUnit XML and the report are made.
 * Times are milliseconds since the epoch; paths are relative to the folder of the run, with `/` between their parts.
 * `unfinished` stands in the file of a run that goes on, or whose process was killed.
 */
export interface LifecycleRun {
  readonly version: 1
  /** Name of its folder: `20261121T101500Z-4711`, the time in UTC and the process. */
  readonly id: string
  readonly project: string
  readonly startedAtMs: number
  /** Of an unfinished run: until the file was written. */
  readonly durationMs: number
  readonly outcome: 'passed' | 'failed' | 'cancelled' | 'unfinished'
  readonly guests: readonly GuestRun[]
}

export interface GuestRun {
  readonly name: string
  readonly host: string
  readonly platform: string | undefined
  readonly target: string | undefined
  readonly outcome: 'passed' | 'failed' | 'cancelled' | 'not-run' | 'unfinished'
  /** In the order of their start. */
  readonly actions: readonly ActionRun[]
  /** Why nothing was done, for `not-run`. */
  readonly because: string | undefined
  /** Relative paths of what `fetch` brought. */
  readonly fetched: readonly string[]
}

/** One thing that was done, left out, taken from the cache, or waited for. */
export interface ActionRun {
  /**
   * An action of the lifecycle (`startup`, `restore-init`, `main`, …), or `queue` (waited for room), `create` (the
   * machine was made), `connect`, `clock`, `create-dependencies`, `restore-dependencies`, `recover` (an earlier run
   * that had been killed was ended), `prepare` (only where what comes before all others failed).
   */
  readonly action: string
  readonly status: 'passed' | 'failed' | 'cancelled' | 'skipped' | 'cached' | 'unfinished'
  readonly startedAtMs: number
  readonly durationMs: number
  /** Why it was left out, or what it was taken from: `no file`, `not allowed`, `restored from shop.4f2a.init`. */
  readonly because: string | undefined
  readonly error: ErrorReport | undefined
  /** Log of all output, for phases. */
  readonly log: string | undefined
  readonly steps: readonly StepRun[]
}

export interface StepRun {
  readonly title: string
  readonly status: 'passed' | 'failed' | 'cancelled' | 'skipped'
  readonly startedAtMs: number
  readonly durationMs: number
  readonly exitCode: number | undefined
}
