import type { CallLimits, Connection } from './connection.ts'
import type { OpenConnection } from './lane.ts'
import type { LibvirtError } from './errors.ts'
import type { StreamConnections } from './transfer.ts'

/** One kept connection makes a second upload start at once; more would only be held for nothing. */
const maxIdle = 1

/** Gives each stream a connection to itself, and keeps the last one for the next stream. */
export class StreamPool implements StreamConnections {
  readonly #open: OpenConnection
  readonly #all = new Set<Connection>()
  readonly #idle: Connection[] = []
  readonly #abort = new AbortController()
  #closedBy: LibvirtError | undefined

  constructor(open: OpenConnection) {
    this.#open = open
  }

  async take(limits: CallLimits): Promise<Connection> {
    for (let idle = this.#idle.pop(); idle !== undefined; idle = this.#idle.pop()) {
      if (!idle.isClosed) return idle
    }
    if (this.#closedBy !== undefined) throw this.#closedBy
    const connection = await this.#open({ ...limits, signal: either(limits.signal, this.#abort.signal) })
    if (this.#closedBy !== undefined) {
      await connection.close()
      throw this.#closedBy
    }
    this.#all.add(connection)
    void connection.closed.then(() => this.#all.delete(connection))
    return connection
  }

  release(connection: Connection): void {
    if (connection.isClosed) return
    if (!connection.isIdle || this.#closedBy !== undefined || this.#idle.length >= maxIdle) {
      void connection.close()
      return
    }
    this.#idle.push(connection)
  }

  /** Ends its connections and their streams; what is asked of it from now on fails with `reason`. */
  async close(farewell: Buffer, reason: LibvirtError): Promise<void> {
    this.#closedBy ??= reason
    this.#abort.abort()
    await Promise.all([...this.#all].map((connection) => connection.close(farewell)))
  }
}

function either(theirs: AbortSignal | undefined, ours: AbortSignal): AbortSignal {
  return theirs === undefined ? ours : AbortSignal.any([theirs, ours])
}
