import type { Duplex } from 'node:stream'
import type { Client } from 'ssh2'
import { ProvisionError } from '../lib/errors.ts'
import type { Progress } from '../lib/progress.ts'
import { within } from './channel-limits.ts'
import { type SshTarget, closed, connectClient, hasLogin } from './ssh-client.ts'

/** What lies on the other side of the hops. `close` hangs up on all of them, the nearest last. */
export interface Passage<T> {
  readonly end: T
  readonly close: () => void
}

/**
 * Logs in through the hops in their order; each shows a host key that is known of it, and sees the next one's traffic
 * only encrypted. `way` is a connection to the first of them, or the target, where there is one already. Throws like
 * `connectClient`; `guest.ssh-refused` also where there is nothing to log in with.
 */
export async function connectThrough(
  progress: Progress,
  jumps: readonly SshTarget[],
  target: SshTarget,
  way?: Duplex,
): Promise<Passage<Client>> {
  const connect = (socket: Duplex | undefined): Promise<Client> =>
    logIn(progress, target, socket, jumps.length > 0)
  return await passThrough(progress, jumps, target, connect, way)
}

/** The port itself, through the hops; with `undefined` where there are none and no `way`. */
export async function passThrough<T>(
  progress: Progress,
  jumps: readonly SshTarget[],
  to: Pick<SshTarget, 'address' | 'port'>,
  connect: (socket: Duplex | undefined) => Promise<T>,
  way?: Duplex,
): Promise<Passage<T>> {
  const clients: Client[] = []
  const close = (): void => clients.toReversed().forEach((client) => client.end())
  try {
    let socket = way
    for (const [index, jump] of jumps.entries()) {
      const client = await logIn(progress, jump, socket, index > 0)
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

async function logIn(
  progress: Progress,
  target: SshTarget,
  socket: Duplex | undefined,
  isBehindHops: boolean,
): Promise<Client> {
  requireLogin(target)
  return await connectClient(progress, target, socket, isBehindHops ? 'behindHops' : 'direct')
}

/** Throws `guest.ssh-refused` where there is nothing to log in with. */
export function requireLogin(target: SshTarget): void {
  if (hasLogin(target)) return
  const { address, port, user } = target
  throw new ProvisionError('guest.ssh-refused', {
    message: `There is no key and no password to log in to ${address} port ${port} as ${user} with.`,
    hint: 'Give the connection an `identityFile` or a `password`, or let vmwright put its own key into the guest.',
    details: { address, port, user },
  })
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
