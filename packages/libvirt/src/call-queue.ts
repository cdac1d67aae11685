import type { CallSite, LibvirtError } from './errors.ts'
import type { XdrReader } from './xdr/reader.ts'

/**
 * `max_client_requests` of the daemon's default configuration: of more calls at once it reads none until one is
 * answered, so the rest waits here, where it can still be cancelled.
 */
export const maxInFlight = 5

/** A call that was made and is not answered. */
export interface Waiter {
  readonly serial: number
  readonly packet: Buffer
  readonly procedure: string
  readonly site: CallSite
  /** Takes the reply's body, or throws `XdrError`. Not called once the waiter has given up. */
  accept(reader: XdrReader): void
  fail(error: LibvirtError): void
}

/**
 * The calls of one connection, from being made to being answered, by serial number.
 *
 *     add ──▶ queued ──(fewer than 5 in flight)──▶ sent ──▶ answered
 *               │ forget                            │ forget
 *               ▼                                   ▼
 *            dropped                      gone: a late answer only frees the slot
 */
export class CallQueue {
  readonly #send: (packet: Buffer) => void
  readonly #queued: Waiter[] = []
  readonly #sent = new Map<number, Waiter>()
  /** Sent, but the caller has left (timeout, cancelled): the daemon's slot is taken until its reply arrives. */
  readonly #gone = new Set<Waiter>()

  constructor(send: (packet: Buffer) => void) {
    this.#send = send
  }

  /** Every slot of the daemon is taken by a call that its caller gave up on: a further call would not be read. */
  get isStuck(): boolean {
    return this.#gone.size >= maxInFlight
  }

  /** No answer is outstanding: not even one to a call that was given up. */
  get isEmpty(): boolean {
    return this.#sent.size + this.#queued.length === 0
  }

  /** Sends the call as soon as the daemon has a slot for it. */
  add(waiter: Waiter): void {
    this.#queued.push(waiter)
    this.#pump()
  }

  /** The call that a reply with this serial number answers; `undefined` if there is none. */
  sent(serial: number): Waiter | undefined {
    return this.#sent.get(serial)
  }

  /** True when nobody waits for the answer to this call any more. */
  isGone(waiter: Waiter): boolean {
    return this.#gone.has(waiter)
  }

  /** Frees the slot of a call whose reply was read; the next one is sent. */
  answered(waiter: Waiter): void {
    this.#sent.delete(waiter.serial)
    this.#gone.delete(waiter)
    this.#pump()
  }

  /** The caller does not wait any longer. */
  forget(waiter: Waiter): void {
    if (this.#sent.has(waiter.serial)) {
      this.#gone.add(waiter)
      return
    }
    const index = this.#queued.indexOf(waiter)
    if (index !== -1) this.#queued.splice(index, 1)
  }

  /** Empties the queue, and returns the calls that somebody waits for. */
  drain(): readonly Waiter[] {
    const waiting = [...this.#sent.values(), ...this.#queued].filter((waiter) => !this.#gone.has(waiter))
    this.#sent.clear()
    this.#gone.clear()
    this.#queued.length = 0
    return waiting
  }

  #pump(): void {
    while (this.#sent.size < maxInFlight) {
      const next = this.#queued.shift()
      if (next === undefined) return
      this.#sent.set(next.serial, next)
      this.#send(next.packet)
    }
  }
}
