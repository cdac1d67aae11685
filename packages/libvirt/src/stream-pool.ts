import type { CallLimits, Connection } from './connection.ts'
import type { OpenConnection } from './lane.ts'
import { LibvirtError } from './errors.ts'
import type { StreamConnections } from './transfer.ts'

/** One kept connection makes a second upload start at once; more would only be held for nothing. */
const maxIdle = 1

/** Gives each stream a connection to itself, and keeps the last one for the next stream. */
export class StreamPool implements StreamConnections {
  readonly #open: OpenConnection
  readonly #all = new Set<Connection>()
  readonly #idle: Connection[] = []
  #isClosed = false

  constructor(open: OpenConnection) {
    this.#open = open
  }

  async take(limits: CallLimits): Promise<Connection> {
    for (let idle = this.#idle.pop(); idle !== undefined; idle = this.#idle.pop()) {
      if (!idle.isClosed) return idle
    }
    const connection = await this.#open(limits)
    if (this.#isClosed) {
      await connection.close()
      throw new LibvirtError({ kind: 'cancelled', message: 'The connection was closed by this side' })
    }
    this.#all.add(connection)
    void connection.closed.then(() => this.#all.delete(connection))
    return connection
  }

  release(connection: Connection): void {
    if (connection.isClosed) return
    if (!connection.isIdle || this.#isClosed || this.#idle.length >= maxIdle) {
      void connection.close()
      return
    }
    this.#idle.push(connection)
  }

  async close(farewell: Buffer): Promise<void> {
    this.#isClosed = true
    await Promise.all([...this.#all].map((connection) => connection.close(farewell)))
  }
}
