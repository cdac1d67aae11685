import type { CallLimits, Connection } from './connection.ts'
import { registrations, type EventKind } from './events.ts'
import { isLibvirtError } from './errors.ts'
import type { PacketHeader } from './protocol/packet.ts'
import { program } from './protocol/packet.ts'
import { XdrReader } from './xdr/reader.ts'

type Listener = (message: object) => void

/** One registration with the daemon, shared by all who listen to the same events of the same object. */
interface Registration {
  readonly kind: EventKind<object>
  readonly listeners: Set<Listener>
  /** `<procedure>:<callback id>`, known once the daemon has answered. */
  route: string
  readonly callbackId: Promise<number>
}

/** Ends a subscription; safe to repeat, and when the connection is gone. */
export type Unsubscribe = () => Promise<void>

/**
 * Who listens to which events of one connection. libvirt refuses to register the same events twice on a
 * connection ("event callback already tracked", `virObjectEventCallbackListAddID` in src/conf/object_event.c), so
 * equal subscriptions share a registration, and one that ends is waited for before the next begins.
 */
export class Subscriptions {
  readonly #connection: Connection
  /** By event and object. */
  readonly #registrations = new Map<string, Registration>()
  readonly #ending = new Map<string, Promise<void>>()
  /** By procedure and callback id: the daemon numbers the callbacks of each driver on its own. */
  readonly #routes = new Map<string, Registration>()

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
    const key = JSON.stringify([kind.source, kind.id, object ?? null])
    while (this.#ending.has(key)) await this.#ending.get(key)
    // A wrapper of its own for each subscription; it only ever gets what its own kind's codec has read.
    const listener: Listener = (message) => handler(message as M)
    const registration = this.#registrations.get(key) ?? this.#register(key, kind, object, limits)
    registration.listeners.add(listener)
    try {
      await registration.callbackId
    } catch (error) {
      registration.listeners.delete(listener)
      throw error
    }
    return () => this.#remove(key, registration, listener, limits)
  }

  #register(key: string, kind: EventKind<object>, object: unknown, limits: CallLimits): Registration {
    const registration: Registration = {
      kind,
      listeners: new Set(),
      route: '',
      callbackId: this.#connection
        .call(registrations[kind.source].register, { id: kind.id, object }, limits, (result) => {
          registration.route = `${kind.procedure}:${result.callbackId}`
          this.#routes.set(registration.route, registration)
        })
        .then(
          ({ callbackId }) => callbackId,
          (error: unknown) => {
            this.#registrations.delete(key)
            throw error
          },
        ),
    }
    this.#registrations.set(key, registration)
    return registration
  }

  async #remove(
    key: string,
    registration: Registration,
    listener: Listener,
    limits: CallLimits,
  ): Promise<void> {
    if (!registration.listeners.delete(listener) || registration.listeners.size > 0) return
    this.#registrations.delete(key)
    this.#routes.delete(registration.route)
    if (this.#connection.isClosed) return
    const { deregister } = registrations[registration.kind.source]
    const callbackId = await registration.callbackId
    const ending = this.#connection
      .call(deregister, { callbackId }, { timeoutMs: limits.timeoutMs })
      .then(() => {}, ignoreGone)
      .finally(() => this.#ending.delete(key))
    this.#ending.set(key, ending)
    await ending
  }

  #onEvent(header: PacketHeader, body: Buffer): void {
    if (header.program !== program.remote) return
    const callbackId = body.length < 4 ? -1 : body.readInt32BE(0)
    const registration = this.#routes.get(`${header.procedure}:${callbackId}`)
    if (registration === undefined) return
    const reader = new XdrReader(body)
    const message = registration.kind.message.decode(reader)
    reader.end()
    for (const listener of registration.listeners) {
      try {
        listener(message)
      } catch (error) {
        // The listener's mistake, not the daemon's: it surfaces as an uncaught exception, and the connection lives on.
        queueMicrotask(() => {
          throw error
        })
      }
    }
  }
}

function ignoreGone(error: unknown): void {
  if (!isLibvirtError(error) || error.kind === 'libvirt') throw error
}
