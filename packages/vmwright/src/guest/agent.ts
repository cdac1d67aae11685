import type { GuestAccess } from '../hypervisor/guest-access.ts'
import { ProvisionError, isProvisionError } from '../lib/errors.ts'
import { Progress } from '../lib/progress.ts'
import type { CommandResult } from './ssh.ts'

/** Larger replies have been seen to wedge the agent of QEMU 7.2. */
export const chunkBytes = 48 * 1024
const largestFileBytes = 1024 * 1024

/** True when the guest agent answers. */
export async function pingAgent(progress: Progress, guest: GuestAccess): Promise<boolean> {
  try {
    await guest.agent(progress, 'guest-ping')
    return true
  } catch (error) {
    progress.check()
    if (isProvisionError(error, 'guest.agent-silent')) return false
    throw error
  }
}

/**
 * Reads a text file through the guest agent; `undefined` when it cannot be opened. Throws `guest.agent-silent`.
 * Schema: qga/qapi-schema.json of QEMU, `guest-file-open`, `guest-file-read`, `guest-file-close`.
 */
export async function readGuestFile(
  progress: Progress,
  guest: GuestAccess,
  path: string,
): Promise<string | undefined> {
  const handle = await guest
    .agent(progress, 'guest-file-open', { path, mode: 'r' })
    .catch((error: unknown) => {
      progress.check()
      if (isRefusal(error)) return undefined
      throw error
    })
  if (typeof handle !== 'number') return undefined
  const chunks: Buffer[] = []
  try {
    for (let total = 0; total < largestFileBytes;) {
      const reply = fields(await guest.agent(progress, 'guest-file-read', { handle, count: chunkBytes }))
      const chunk = Buffer.from(String(reply['buf-b64'] ?? ''), 'base64')
      chunks.push(chunk)
      total += chunk.length
      if (reply['eof'] === true || chunk.length === 0) break
    }
  } finally {
    await guest.agent(closing(progress), 'guest-file-close', { handle }).catch(() => {})
  }
  return Buffer.concat(chunks).toString('utf8')
}

/**
 * Runs a program in the guest as root through the agent, without a shell. Throws `guest.agent-silent`, and the
 * driver's error when the agent does not allow it.
 */
export async function execThroughAgent(
  progress: Progress,
  guest: GuestAccess,
  program: string,
  args: readonly string[],
): Promise<CommandResult> {
  const options = { path: program, arg: args, 'capture-output': true }
  const started = fields(await guest.agent(progress, 'guest-exec', options))
  const pid = started['pid']
  return await progress.poll({ everyMs: 50, what: `${program} in the guest` }, async () => {
    const status = fields(await guest.agent(progress, 'guest-exec-status', { pid }))
    if (status['exited'] !== true) return undefined
    return {
      exitCode: typeof status['exitcode'] === 'number' ? status['exitcode'] : 1,
      stdout: decode(status['out-data']),
      stderr: decode(status['err-data']),
    }
  })
}

/** A handle is given back even when nobody waits for the file any more. */
const closing = (progress: Progress): Progress =>
  new Progress(progress.seam, { deadlineMs: progress.seam.monotonicMs() + 2_000 })

/** The agent answered, and said no. */
export const isRefusal = (error: unknown): boolean =>
  error instanceof ProvisionError &&
  !['guest.agent-silent', 'host.connection-lost', 'host.unreachable', 'host.timeout'].includes(error.code)

const decode = (base64: unknown): string =>
  typeof base64 === 'string' ? Buffer.from(base64, 'base64').toString('utf8') : ''

/** An answer as a record, empty when it is none. */
export const fields = (reply: unknown): Readonly<Record<string, unknown>> =>
  typeof reply === 'object' && reply !== null ? (reply as Record<string, unknown>) : {}
