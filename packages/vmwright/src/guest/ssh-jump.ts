import type { Duplex } from 'node:stream'
import type { Client } from 'ssh2'
import type { Progress } from '../lib/progress.ts'
import { within } from './channel-limits.ts'
import { type SshTarget, closed, connectClient } from './ssh-client.ts'

/** What lies on the other side of the hops. `close` hangs up on all of them, the nearest last. */
export interface Passage<T> {
  readonly end: T
  readonly close: () => void
}

/**
 * Logs in through the hops in their order; each shows a host key that is known of it, and sees the next one's traffic
 * only encrypted. Throws like `connectClient`.
 */
export async function connectThrough(
  progress: Progress,
  jumps: readonly SshTarget[],
  target: SshTarget,
): Promise<Passage<Client>> {
  return await passThrough(progress, jumps, target, (socket) => connectClient(progress, target, socket))
}

/** The port itself, through the hops; with `undefined` where there are none. */
export async function passThrough<T>(
  progress: Progress,
  jumps: readonly SshTarget[],
  to: Pick<SshTarget, 'address' | 'port'>,
  connect: (socket: Duplex | undefined) => Promise<T>,
): Promise<Passage<T>> {
  const clients: Client[] = []
  const close = (): void => clients.toReversed().forEach((client) => client.end())
  try {
    let socket: Duplex | undefined
    for (const [index, jump] of jumps.entries()) {
      const client = await connectClient(progress, jump, socket)
      clients.push(client)
      const next = jumps[index + 1] ?? to
      socket = await within(
        progress,
        `the way from ${jump.address} to ${next.address} port ${next.port}`,
        forward(client, jump, next),
      )
    }
    return { end: await connect(socket), close }
  } catch (error) {
    close()
    throw error
  }
}

function forward(client: Client, jump: SshTarget, to: Pick<SshTarget, 'address' | 'port'>): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const onClose = (): void => reject(closed(jump, 'the connection broke'))
    client.once('close', onClose)
    client.forwardOut('127.0.0.1', 0, to.address, to.port, (error, channel) => {
      client.off('close', onClose)
      if (error === undefined) resolve(channel)
      else reject(closed({ ...jump, ...to }, `from ${jump.address}: ${error.message}`, error))
    })
  })
}
