import type { IncomingMessage } from 'node:http'

/** Unread bytes above which the sender is asked to wait. */
const highWaterBytes = 1024 * 1024

/**
 * The body of a response, every byte that came before a failure included: a stream's own iterator throws away what
 * it holds when the connection breaks, and a download would fetch it again. Listens from now on, because a failure
 * may come before the first byte is asked for.
 */
export function readBody(message: IncomingMessage): AsyncIterable<Uint8Array> {
  let queue: Uint8Array[] = []
  let queued = 0
  let end: { readonly error: unknown } | undefined
  let wake = (): void => {}
  const finish = (error: unknown): void => {
    end ??= { error }
    wake()
  }
  message.on('data', (chunk: Uint8Array) => {
    queue.push(chunk)
    queued += chunk.length
    if (queued > highWaterBytes) message.pause()
    wake()
  })
  message.once('end', () => finish(undefined))
  message.on('error', finish)
  message.once('close', () => finish(new Error('the connection was closed')))
  const chunksOf = async function* (): AsyncGenerator<Uint8Array> {
    for (;;) {
      const chunks = queue
      queue = []
      queued = 0
      yield* chunks
      if (queue.length > 0) continue
      if (end !== undefined) {
        if (end.error === undefined) return
        throw end.error
      }
      const more = new Promise<void>((resolve) => {
        wake = resolve
      })
      message.resume()
      await more
    }
  }
  return chunksOf()
}
