import { LibvirtError, captureSite, retell, type CallSite } from './errors.ts'
import type { Call, StreamUse } from './protocol/call.ts'
import { Framer, type PacketSink } from './protocol/framer.ts'
import {
  keepaliveProcedure,
  packetStatus,
  packetType,
  program,
  type PacketHeader,
} from './protocol/packet.ts'
import { CallQueue, type Waiter } from './call-queue.ts'
import { startDeadline } from './deadline.ts'
import { closedHere, daemonError, gaveUp } from './failures.ts'
import { encodeCall, keepalivePacket } from './packets.ts'
import { StreamHandle } from './stream-handle.ts'
import type { Channel } from './transport/channel.ts'
import { XdrReader } from './xdr/reader.ts'

export interface CallLimits {
  readonly signal?: AbortSignal | undefined
  readonly timeoutMs: number
}

/** What a stream hears from its connection. Called while a packet is being read; must not throw. */
export interface StreamSink {
  onData(piece: Buffer): void
  onHole(length: bigint): void
  /** The daemon has no more data; it waits for our `finish`. */
  onEnd(): void
  /** The daemon confirmed the end (or an abort). */
  onFinished(): void
  onError(error: LibvirtError): void
}

/**
 * One connection: correlates replies with calls by serial number, routes events and stream packets.
 *
 * Anything that is not libvirt's protocol, and any failure of the channel, ends the connection: every waiter and
 * every stream gets the reason, and `closed` resolves with it (with `undefined` after `close()`).
 */
export class Connection {
  readonly closed: Promise<LibvirtError | undefined>
  /** Set by the owner; called for each event message, in order. */
  onEvent: ((header: PacketHeader, body: Buffer) => void) | undefined
  readonly #channel: Channel
  readonly #framer: Framer
  readonly #calls = new CallQueue((packet) => this.#write(packet))
  readonly #streams = new Map<number, StreamSink>()
  readonly #label: string
  #resolveClosed: (reason: LibvirtError | undefined) => void = () => undefined
  #failure: LibvirtError | undefined
  #isClosed = false
  #serial = 0
  #corked = false
  #heard = 0

  constructor(channel: Channel, label: string) {
    this.#channel = channel
    this.#label = label
    this.closed = new Promise((resolve) => (this.#resolveClosed = resolve))
    const sink: PacketSink = {
      onPacket: (header, body) => this.#onPacket(header, body),
      onStreamData: (header, piece) => this.#onStreamData(header, piece),
    }
    this.#framer = new Framer(sink)
    channel.input.on('data', (chunk: Buffer) => this.#onBytes(chunk))
    channel.input.on('end', () => this.#onEnd())
    channel.input.on('error', (cause: Error) => this.#lost(cause))
    channel.input.on('close', () => this.#onEnd())
    if (Object.is(channel.input, channel.output)) return
    channel.output.on('error', (cause: Error) => this.#lost(cause))
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  /** Every slot of the daemon is taken by a call that its caller gave up on: a further call would not be read. */
  get isStuck(): boolean {
    return this.#calls.isStuck
  }

  /** Nothing is expected from the daemon any more: not even the answer to a call that was given up. */
  get isIdle(): boolean {
    return this.#calls.isEmpty && this.#streams.size === 0
  }

  /** Grows with every chunk that arrives; what keepalive watches. */
  get heard(): number {
    return this.#heard
  }

  /** `onReply` runs before the next packet is looked at, so that an event after the reply finds its handler. */
  call<A, R>(
    call: Call<A, R, StreamUse>,
    args: A,
    limits: CallLimits,
    onReply?: (result: R) => void,
  ): Promise<R> {
    return this.#send(call, args, limits, captureSite(this.call), undefined, onReply)
  }

  /** As `call`; the stream's packets go to the sink from the moment the call is sent. */
  callWithStream<A, R>(
    call: Call<A, R, StreamUse>,
    args: A,
    limits: CallLimits,
    open: (stream: StreamHandle) => StreamSink,
  ): Promise<R> {
    return this.#send(call, args, limits, captureSite(this.callWithStream), open)
  }

  #send<A, R>(
    call: Call<A, R, StreamUse>,
    args: A,
    limits: CallLimits,
    site: CallSite,
    open?: (stream: StreamHandle) => StreamSink,
    onReply?: (result: R) => void,
  ): Promise<R> {
    return new Promise<R>((resolve, reject) => {
      if (this.#isClosed) throw retell(this.#failure ?? closedHere(), call.name, site)
      if (limits.signal?.aborted === true)
        throw gaveUp('cancelled', call.name, this.#label, limits.timeoutMs, site)
      const serial = this.#nextSerial()
      const packet = encodeCall(call, args, serial, site)
      const stopDeadline = startDeadline(limits, (kind) => {
        this.#streams.delete(serial)
        this.#calls.forget(waiter)
        reject(gaveUp(kind, call.name, this.#label, limits.timeoutMs, site))
      })
      const waiter: Waiter = {
        serial,
        packet,
        procedure: call.name,
        site,
        accept: (reader) => {
          const result = call.result.decode(reader)
          reader.end()
          stopDeadline()
          onReply?.(result)
          resolve(result)
        },
        fail: (error) => {
          stopDeadline()
          this.#streams.delete(serial)
          reject(error)
        },
      }
      if (open !== undefined) this.#streams.set(serial, open(new StreamHandle(this.#channel, call, serial)))
      this.#calls.add(waiter)
    })
  }

  /** Stops routing a stream's packets. */
  dropStream(serial: number): void {
    this.#streams.delete(serial)
  }

  pause(): void {
    this.#channel.input.pause()
  }

  resume(): void {
    this.#channel.input.resume()
  }

  get isPaused(): boolean {
    return this.#channel.input.isPaused()
  }

  ping(): void {
    this.#write(keepalivePacket(keepaliveProcedure.ping))
  }

  /** Ends the connection because of `failure`; every waiter gets it. Safe to repeat: the first reason stays. */
  fail(failure: LibvirtError): void {
    this.#finish(failure)
    this.#channel.destroy()
  }

  /** Ends it in good order: what is still waiting is cancelled, `farewell` (a packet) is sent, then the end. */
  async close(farewell?: Buffer): Promise<void> {
    if (this.#isClosed) return
    const ended = new Promise<void>((resolve) => this.#channel.input.once('close', resolve))
    this.#finish(undefined)
    if (farewell !== undefined) this.#channel.output.write(farewell)
    this.#channel.output.end()
    this.#channel.input.resume()
    const timer = setTimeout(() => this.#channel.destroy(), 1_000)
    await ended
    clearTimeout(timer)
    this.#channel.destroy()
  }

  #finish(failure: LibvirtError | undefined): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#failure = failure
    const reason = failure ?? closedHere()
    for (const waiter of this.#calls.drain()) waiter.fail(retell(reason, waiter.procedure, waiter.site))
    for (const stream of this.#streams.values()) stream.onError(reason)
    this.#streams.clear()
    this.#resolveClosed(failure)
  }

  #lost(cause: Error | undefined): void {
    if (this.#isClosed) return
    const said = this.#channel.explain?.() ?? cause?.message ?? 'the other side closed it'
    this.fail(
      new LibvirtError({
        kind: 'connection',
        message: `The connection to ${this.#label} was lost: ${said}`,
        cause,
      }),
    )
  }

  #onEnd(): void {
    const where = this.#framer.isMidPacket ? 'it ended in the middle of a packet' : undefined
    this.#lost(where === undefined ? undefined : new Error(where))
  }

  #onBytes(chunk: Buffer): void {
    this.#heard += 1
    if (this.#isClosed) return
    try {
      this.#framer.push(chunk)
    } catch (cause) {
      this.#malformed(cause)
    }
  }

  #malformed(cause: unknown): void {
    const detail = cause instanceof Error ? cause.message : String(cause)
    const message = `${this.#label} sent something that is not libvirt's protocol: ${detail}`
    this.fail(new LibvirtError({ kind: 'protocol', message, cause }))
  }

  #onPacket(header: PacketHeader, body: Buffer): void {
    if (this.#isClosed) return
    if (header.program === program.keepalive) return this.#onKeepalive(header)
    switch (header.type) {
      case packetType.reply:
        return this.#onReply(header, body)
      case packetType.message:
        return this.onEvent?.(header, body)
      case packetType.stream:
      case packetType.streamHole:
        return this.#onStreamPacket(header, body)
      default:
        return this.#malformed(new Error(`a packet of type ${header.type}`))
    }
  }

  #onKeepalive(header: PacketHeader): void {
    if (header.procedure === keepaliveProcedure.ping) this.#write(keepalivePacket(keepaliveProcedure.pong))
  }

  #onReply(header: PacketHeader, body: Buffer): void {
    const waiter = this.#calls.sent(header.serial)
    if (waiter === undefined)
      return this.#malformed(new Error(`a reply to call ${header.serial}, which was not made`))
    try {
      if (!this.#calls.isGone(waiter)) this.#settle(waiter, header, body)
    } catch (cause) {
      return this.#malformed(
        new Error(`reply to ${waiter.procedure}: ${(cause as Error).message}`, { cause }),
      )
    }
    return this.#calls.answered(waiter)
  }

  #settle(waiter: Waiter, header: PacketHeader, body: Buffer): void {
    if (header.status === packetStatus.ok) waiter.accept(new XdrReader(body))
    else waiter.fail(daemonError(body, waiter.procedure, waiter.site))
  }

  #onStreamPacket(header: PacketHeader, body: Buffer): void {
    const stream = this.#streams.get(header.serial)
    if (stream === undefined) return
    if (header.type === packetType.streamHole) return stream.onHole(new XdrReader(body).hyper())
    if (header.status === packetStatus.continue) return stream.onEnd()
    const error = header.status === packetStatus.ok ? undefined : daemonError(body, undefined, {})
    this.#streams.delete(header.serial)
    return error === undefined ? stream.onFinished() : stream.onError(error)
  }

  #onStreamData(header: PacketHeader, piece: Buffer): void {
    this.#streams.get(header.serial)?.onData(piece)
  }

  /** Packets of one turn of the event loop leave in one system call. */
  #write(packet: Buffer): void {
    const output = this.#channel.output
    if (!this.#corked) {
      this.#corked = true
      output.cork()
      process.nextTick(() => {
        this.#corked = false
        output.uncork()
      })
    }
    output.write(packet)
  }

  #nextSerial(): number {
    this.#serial = this.#serial === 0xffff_ffff ? 1 : this.#serial + 1
    return this.#serial
  }
}
