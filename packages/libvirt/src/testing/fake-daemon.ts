import { createServer, type Server } from 'node:net'
import { duplexPair, type Duplex } from 'node:stream'
import { calls } from '../calls/index.ts'
import { registrations, type EventKind, type EventSource } from '../events.ts'
import type { ArgsOf, Call, StreamUse } from '../protocol/call.ts'
import type { Domain } from '../protocol/types.ts'
import type { Dial } from '../transport/channel.ts'
import { FakeConnection, type FakeStream } from './fake-connection.ts'

/** Answers a call: a result, a thrown `LibvirtError`, or a promise of either that may take its time. */
export type Handler<A, R> = (args: A, peer: FakePeer) => R | Promise<R>

/** The client that a call came from, for what a well-behaved daemon does not do. */
export interface FakePeer {
  /** Which of the client's connections, counted from 0 in the order they were opened. */
  readonly connection: number
  /** Ends the connection at once, without an answer. */
  cut(): void
  /** Sends bytes that are nobody's packet, or somebody's. */
  sendRaw(bytes: Uint8Array): void
}

/** Runs the daemon's end of a stream; returning ends the data, throwing a `LibvirtError` fails the stream. */
export type StreamHandler<A, R> = (
  args: A,
  peer: FakePeer,
) => { readonly result: R; run(stream: FakeStream): Promise<void> }

export interface Request {
  readonly connection: number
  readonly name: string
  readonly args: unknown
}

export type AnyHandler =
  | {
      readonly kind: 'call'
      readonly call: Call<unknown, unknown, StreamUse>
      readonly handler: Handler<unknown, unknown>
    }
  | {
      readonly kind: 'stream'
      readonly call: Call<unknown, unknown, StreamUse>
      readonly handler: StreamHandler<unknown, unknown>
    }

/**
 * A daemon that speaks libvirt's bytes and does what a test tells it: answers, delays, hangs (a promise that never
 * settles), cuts, garbles. It authenticates nobody and opens anything; events work; every other call that has no
 * handler is refused as unknown, as libvirtd does.
 *
 * ```ts
 * const daemon = new FakeDaemon().handle(calls.connectGetHostname, () => ({ hostname: 'fake' }))
 * const libvirt = await openLibvirt('qemu:///system', { dial: daemon.dial })
 * ```
 */
export class FakeDaemon implements AsyncDisposable {
  /** Every call that arrived, in order. */
  readonly requests: Request[] = []
  /** Answers keepalive pings, as a daemon does; `false` plays dead. */
  answersPings = true
  /** How many keepalive pings arrived. */
  pings = 0
  /** How many keepalive answers arrived. */
  pongs = 0
  readonly #handlers = new Map<string, AnyHandler>()
  readonly #connections: FakeConnection[] = []
  readonly #servers: Server[] = []
  readonly #subscribers: {
    readonly source: EventSource
    readonly id: number
    readonly uuid: string | undefined
    readonly callbackId: number
    readonly connection: number
  }[] = []
  #nextCallback = 1

  constructor() {
    this.handle(calls.authList, () => ({ types: [0] }))
    this.handle(calls.connectOpen, () => ({}))
    this.handle(calls.connectClose, () => ({}))
    this.handle(calls.connectSupportsFeature, () => ({ supported: true }))
    for (const source of ['domain', 'network', 'pool'] as const) this.#handleRegistrations(source)
  }

  /** Connects in memory: pass it to `openLibvirt`. */
  readonly dial: Dial = async () => {
    const [ours, theirs] = duplexPair()
    // As with a socket, the end of one side is the end of the other.
    ours.once('close', () => theirs.destroy())
    this.#accept(theirs)
    return { input: ours, output: ours, destroy: () => ours.destroy() }
  }

  /** Listens on a UNIX socket as well. */
  async listen(path: string): Promise<this> {
    const server = createServer((socket) => this.#accept(socket))
    this.#servers.push(server)
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(path, resolve))
    return this
  }

  /** Answers `call` with `handler`, from now on. */
  handle<A, R>(call: Call<A, R, StreamUse>, handler: Handler<NoInfer<A>, NoInfer<ArgsOf<R>>>): this {
    // Arguments reach a handler only through its own call's codec.
    this.#handlers.set(keyOf(call), {
      kind: 'call',
      call,
      handler: handler as Handler<unknown, unknown>,
    } as AnyHandler)
    return this
  }

  /** Answers `call`, which opens a stream. */
  handleStream<A, R>(
    call: Call<A, R, StreamUse>,
    handler: StreamHandler<NoInfer<A>, NoInfer<ArgsOf<R>>>,
  ): this {
    this.#handlers.set(keyOf(call), {
      kind: 'stream',
      call,
      handler: handler as StreamHandler<unknown, unknown>,
    } as AnyHandler)
    return this
  }

  /** Connections that are open now. */
  get connections(): number {
    return this.#connections.filter((connection) => !connection.isClosed).length
  }

  /** How many clients listen to events. */
  get subscriptions(): number {
    return this.#subscribers.length
  }

  /** Sends an event to whoever has subscribed to it. */
  emit<M extends object>(kind: EventKind<M>, message: NoInfer<ArgsOf<Omit<M, 'callbackId'>>>): void {
    const uuid = (message as { readonly domain?: Domain }).domain?.uuid
    for (const subscriber of this.#subscribers) {
      if (subscriber.source !== kind.source || subscriber.id !== kind.id) continue
      if (subscriber.uuid !== undefined && subscriber.uuid !== uuid) continue
      const whole = { ...message, callbackId: subscriber.callbackId } as unknown as M & { callbackId: number }
      this.#connections[subscriber.connection]?.sendMessage(kind.procedure, kind.message, whole)
    }
  }

  /** Cuts every connection. */
  cutAll(): void {
    for (const connection of this.#connections) connection.cut()
  }

  /** Pings every client, as a daemon does that wants to know whether it is still there. */
  pingAll(): void {
    for (const connection of this.#connections) connection.ping()
  }

  async close(): Promise<void> {
    this.cutAll()
    await Promise.all(
      this.#servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve()))),
    )
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #accept(duplex: Duplex): void {
    const index = this.#connections.length
    this.#connections.push(
      new FakeConnection(duplex, index, {
        find: (program, procedure) => this.#handlers.get(`${program}:${procedure}`),
        onRequest: (request) => this.requests.push(request),
        onPing: () => {
          this.pings += 1
          return this.answersPings
        },
        onPong: () => (this.pongs += 1),
      }),
    )
  }

  #handleRegistrations(source: EventSource): void {
    const { register, deregister } = registrations[source]
    this.handle(register, ({ id, object }, peer) => {
      const callbackId = this.#nextCallback++
      const uuid = (object as Domain | undefined)?.uuid
      this.#subscribers.push({ source, id, uuid, callbackId, connection: peer.connection })
      return { callbackId }
    })
    this.handle(deregister, ({ callbackId }) => {
      const index = this.#subscribers.findIndex((subscriber) => subscriber.callbackId === callbackId)
      if (index !== -1) this.#subscribers.splice(index, 1)
      return {}
    })
  }
}

function keyOf(call: { readonly program: number; readonly procedure: number }): string {
  return `${call.program}:${call.procedure}`
}
