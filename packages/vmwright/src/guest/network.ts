import { connect } from 'node:net'
import { systemCode } from '../lib/errors.ts'
import type { Progress } from '../lib/progress.ts'
import { type SshOutcome, type SshTarget, connectSsh } from './ssh.ts'

/** How a port answered: `refused` comes from a living machine, `silent` from nobody (or a firewall). */
export type PortAnswer = 'open' | 'refused' | 'silent'

/** The ways from here to a guest; the ladder is tested with a scripted one. */
export interface GuestNetwork {
  tryPort(progress: Progress, address: string, port: number): Promise<PortAnswer>
  connectSsh(progress: Progress, target: SshTarget): Promise<SshOutcome>
}

export const realNetwork: GuestNetwork = { tryPort, connectSsh }

const connectMs = 2_000

/** Connects and hangs up. Never throws but on cancellation. */
async function tryPort(progress: Progress, address: string, port: number): Promise<PortAnswer> {
  const { signal, timeoutMs } = progress.callOptions(connectMs)
  const object = `${address}:${port}`
  return await progress.seam.effect({ kind: 'tcp.connect', object, mutates: false }, async () => {
    signal.throwIfAborted()
    const socket = connect({ host: address, port })
    const abort = (): void => void socket.destroy(signal.reason instanceof Error ? signal.reason : undefined)
    signal.addEventListener('abort', abort, { once: true })
    try {
      return await new Promise<PortAnswer>((resolve) => {
        socket.setTimeout(timeoutMs, () => resolve('silent'))
        socket.once('connect', () => resolve('open'))
        socket.once('error', (error) => resolve(systemCode(error) === 'ECONNREFUSED' ? 'refused' : 'silent'))
        socket.once('close', () => resolve('silent'))
      })
    } finally {
      signal.removeEventListener('abort', abort)
      socket.destroy()
      progress.check()
    }
  })
}
