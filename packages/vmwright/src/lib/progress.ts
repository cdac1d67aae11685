import type { ErrorCode } from '@vmwright/contract'
import { isProvisionError, ProvisionError } from './errors.ts'
import type { Seam } from './seam.ts'

/** What a long operation tells while it runs. The engine turns it into events of the step. */
export interface ProgressReport {
  /** What it waits for or does now, as a short phrase: `SSH on 192.168.122.17`. */
  readonly what: string
  readonly done?: number
  readonly total?: number
  readonly unit?: 'bytes' | 'steps'
}

export interface PollOptions {
  readonly everyMs: number
  readonly what: string
  /** Something that is worth a look at once, before the time to the next one is over. */
  readonly wake?: AbortSignal
}

/**
 * The first argument of every long operation: deadline, cancellation, and a voice. A child shares the
 * cancellation of its parent and can only shorten the deadline.
 */
export class Progress {
  readonly seam: Seam
  readonly signal: AbortSignal
  readonly #report: (report: ProgressReport) => void
  /** On the monotonic clock. */
  readonly deadlineMs: number

  constructor(
    seam: Seam,
    options: {
      readonly signal?: AbortSignal
      readonly deadlineMs?: number
      readonly report?: (report: ProgressReport) => void
    } = {},
  ) {
    this.seam = seam
    this.signal = options.signal ?? new AbortController().signal
    this.deadlineMs = options.deadlineMs ?? Number.POSITIVE_INFINITY
    this.#report = options.report ?? (() => {})
  }

  report(report: ProgressReport): void {
    this.#report(report)
  }

  get remainingMs(): number {
    return Math.max(0, this.deadlineMs - this.seam.monotonicMs())
  }

  /** Whether the deadline is there: a timer, and so a call that it cuts off, may end a little before its time. */
  get isOver(): boolean {
    return this.remainingMs <= 1
  }

  /** Throws the cancellation's reason, or nothing. */
  check(): void {
    this.signal.throwIfAborted()
  }

  /** A progress with its own, shorter limit, a further signal to obey, or another listener. */
  child(
    options: {
      readonly timeoutMs?: number
      readonly signal?: AbortSignal
      readonly report?: (report: ProgressReport) => void
    } = {},
  ): Progress {
    const own = this.seam.monotonicMs() + (options.timeoutMs ?? Number.POSITIVE_INFINITY)
    return new Progress(this.seam, {
      signal: options.signal === undefined ? this.signal : AbortSignal.any([this.signal, options.signal]),
      deadlineMs: Math.min(this.deadlineMs, own),
      report: options.report ?? this.#report,
    })
  }

  /** Sleeps at most until the deadline. Rejects on cancellation. */
  async sleep(ms: number): Promise<void> {
    await this.seam.sleep(Math.min(ms, this.remainingMs), this.signal)
  }

  /**
   * Calls `attempt` until it returns something other than `undefined`; throws `wait.timeout` (or the code given)
   * at the deadline, also where the deadline cut an attempt off. Otherwise `attempt` throws only for what waiting
   * cannot mend.
   */
  async poll<T>(
    options: PollOptions,
    attempt: () => Promise<T | undefined>,
    code: ErrorCode = 'wait.timeout',
  ): Promise<T> {
    this.report({ what: options.what })
    let { wake } = options
    const timedOut = (cause?: unknown): ProvisionError =>
      new ProvisionError(code, { message: `Timed out waiting for ${options.what}.`, cause })
    for (;;) {
      this.check()
      const result = await attempt().catch((error: unknown) => {
        throw this.isOver && isProvisionError(error, 'host.timeout') ? timedOut(error) : error
      })
      if (result !== undefined) return result
      if (this.remainingMs === 0) throw timedOut()
      if (wake === undefined) await this.sleep(options.everyMs)
      else
        await this.child({ signal: wake })
          .sleep(options.everyMs)
          .catch(() => {})
      if (wake?.aborted === true) wake = undefined
    }
  }

  /** Options for calls that take a signal and a limit in whole milliseconds, such as the wire clients. */
  callOptions(maxMs = 30_000): { readonly signal: AbortSignal; readonly timeoutMs: number } {
    return { signal: this.signal, timeoutMs: Math.max(1, Math.ceil(Math.min(maxMs, this.remainingMs))) }
  }
}
