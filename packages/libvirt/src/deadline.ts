/** The longest a timer of Node counts; what is longer is no deadline. */
const longestTimerMs = 2 ** 31 - 1

/**
 * Calls `onOver` once, when the time is over or the signal aborts, which must not have happened yet.
 * Returns what stops it.
 */
export function startDeadline(
  limits: { readonly signal?: AbortSignal | undefined; readonly timeoutMs: number },
  onOver: (kind: 'timeout' | 'cancelled') => void,
): () => void {
  const { signal, timeoutMs } = limits
  const onAbort = () => over('cancelled')
  const timer = timeoutMs <= longestTimerMs ? setTimeout(() => over('timeout'), timeoutMs) : undefined
  const stop = () => {
    clearTimeout(timer)
    signal?.removeEventListener('abort', onAbort)
  }
  const over = (kind: 'timeout' | 'cancelled') => {
    stop()
    onOver(kind)
  }
  signal?.addEventListener('abort', onAbort, { once: true })
  return stop
}

/** A signal that aborts when the time is over; `undefined` when it never is. */
export function deadlineSignal(timeoutMs: number): AbortSignal | undefined {
  return timeoutMs <= longestTimerMs ? AbortSignal.timeout(Math.max(0, Math.ceil(timeoutMs))) : undefined
}
