import type { Progress } from '../lib/progress.ts'

/**
 * Wakes whoever waits between two looks at something. A ring is never lost: read `count` before looking, and
 * `waitSince` returns at once when the bell rang meanwhile.
 */
export class Bell {
  #count = 0
  readonly #waiting = new Set<AbortController>()

  get count(): number {
    return this.#count
  }

  ring(): void {
    this.#count += 1
    for (const waiter of this.#waiting) waiter.abort()
    this.#waiting.clear()
  }

  /** Resolves when the bell has rung since `count` was read, after `maxMs`, or at the progress's deadline. */
  async waitSince(progress: Progress, count: number, maxMs: number): Promise<void> {
    progress.check()
    if (this.#count !== count) return
    const waiter = new AbortController()
    this.#waiting.add(waiter)
    try {
      await progress.child({ signal: waiter.signal }).sleep(maxMs)
    } catch (error) {
      progress.check()
      if (!waiter.signal.aborted) throw error
    } finally {
      this.#waiting.delete(waiter)
    }
  }
}
