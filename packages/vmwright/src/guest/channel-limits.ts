import { ProvisionError } from '../lib/errors.ts'
import { Progress } from '../lib/progress.ts'

/** Waits for `promise` no longer than `progress` allows: `wait.timeout` at its deadline, the reason at a cancellation. */
export async function within<T>(progress: Progress, what: string, promise: Promise<T>): Promise<T> {
  promise.catch(() => {})
  progress.check()
  const over = new AbortController()
  const cancelled = new Promise<never>((_resolve, reject) => {
    progress.signal.addEventListener('abort', () => reject(progress.signal.reason), { signal: over.signal })
  })
  const late =
    progress.remainingMs === Number.POSITIVE_INFINITY
      ? cancelled
      : progress.seam.sleep(progress.remainingMs, over.signal).then((): never => {
          throw new ProvisionError('wait.timeout', { message: `Timed out waiting for ${what}.` })
        })
  late.catch(() => {})
  try {
    return await Promise.race([promise, cancelled, late])
  } finally {
    over.abort()
  }
}

/** For tidying up when nobody waits any more: own time, not cancelled. */
export const afterwards = ({ seam }: Progress, timeoutMs: number): Progress =>
  new Progress(seam, { deadlineMs: seam.monotonicMs() + timeoutMs })

/** So many at once; whoever comes later waits its turn. */
export class Slots {
  readonly #waiting: (() => void)[] = []
  #free: number

  constructor(count: number) {
    this.#free = count
  }

  async take(progress: Progress, what: string): Promise<Disposable> {
    if (this.#free > 0) this.#free--
    else {
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#waiting.push(resolve)
      await within(progress, what, promise).catch((error: unknown) => {
        const at = this.#waiting.indexOf(resolve)
        if (at >= 0) this.#waiting.splice(at, 1)
        else this.#release()
        throw error
      })
    }
    let isHeld = true
    return {
      [Symbol.dispose]: () => {
        if (isHeld) this.#release()
        isHeld = false
      },
    }
  }

  #release(): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#free++
    else next()
  }
}
