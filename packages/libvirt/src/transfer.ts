import { type CallLimits, type Connection } from './connection.ts'
import { startDeadline } from './deadline.ts'
import { LibvirtError, retell, type CallSite } from './errors.ts'
import { batches, once } from './pieces.ts'
import type { Call, StreamUse } from './protocol/call.ts'
import { maxStreamPayload } from './protocol/packet.ts'
import { ByteStream } from './stream.ts'

/** Where streams get a connection of their own, and where it goes afterwards. */
export interface StreamConnections {
  take(limits: CallLimits): Promise<Connection>
  /** Keeps it for the next stream if it is still good. */
  release(connection: Connection): void
}

export interface TransferLimits {
  readonly signal?: AbortSignal | undefined
  /** For the whole transfer. */
  readonly timeoutMs: number
  /** For opening the stream. */
  readonly openTimeoutMs: number
}

export interface UploadLimits extends TransferLimits {
  readonly onProgress?: ((bytes: number) => void) | undefined
}

/** An open stream with the connection it has to itself. */
export interface OpenedStream<R> {
  readonly stream: ByteStream
  readonly result: R
  /** Tells a failure as one of this call, with the caller's stack. */
  explain(error: unknown): unknown
  /** Gives the connection back if the stream ended in good order, else ends it. */
  dispose(): void
}

/** Opens a stream. From here on the deadline and the signal end the stream whatever it waits for. */
export async function openTransfer<A, R>(
  connections: StreamConnections,
  call: Call<A, R, StreamUse>,
  args: A,
  limits: TransferLimits & { readonly site: CallSite },
): Promise<OpenedStream<R>> {
  const explain = (error: unknown) =>
    error instanceof LibvirtError ? retell(error, call.name, limits.site) : error
  const opening = { signal: limits.signal, timeoutMs: Math.min(limits.timeoutMs, limits.openTimeoutMs) }
  let connection: Connection | undefined
  try {
    connection = await connections.take(opening)
    const held = connection
    const { stream, result } = await openOn(held, call, args, opening)
    const stopDeadline = startDeadline(limits, (kind) =>
      stream.abort(interrupted(kind, call.name, limits.timeoutMs)),
    )
    if (limits.signal?.aborted === true) stream.abort(interrupted('cancelled', call.name, limits.timeoutMs))
    const dispose = () => {
      stopDeadline()
      if (stream.hasFinished) connections.release(held)
      else
        stream.abort(new LibvirtError({ kind: 'cancelled', message: `${call.name} was left before its end` }))
    }
    return { stream, result, explain, dispose }
  } catch (error) {
    if (connection !== undefined) connections.release(connection)
    throw explain(error)
  }
}

async function openOn<A, R>(
  connection: Connection,
  call: Call<A, R, StreamUse>,
  args: A,
  limits: CallLimits,
) {
  let stream: ByteStream | undefined
  const result = await connection.callWithStream(call, args, limits, (handle) => {
    stream = new ByteStream(connection, handle)
    return stream
  })
  if (stream === undefined) throw new Error('a call with a stream was answered before it was sent')
  return { stream, result }
}

/** Sends all of `source`; resolves when the daemon has it. */
export async function upload<A>(
  connections: StreamConnections,
  call: Call<A, unknown, StreamUse>,
  args: A,
  source: AsyncIterable<Uint8Array> | Uint8Array,
  limits: UploadLimits & { readonly site: CallSite },
): Promise<void> {
  const opened = await openTransfer(connections, call, args, limits)
  const chunks = source instanceof Uint8Array ? once(source) : source
  const iterator = batches(chunks, maxStreamPayload)[Symbol.asyncIterator]()
  let sent = 0
  try {
    for (;;) {
      const next = await opened.stream.guard(iterator.next())
      if (next.done === true) break
      await opened.stream.send(next.value.pieces, next.value.bytes)
      sent += next.value.bytes
      limits.onProgress?.(sent)
    }
    await opened.stream.finish()
  } catch (error) {
    // Not awaited: a source that hangs must not hold up the failure.
    iterator.return(undefined).catch(() => undefined)
    throw opened.explain(error)
  } finally {
    opened.dispose()
  }
}

/** Yields the stream's data as it arrives. Leaving the loop early ends the transfer. */
export async function* download<A>(
  connections: StreamConnections,
  call: Call<A, unknown, StreamUse>,
  args: A,
  limits: TransferLimits & { readonly site: CallSite },
): AsyncGenerator<Uint8Array> {
  const opened = await openTransfer(connections, call, args, limits)
  try {
    for (;;) {
      const piece = await opened.stream.read()
      if (piece === undefined) break
      yield piece
    }
    await opened.stream.finish()
  } catch (error) {
    throw opened.explain(error)
  } finally {
    opened.dispose()
  }
}

/** A two-way stream: a console or a channel of a guest. */
export interface LibvirtStream<R = unknown> extends AsyncIterable<Uint8Array>, AsyncDisposable {
  /** What the call that opened it returned. */
  readonly result: R
  /** Resolves when more may be written. */
  write(data: Uint8Array | string): Promise<void>
  /** Ends it; iteration ends too. Safe to repeat. */
  close(): Promise<void>
}

export function duplex<R>(opened: OpenedStream<R>): LibvirtStream<R> {
  let isClosing = false
  const close = async () => {
    if (isClosing) return
    isClosing = true
    try {
      await opened.stream.finish()
    } catch {
      // It had failed already, and whoever reads or writes has been told; closing it is then done.
    } finally {
      opened.dispose()
    }
  }
  async function* read() {
    try {
      for (;;) {
        const piece = await opened.stream.read()
        if (piece === undefined) return
        yield piece
      }
    } catch (error) {
      if (!isClosing) throw opened.explain(error)
    }
  }
  return {
    result: opened.result,
    [Symbol.asyncIterator]: read,
    [Symbol.asyncDispose]: close,
    close,
    write: async (data) => {
      const bytes = typeof data === 'string' ? Buffer.from(data) : data
      try {
        for await (const batch of batches(once(bytes), maxStreamPayload)) {
          await opened.stream.send(batch.pieces, batch.bytes)
        }
      } catch (error) {
        throw opened.explain(error)
      }
    },
  }
}

function interrupted(kind: 'timeout' | 'cancelled', procedure: string, timeoutMs: number): LibvirtError {
  const message =
    kind === 'timeout' ? `${procedure} was not done within ${timeoutMs} ms` : `${procedure} was cancelled`
  return new LibvirtError({ kind, message, procedure })
}
