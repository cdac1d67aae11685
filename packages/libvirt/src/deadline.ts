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
  const timer = Number.isFinite(timeoutMs) ? setTimeout(() => over('timeout'), timeoutMs) : undefined
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
