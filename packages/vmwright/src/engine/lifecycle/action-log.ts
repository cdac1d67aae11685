import type { ActionRun, StepRun } from '@vmwright/contract'
import { reportOf } from '../../lib/error-report.ts'
import type { Progress } from '../../lib/progress.ts'
import type { Seam } from '../../lib/seam.ts'
import type { EventBody } from '../run.ts'

/** What an action tells of itself while it is done. */
export interface ActionNote {
  /** It is taken from what is kept. */
  cached?: true
  because?: string
  log?: string
  readonly steps: StepRun[]
}

export interface ActionLogOptions {
  readonly guest: string
  readonly seam: Seam
  readonly onEvent: (event: EventBody) => void
  /** At the start and the end of each. */
  readonly onChange: () => void
}

/** All that is done with one guest, in the order of its start; told as events too. */
export class ActionLog {
  readonly #options: ActionLogOptions
  readonly #entries: ActionRun[] = []
  readonly #running = new Set<{
    readonly action: string
    readonly startedAtMs: number
    readonly note: ActionNote
  }>()
  /** What was thrown and is told by an entry. */
  readonly #told = new WeakSet()

  constructor(options: ActionLogOptions) {
    this.#options = options
  }

  /** With those that are being done, as `unfinished`. */
  get entries(): readonly ActionRun[] {
    const nowMs = this.#options.seam.nowMs()
    const unfinished = [...this.#running].map(({ action, startedAtMs, note }): ActionRun => {
      const { because, log, steps } = note
      const durationMs = nowMs - startedAtMs
      return { action, status: 'unfinished', startedAtMs, durationMs, because, error: undefined, log, steps }
    })
    return [...this.#entries, ...unfinished].toSorted((a, b) => a.startedAtMs - b.startedAtMs)
  }

  get hasFailed(): boolean {
    return this.#entries.some(({ status }) => status === 'failed')
  }

  has(action: string): boolean {
    return this.#entries.some((entry) => entry.action === action)
  }

  /** The first action that did not pass. */
  get stoppedAt(): ActionRun | undefined {
    return this.#entries.find(({ status }) => status === 'failed' || status === 'cancelled')
  }

  /** Does it, and throws what it throws. What is thrown after a cancellation counts as cancelled. */
  async run<T>(
    progress: Progress,
    action: string,
    work: (progress: Progress, note: ActionNote) => Promise<T>,
  ): Promise<T> {
    const { seam, onEvent } = this.#options
    const step = stepId(this.#options.guest, action)
    const [startedAtMs, sinceMs] = [seam.nowMs(), seam.monotonicMs()]
    const note: ActionNote = { steps: [] }
    const begun = { action, startedAtMs, note }
    this.#running.add(begun)
    const end = (status: ActionRun['status'], error?: ActionRun['error']): number => {
      this.#running.delete(begun)
      const durationMs = seam.monotonicMs() - sinceMs
      const { because, log, steps } = note
      this.#add({ action, status, startedAtMs, durationMs, because, error, log, steps })
      return durationMs
    }
    onEvent({ kind: 'step-started', step })
    this.#options.onChange()
    const told = progress.child({ report: (report) => onEvent({ kind: 'step-progress', step, ...report }) })
    try {
      const result = await work(told, note)
      onEvent({ kind: 'step-finished', step, durationMs: end(note.cached === true ? 'cached' : 'passed') })
      return result
    } catch (thrown) {
      const error = reportOf(thrown, progress.signal)
      const durationMs = end(progress.signal.aborted ? 'cancelled' : 'failed', error)
      onEvent({ kind: 'step-failed', step, durationMs, error })
      this.#remember(thrown)
      throw thrown
    }
  }

  /** Left out, or `cached`: what it would do is there already. */
  skip(action: string, because: string, status: 'skipped' | 'cached' = 'skipped'): void {
    const { seam, onEvent, guest } = this.#options
    const what = { action, status, startedAtMs: seam.nowMs(), durationMs: 0, because }
    this.#add({ ...what, error: undefined, log: undefined, steps: [] })
    onEvent({ kind: 'step-skipped', step: stepId(guest, action), because })
  }

  /** What has been waited for before there was anything to do. */
  waited(action: string, because: string, sinceMs: number): void {
    const nowMs = this.#options.seam.nowMs()
    const times = { startedAtMs: sinceMs, durationMs: nowMs - sinceMs }
    this.#add({ action, status: 'passed', ...times, because, error: undefined, log: undefined, steps: [] })
  }

  /** Adds what ended the work where no entry tells of it yet. */
  explain(progress: Progress, action: string, thrown: unknown): void {
    if (thrown instanceof Error && this.#told.has(thrown)) return
    this.#remember(thrown)
    const error = reportOf(thrown, progress.signal)
    const status = progress.signal.aborted ? 'cancelled' : 'failed'
    const startedAtMs = this.#options.seam.nowMs()
    this.#add({
      action,
      status,
      startedAtMs,
      durationMs: 0,
      because: undefined,
      error,
      log: undefined,
      steps: [],
    })
    const step = stepId(this.#options.guest, action)
    this.#options.onEvent({ kind: 'step-failed', step, durationMs: 0, error })
  }

  /** Tells of the steps that were announced and that no entry told of. */
  close(steps: readonly string[]): void {
    const told = new Set(this.#entries.map(({ action }) => stepId(this.#options.guest, action)))
    for (const step of steps)
      if (!told.has(step)) this.#options.onEvent({ kind: 'step-skipped', step, because: 'not needed' })
  }

  #remember(thrown: unknown): void {
    if (thrown instanceof Error) this.#told.add(thrown)
  }

  #add(entry: ActionRun): void {
    this.#entries.push(entry)
    this.#options.onChange()
  }
}

export const stepId = (guest: string, action: string): string => `${guest}/${action}`
