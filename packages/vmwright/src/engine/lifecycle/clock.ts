import { ProvisionError, messageOf } from '../../lib/errors.ts'
import type { Progress } from '../../lib/progress.ts'
import type { GuestAccess } from '../../hypervisor/guest-access.ts'
import type { GuestLine } from './line.ts'

/** GNU's `date` takes fractions of a second, that of BusyBox does not. */
const posix = 'date -u -s "@$1" >/dev/null 2>&1 || date -u -s "@${1%.*}" >/dev/null'

/** An agent that does not answer by then leaves the clock to the line. */
const agentMs = 5_000

/**
 * Steps the clock of a guest whose memory is of an earlier time, through its agent, which needs no login. Resolves with
 * why it could not; `undefined`: done. Throws only the cancellation.
 */
export async function stepClockByAgent(progress: Progress, access: GuestAccess): Promise<string | undefined> {
  try {
    const time = progress.seam.nowMs() * 1_000_000
    await access.agent(progress.child({ timeoutMs: agentMs }), 'guest-set-time', { time })
    return undefined
  } catch (error) {
    progress.check()
    return messageOf(error)
  }
}

/**
 * The same through the guest's line, after its agent could not. Throws `guest.command-failed` when this cannot either:
 * what builds with a wrong time fails in ways that nobody understands.
 */
export async function stepClockByLine(progress: Progress, line: GuestLine, ofAgent: string): Promise<void> {
  const why = await byLine(progress, line)
  if (why === undefined) return
  progress.check()
  throw new ProvisionError('guest.command-failed', {
    message: `The clock of the restored guest could not be set: ${why}; its agent: ${ofAgent}`,
    hint: 'Let the user of the connection be root by sudo, install qemu-guest-agent, or set `lifecycle.memory` to `never`.',
  })
}

/** `undefined`: done. */
async function byLine(progress: Progress, line: GuestLine): Promise<string | undefined> {
  try {
    const channel = await line.current(progress)
    const { exitCode, stderr } = await channel.run(progress, {
      script: posix,
      args: [(progress.seam.nowMs() / 1000).toFixed(3)],
      user: 'root',
    })
    return exitCode === 0 ? undefined : `${stderr.trim() || `exit code ${exitCode}`}`
  } catch (error) {
    return messageOf(error)
  }
}
