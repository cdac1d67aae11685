import { connect, type Socket } from 'node:net'
import { messageOf, systemCode } from '../lib/errors.ts'
import type { Progress } from '../lib/progress.ts'
import { type SshTarget, closed } from './ssh-client.ts'

/**
 * A bridge with STP, as that of libvirt's network `default`, lets nothing through a new port for 4 seconds. Requests
 * that are lost meanwhile the kernel repeats after 1, 3 and 7 seconds, so that a guest that can be reached again would
 * be met up to seconds late.
 */
const againMs = 150
/** An answer may take so long; older requests are given up. */
const patienceMs = 2_000

/**
 * A connection to a port where somebody may be about to answer: asked for again and again, the first one that is
 * accepted counts. Throws `guest.port-closed` when it is refused, or nobody has answered in time.
 */
export async function knock(
  progress: Progress,
  to: Pick<SshTarget, 'address' | 'port'>,
  timeoutMs: number,
): Promise<Socket> {
  const limited = progress.child({ timeoutMs })
  const object = `${to.address}:${to.port}`
  return await progress.seam.effect({ kind: 'tcp.connect', object, mutates: false }, async () => {
    const answered = new AbortController()
    const waiting = limited.child({ signal: answered.signal })
    const asked: Socket[] = []
    let accepted: Socket | undefined
    let problem: Error | undefined
    const ask = (): void => {
      const socket = connect({ host: to.address, port: to.port, noDelay: true })
      asked.push(socket)
      socket.once('connect', () => {
        accepted ??= socket
        answered.abort()
      })
      socket.on('error', (error) => {
        problem = error
        if (systemCode(error) === 'ECONNREFUSED') answered.abort()
      })
    }
    try {
      while (!answered.signal.aborted) {
        progress.check()
        if (limited.remainingMs === 0)
          throw closed(to, problem === undefined ? 'no answer' : messageOf(problem))
        ask()
        if (asked.length * againMs > patienceMs) asked.shift()?.destroy()
        await waiting.sleep(againMs).catch(() => {})
      }
      progress.check()
      if (accepted === undefined) throw closed(to, 'connection refused', problem)
      return accepted
    } finally {
      for (const socket of asked) if (socket !== accepted || progress.signal.aborted) socket.destroy()
    }
  })
}
