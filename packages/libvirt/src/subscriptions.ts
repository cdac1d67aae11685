import type { CallLimits, Connection } from './connection.ts'
import { registrations, type EventKind } from './events.ts'
import { isLibvirtError } from './errors.ts'
import type { PacketHeader } from './protocol/packet.ts'
import { program } from './protocol/packet.ts'
import { XdrReader } from './xdr/reader.ts'

interface Handler {
  readonly kind: EventKind<object>
  deliver(message: object): void
}

/** Ends a subscription; safe to repeat, and when the connection is gone. */
export type Unsubscribe = () => Promise<void>

/** Who listens to which events of one connection. */
export class Subscriptions {
  readonly #connection: Connection
  /** By procedure and callback id: the daemon numbers the callbacks of each driver on its own. */
  readonly #handlers = new Map<string, Handler>()

  constructor(connection: Connection) {
    this.#connection = connection
    connection.onEvent = (header, body) => this.#onEvent(header, body)
  }

  /** Registers with the daemon. `object` (domain, network, pool) narrows it; the daemon filters. */
  async add<M extends object>(
    kind: EventKind<M>,
    handler: (message: M) => void,
    object: unknown,
    limits: CallLimits,
  ): Promise<Unsubscribe> {
    const { register, deregister } = registrations[kind.source]
    let key = ''
    const { callbackId } = await this.#connection.call(
      register,
      { id: kind.id, object },
      limits,
      (result) => {
        key = `${kind.procedure}:${result.callbackId}`
        // A handler only ever gets what its own kind's codec has read.
        this.#handlers.set(key, { kind, deliver: handler as (message: object) => void })
      },
    )
    return async () => {
      if (!this.#handlers.delete(key) || this.#connection.isClosed) return
      await this.#connection
        .call(deregister, { callbackId }, { timeoutMs: limits.timeoutMs })
        .catch(ignoreGone)
    }
  }

  #onEvent(header: PacketHeader, body: Buffer): void {
    if (header.program !== program.remote) return
    const callbackId = body.length < 4 ? -1 : body.readInt32BE(0)
    const handler = this.#handlers.get(`${header.procedure}:${callbackId}`)
    if (handler === undefined) return
    const reader = new XdrReader(body)
    const message = handler.kind.message.decode(reader)
    reader.end()
    try {
      handler.deliver(message)
    } catch (error) {
      // The listener's mistake, not the daemon's: it surfaces as an uncaught exception, and the connection lives on.
      queueMicrotask(() => {
        throw error
      })
    }
  }
}

function ignoreGone(error: unknown): void {
  if (!isLibvirtError(error) || error.kind === 'libvirt') throw error
}
