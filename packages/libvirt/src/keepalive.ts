import type { Connection } from './connection.ts'
import { LibvirtError } from './errors.ts'

export interface KeepaliveOptions {
  readonly intervalMs: number
  /** So many intervals without a byte from the daemon end the connection. */
  readonly count: number
}

/** libvirt's own client's values. */
export const defaultKeepalive: KeepaliveOptions = { intervalMs: 5_000, count: 5 }

/**
 * Pings a silent daemon and ends the connection when it stays silent. A connection that we do not read from
 * (back-pressure) is left alone: its silence is ours. Does not keep the process alive.
 */
export function startKeepalive(connection: Connection, label: string, options: KeepaliveOptions): void {
  let heard = connection.heard
  let silent = 0
  const timer = setInterval(() => {
    if (connection.heard !== heard || connection.isPaused) {
      heard = connection.heard
      silent = 0
      return
    }
    silent += 1
    if (silent <= options.count) return connection.ping()
    const seconds = (options.intervalMs * silent) / 1_000
    const message = `${label} has not shown a sign of life for ${seconds} s`
    return connection.fail(new LibvirtError({ kind: 'connection', message }))
  }, options.intervalMs)
  timer.unref()
  void connection.closed.then(() => clearInterval(timer))
}
