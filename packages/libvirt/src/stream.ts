import type { Connection, StreamSink } from './connection.ts'
import type { StreamHandle } from './stream-handle.ts'
import type { LibvirtError } from './errors.ts'
import { maxStreamPayload } from './protocol/packet.ts'

/** So much is read ahead of the consumer before the socket is left alone. */
const highWaterBytes = 1024 * 1024

const zeros = Buffer.alloc(maxStreamPayload)

/**
 * The two directions of one stream on a connection of its own. Back-pressure is the connection's: what the
 * consumer does not take stays in the socket, what the socket does not take is waited for.
 */
export class ByteStream implements StreamSink {
  readonly #connection: Connection
  readonly #handle: StreamHandle
  /** Data, or the length of a hole. */
  readonly #incoming: (Buffer | bigint)[] = []
  #wakers: (() => void)[] = []
  #bufferedBytes = 0
  #hasEnded = false
  #hasFinished = false
  #finishSent = false
  #failure: LibvirtError | undefined

  constructor(connection: Connection, handle: StreamHandle) {
    this.#connection = connection
    this.#handle = handle
  }

  /** The daemon confirmed the end: the connection is free for another stream. */
  get hasFinished(): boolean {
    return this.#hasFinished
  }

  /** The next piece; `undefined` at the end. */
  async read(): Promise<Uint8Array | undefined> {
    await this.#until(() => this.#incoming.length > 0 || this.#hasEnded || this.#hasFinished)
    const first = this.#incoming[0]
    if (typeof first === 'bigint') return this.#readHole(first)
    this.#incoming.shift()
    if (first === undefined) return undefined
    this.#bufferedBytes -= first.length
    if (this.#bufferedBytes < highWaterBytes / 2 && this.#connection.isPaused) this.#connection.resume()
    return first
  }

  /** Sends one packet's worth; resolves when more is welcome. */
  async send(pieces: readonly Uint8Array[], bytes: number): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure
    await this.#handle.send(pieces, bytes)
    if (this.#failure !== undefined) throw this.#failure
  }

  /** Says that we are done and waits for the daemon's outcome. What still arrives is dropped. */
  async finish(): Promise<void> {
    if (this.#finishSent || this.#hasFinished) return
    this.#finishSent = true
    this.#incoming.length = 0
    this.#bufferedBytes = 0
    this.#connection.resume()
    this.#handle.finish()
    await this.#until(() => this.#hasFinished)
  }

  /** Ends it without the daemon's consent, for this reason; the connection goes with it. */
  abort(reason: LibvirtError): void {
    this.onError(reason)
    this.#connection.dropStream(this.#handle.serial)
    this.#connection.fail(reason)
  }

  /** Rejects as soon as the stream fails, or settles as `promise` does. */
  guard<T>(promise: Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const check = () => {
        if (this.#failure === undefined) this.#wakers.push(check)
        else reject(this.#failure)
      }
      const forget = () => {
        this.#wakers = this.#wakers.filter((waker) => waker !== check)
      }
      check()
      promise.then(resolve, reject).finally(forget)
    })
  }

  onData(piece: Buffer): void {
    if (this.#finishSent) return
    this.#incoming.push(piece)
    this.#bufferedBytes += piece.length
    if (this.#bufferedBytes > highWaterBytes) this.#connection.pause()
    this.#wake()
  }

  onHole(length: bigint): void {
    this.#incoming.push(length)
    this.#wake()
  }

  onEnd(): void {
    this.#hasEnded = true
    this.#wake()
  }

  onFinished(): void {
    this.#hasFinished = true
    this.#wake()
  }

  onError(error: LibvirtError): void {
    this.#failure ??= error
    this.#wake()
  }

  #readHole(length: bigint): Uint8Array {
    const size = length > zeros.length ? zeros.length : Number(length)
    if (length > size) this.#incoming[0] = length - BigInt(size)
    else this.#incoming.shift()
    return zeros.subarray(0, size)
  }

  async #until(ready: () => boolean): Promise<void> {
    while (!ready()) {
      if (this.#failure !== undefined) throw this.#failure
      await new Promise<void>((resolve) => this.#wakers.push(resolve))
    }
  }

  #wake(): void {
    const wakers = this.#wakers
    this.#wakers = []
    for (const waker of wakers) waker()
  }
}
