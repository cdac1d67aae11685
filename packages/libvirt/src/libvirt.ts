import { calls } from './calls/index.ts'
import { Connection, type CallLimits } from './connection.ts'
import { encodeCall } from './packets.ts'
import { captureSite, LibvirtError, retell } from './errors.ts'
import type { EventKind } from './events.ts'
import { deadlineSignal, startDeadline } from './deadline.ts'
import { closedHere, gaveUp } from './failures.ts'
import { handshake } from './handshake.ts'
import { defaultKeepalive, startKeepalive } from './keepalive.ts'
import { Lane } from './lane.ts'
import type { CallOptions, OpenOptions, StreamOptions, SubscribeOptions, UploadOptions } from './options.ts'
import type { ArgsOf, Call } from './protocol/call.ts'
import { StreamPool } from './stream-pool.ts'
import { Subscriptions, type Unsubscribe } from './subscriptions.ts'
import { download, duplex, openTransfer, upload, type LibvirtStream } from './transfer.ts'
import { dialer } from './transport/dial.ts'
import { parseUri } from './transport/uri.ts'
import type { Channel, Dial } from './transport/channel.ts'

/** A host's libvirt. All methods may be called at any time, concurrently. Failures are `LibvirtError`. */
export interface Libvirt extends AsyncDisposable {
  readonly uri: string
  /**
   * Resolves when the first connection, which carries the events, has ended: with the reason, or with `undefined`
   * after `close()`. Calls reject from then on; open anew.
   */
  readonly closed: Promise<LibvirtError | undefined>
  /** One call. After `timeout` and `connection` failures it is unknown whether it took effect. */
  call<A, R>(call: Call<A, R>, args: NoInfer<ArgsOf<A>>, options?: CallOptions): Promise<R>
  /** `handler` is called for each event, in order, from the moment the daemon has confirmed. */
  subscribe<M extends object>(
    kind: EventKind<M>,
    handler: (event: NoInfer<M>) => void,
    options?: SubscribeOptions,
  ): Promise<Unsubscribe>
  /** Sends all of `source`, no faster than the daemon takes it. A source's own error is passed on as it is. */
  upload<A, R>(
    call: Call<A, R, 'upload'>,
    args: NoInfer<ArgsOf<A>>,
    source: AsyncIterable<Uint8Array> | Uint8Array,
    options?: UploadOptions,
  ): Promise<void>
  /** The data as it arrives; nothing is sent before the loop begins, and leaving the loop ends the transfer. */
  download<A, R>(
    call: Call<A, R, 'download'>,
    args: NoInfer<ArgsOf<A>>,
    options?: StreamOptions,
  ): AsyncGenerator<Uint8Array>
  /** Opens a two-way stream (console, channel), or one whose call also has a result (screenshot). */
  openStream<A, R>(
    call: Call<A, R, 'both' | 'download'>,
    args: NoInfer<ArgsOf<A>>,
    options?: StreamOptions,
  ): Promise<LibvirtStream<R>>
  /** Ends all connections; what is under way is cancelled. Safe to repeat. */
  close(): Promise<void>
}

const defaultOpenTimeoutMs = 15_000
const defaultCallTimeoutMs = { control: 30_000, slow: 300_000 }

/**
 * Connects to the libvirt at `uri` (`qemu:///system`, `qemu:///session`, `qemu+ssh://user@host/system`,
 * `qemu+tls://host/system`, `test:///default`): one connection now, further ones when the first slow call or
 * stream needs them.
 */
export async function openLibvirt(uri: string, options: OpenOptions = {}): Promise<Libvirt> {
  const site = captureSite(openLibvirt)
  const target = parseUri(uri)
  const dial =
    options.dial ?? dialer(target, { socketPath: options.socketPath, readonly: options.readonly ?? false })
  const keepalive = options.keepalive ?? defaultKeepalive
  const open = async (limits: CallLimits): Promise<Connection> => {
    const started = performance.now()
    const channel = await dialWithin(dial, uri, limits)
    const connection = new Connection(channel, uri)
    try {
      const left = Math.max(1, Math.ceil(limits.timeoutMs - (performance.now() - started)))
      await handshake(connection, target.name, {
        signal: limits.signal,
        timeoutMs: left,
        readonly: options.readonly ?? false,
      })
    } catch (error) {
      await connection.close()
      throw error
    }
    if (keepalive !== false) startKeepalive(connection, uri, keepalive)
    return connection
  }
  const openLimits = { timeoutMs: options.timeoutMs ?? defaultOpenTimeoutMs }
  try {
    const control = await open({ ...openLimits, signal: options.signal })
    return new LibvirtClient(uri, control, { open, openLimits, callTimeoutMs: options.callTimeoutMs })
  } catch (error) {
    throw error instanceof LibvirtError ? retell(error, error.procedure ?? 'connectOpen', site) : error
  }
}

interface ClientParts {
  readonly open: (limits: CallLimits) => Promise<Connection>
  readonly openLimits: CallLimits
  readonly callTimeoutMs: number | undefined
}

class LibvirtClient implements Libvirt {
  readonly uri: string
  readonly closed: Promise<LibvirtError | undefined>
  readonly #control: Connection
  readonly #lanes: { readonly control: Lane; readonly slow: Lane }
  readonly #streams: StreamPool
  readonly #subscriptions: Subscriptions
  readonly #callTimeoutMs: { readonly control: number; readonly slow: number }

  constructor(uri: string, control: Connection, parts: ClientParts) {
    this.uri = uri
    this.closed = control.closed
    this.#control = control
    this.#lanes = {
      control: new Lane(parts.open, parts.openLimits, control),
      slow: new Lane(parts.open, parts.openLimits),
    }
    this.#streams = new StreamPool(parts.open)
    this.#subscriptions = new Subscriptions(control)
    const { callTimeoutMs } = parts
    this.#callTimeoutMs =
      callTimeoutMs === undefined ? defaultCallTimeoutMs : { control: callTimeoutMs, slow: callTimeoutMs }
    void control.closed.then((reason) => (reason === undefined ? undefined : this.#end(reason)))
  }

  call<A, R>(call: Call<A, R>, args: ArgsOf<A>, options: CallOptions = {}): Promise<R> {
    const lane = options.lane ?? 'control'
    const limits = { signal: options.signal, timeoutMs: options.timeoutMs ?? this.#callTimeoutMs[lane] }
    try {
      const connection = this.#lanes[lane].connection()
      if (connection instanceof Connection) return connection.call(call, given(args), limits)
      return callWhenOpen(connection, call, given(args), { ...limits, label: this.uri })
    } catch (error) {
      // The lane has ended, or its connection: told with this call's name and stack.
      return Promise.reject(
        error instanceof LibvirtError ? retell(error, call.name, captureSite(this.call)) : error,
      )
    }
  }

  subscribe<M extends object>(
    kind: EventKind<M>,
    handler: (event: M) => void,
    options: SubscribeOptions = {},
  ): Promise<Unsubscribe> {
    const object = { domain: options.domain, network: options.network, pool: options.pool }[kind.source]
    const limits = { signal: options.signal, timeoutMs: options.timeoutMs ?? this.#callTimeoutMs.control }
    return this.#subscriptions.add(kind, handler, object, limits)
  }

  upload<A, R>(
    call: Call<A, R, 'upload'>,
    args: ArgsOf<A>,
    source: AsyncIterable<Uint8Array> | Uint8Array,
    options: UploadOptions = {},
  ): Promise<void> {
    const limits = {
      ...this.#transferLimits(options),
      onProgress: options.onProgress,
      site: captureSite(this.upload),
    }
    return upload(this.#streams, call, given(args), source, limits)
  }

  download<A, R>(
    call: Call<A, R, 'download'>,
    args: ArgsOf<A>,
    options: StreamOptions = {},
  ): AsyncGenerator<Uint8Array> {
    const limits = { ...this.#transferLimits(options), site: captureSite(this.download) }
    return download(this.#streams, call, given(args), limits)
  }

  async openStream<A, R>(
    call: Call<A, R, 'both' | 'download'>,
    args: ArgsOf<A>,
    options: StreamOptions = {},
  ): Promise<LibvirtStream<R>> {
    const limits = { ...this.#transferLimits(options), site: captureSite(this.openStream) }
    return duplex(await openTransfer(this.#streams, call, given(args), limits))
  }

  async close(): Promise<void> {
    await Promise.all([this.#end(closedHere()), this.#control.close(farewell())])
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #end(reason: LibvirtError): Promise<void> {
    const { control, slow } = this.#lanes
    await Promise.all([control, slow, this.#streams].map((part) => part.close(farewell(), reason)))
  }

  #transferLimits(options: StreamOptions) {
    const openTimeoutMs = this.#callTimeoutMs.control
    return { signal: options.signal, timeoutMs: options.timeoutMs ?? Number.POSITIVE_INFINITY, openTimeoutMs }
  }
}

/** What a caller may leave out is exactly what may be `undefined`, which the codecs take for absent. */
function given<A>(args: ArgsOf<A>): A {
  return args as unknown as A
}

function farewell(): Buffer {
  return encodeCall(calls.connectClose, {}, 0xffff_ffff, {})
}

/** A call whose connection is still being opened; its deadline and its signal count from now. */
async function callWhenOpen<A, R>(
  opening: Promise<Connection>,
  call: Call<A, R>,
  args: A,
  limits: CallLimits & { readonly label: string },
): Promise<R> {
  const site = captureSite(callWhenOpen)
  const started = performance.now()
  try {
    const connection = await new Promise<Connection>((resolve, reject) => {
      const give = (kind: 'timeout' | 'cancelled') =>
        reject(gaveUp(kind, call.name, limits.label, limits.timeoutMs, site))
      if (limits.signal?.aborted === true) return give('cancelled')
      const stop = startDeadline(limits, give)
      return opening.then(resolve, reject).finally(stop)
    })
    const timeoutMs = Math.max(1, Math.ceil(limits.timeoutMs - (performance.now() - started)))
    return await connection.call(call, args, { signal: limits.signal, timeoutMs })
  } catch (error) {
    throw error instanceof LibvirtError ? retell(error, call.name, site) : error
  }
}

async function dialWithin(dial: Dial, label: string, limits: CallLimits): Promise<Channel> {
  const deadline = deadlineSignal(limits.timeoutMs)
  const signal = AbortSignal.any([deadline, limits.signal].filter((each) => each !== undefined))
  try {
    signal.throwIfAborted()
    return await dial({ signal })
  } catch (cause) {
    if (limits.signal?.aborted === true) {
      throw new LibvirtError({ kind: 'cancelled', message: `Connecting to ${label} was cancelled`, cause })
    }
    if (deadline?.aborted === true) {
      const message = `${label} could not be reached within ${limits.timeoutMs} ms`
      throw new LibvirtError({ kind: 'timeout', message, cause })
    }
    throw cause
  }
}
