import type { CallLimits, Connection } from './connection.ts'
import { LibvirtError } from './errors.ts'

export type OpenConnection = (limits: CallLimits) => Promise<Connection>

/** So many connections with nothing but unanswered calls on them are kept before a lane gives up. */
const maxRetired = 3

/**
 * One of a host's queues: the connection its calls go to, opened when first needed. A connection whose slots are
 * all taken by calls that their callers gave up on is put aside (its answers may still come, its events do) and
 * another one takes its place.
 */
export class Lane {
  readonly #open: OpenConnection
  readonly #openLimits: CallLimits
  readonly #abort = new AbortController()
  #current: Connection | undefined
  #opening: Promise<Connection> | undefined
  #retired: Connection[] = []
  #closedBy: LibvirtError | undefined

  constructor(open: OpenConnection, openLimits: CallLimits, first?: Connection) {
    this.#open = open
    this.#openLimits = openLimits
    this.#current = first
  }

  /** The connection to call on; a promise only while one is being opened. */
  connection(): Connection | Promise<Connection> {
    const current = this.#current
    if (current !== undefined && !current.isClosed && !current.isStuck) return current
    if (this.#closedBy !== undefined) throw this.#closedBy
    this.#opening ??= this.#replace(current).finally(() => (this.#opening = undefined))
    return this.#opening
  }

  /** Ends its connections; what is asked of it from now on fails with `reason`. */
  async close(farewell: Buffer, reason: LibvirtError): Promise<void> {
    this.#closedBy ??= reason
    this.#abort.abort()
    await Promise.all([this.#current, ...this.#retired].map((connection) => connection?.close(farewell)))
  }

  async #replace(stuck: Connection | undefined): Promise<Connection> {
    this.#retired = this.#retired.filter((connection) => !connection.isClosed && connection.isStuck)
    if (stuck !== undefined && !stuck.isClosed) this.#retired.push(stuck)
    if (this.#retired.length > maxRetired) {
      const message = 'The daemon has left too many calls unanswered; no more are sent until it answers'
      throw new LibvirtError({ kind: 'connection', message })
    }
    const opened = await this.#open({ ...this.#openLimits, signal: this.#abort.signal })
    if (this.#closedBy !== undefined) {
      await opened.close()
      throw this.#closedBy
    }
    this.#current = opened
    return opened
  }
}
