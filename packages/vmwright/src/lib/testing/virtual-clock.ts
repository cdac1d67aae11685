interface Sleeper {
  readonly atMs: number
  readonly wake: () => void
  readonly fail: (reason: unknown) => void
}

export interface VirtualClock {
  nowMs(): number
  sleep(ms: number, signal?: AbortSignal): Promise<void>
  /** Wakes every sleeper with this reason. */
  rejectAll(reason: unknown): void
}

/**
 * Time that passes only when all are asleep: once the microtasks are done, the clock jumps to the earliest
 * sleeper and wakes it (and those due at the same time, in the order they went to sleep). Work outside of
 * microtasks, such as real file access, is not waited for.
 */
export function createVirtualClock(): VirtualClock {
  const sleepers = new Set<Sleeper>()
  let nowMs = 0
  let scheduled = false

  const advance = (): void => {
    scheduled = false
    const nextMs = Math.min(...[...sleepers].map((sleeper) => sleeper.atMs))
    if (nextMs === Number.POSITIVE_INFINITY) return
    nowMs = Math.max(nowMs, nextMs)
    for (const sleeper of [...sleepers].filter((sleeper) => sleeper.atMs <= nowMs)) sleeper.wake()
    schedule()
  }
  const schedule = (): void => {
    if (scheduled || sleepers.size === 0) return
    scheduled = true
    setImmediate(advance)
  }

  return {
    nowMs: () => nowMs,
    async sleep(ms, signal) {
      signal?.throwIfAborted()
      await new Promise<void>((resolve, reject) => {
        const onAbort = (): void => sleeper.fail(signal?.reason)
        const leave = (): void => {
          sleepers.delete(sleeper)
          signal?.removeEventListener('abort', onAbort)
        }
        const sleeper: Sleeper = {
          atMs: nowMs + Math.max(0, ms),
          wake: () => (leave(), resolve()),
          fail: (reason) => (leave(), reject(reason as Error)),
        }
        signal?.addEventListener('abort', onAbort, { once: true })
        sleepers.add(sleeper)
        schedule()
      })
    },
    rejectAll(reason) {
      for (const sleeper of sleepers) sleeper.fail(reason)
    },
  }
}
