import type { GuestAccess } from '../hypervisor/guest-access.ts'
import { ProvisionError, isProvisionError, messageOf } from '../lib/errors.ts'
import type { Progress } from '../lib/progress.ts'
import { chunkBytes, fields, isRefusal } from './agent.ts'
import { afterwards } from './channel-limits.ts'

/** How long may be spent on giving a handle back when nobody waits any more. */
const closingMs = 3_000

/** Files of the guest, in pieces of 48 KiB. Throws `guest.agent-silent`, and `guest.command-failed` for what is refused. */
export class AgentFiles {
  readonly #access: GuestAccess
  readonly #description: string

  constructor(access: GuestAccess, description: string) {
    this.#access = access
    this.#description = description
  }

  /** `undefined` when it cannot be opened. */
  async open(progress: Progress, path: string, mode: 'r' | 'w'): Promise<number | undefined> {
    try {
      const handle = await this.#access.agent(progress, 'guest-file-open', { path, mode })
      return typeof handle === 'number' ? handle : undefined
    } catch (error) {
      progress.check()
      if (isRefusal(error)) return undefined
      throw error
    }
  }

  /** What there is from where the last one ended; empty at the end, which may move. */
  async next(progress: Progress, handle: number): Promise<Uint8Array> {
    const reply = await this.#call(progress, 'guest-file-read', { handle, count: chunkBytes })
    return Buffer.from(String(reply['buf-b64'] ?? ''), 'base64')
  }

  async close(progress: Progress, handle: number): Promise<void> {
    await this.#access.agent(afterwards(progress, closingMs), 'guest-file-close', { handle }).catch(() => {})
  }

  /** Makes it empty. */
  async empty(progress: Progress, path: string): Promise<void> {
    const handle = await this.open(progress, path, 'w')
    if (handle !== undefined) await this.close(progress, handle)
  }

  async *read(progress: Progress, path: string): AsyncGenerator<Uint8Array> {
    const handle = await this.#opened(progress, path, 'r')
    try {
      for (;;) {
        const chunk = await this.next(progress, handle)
        if (chunk.length === 0) return
        yield chunk
      }
    } finally {
      await this.close(progress, handle)
    }
  }

  /** Over what is there. Small pieces are put together. */
  async write(progress: Progress, path: string, pieces: AsyncIterable<Uint8Array>): Promise<void> {
    const handle = await this.#opened(progress, path, 'w')
    try {
      for await (const chunk of inChunks(pieces)) await this.#writeAll(progress, handle, chunk)
      await this.#call(progress, 'guest-file-flush', { handle })
    } finally {
      await this.close(progress, handle)
    }
  }

  async #writeAll(progress: Progress, handle: number, chunk: Uint8Array): Promise<void> {
    for (let at = 0; at < chunk.length;) {
      const piece = Buffer.from(chunk.subarray(at))
      const reply = await this.#call(progress, 'guest-file-write', {
        handle,
        'buf-b64': piece.toString('base64'),
      })
      const count = Number(reply['count'])
      if (!(count > 0)) throw this.#refused('guest-file-write', 'nothing was written')
      at += count
    }
  }

  async #opened(progress: Progress, path: string, mode: 'r' | 'w'): Promise<number> {
    const handle = await this.open(progress, path, mode)
    if (handle === undefined) throw this.#refused('guest-file-open', `${path} cannot be opened`)
    return handle
  }

  async #call(
    progress: Progress,
    command: string,
    args: Readonly<Record<string, unknown>>,
  ): Promise<Readonly<Record<string, unknown>>> {
    progress.check()
    try {
      return fields(await this.#access.agent(progress, command, args))
    } catch (error) {
      progress.check()
      throw isRefusal(error) && !isProvisionError(error, 'guest.command-failed')
        ? this.#refused(command, messageOf(error), error)
        : error
    }
  }

  #refused(command: string, because: string, cause?: unknown): ProvisionError {
    return new ProvisionError('guest.command-failed', {
      message: `${command} failed on ${this.#description}: ${because}`,
      details: { command, because },
      cause,
    })
  }
}

/** The same bytes in pieces of 48 KiB, the last one shorter. */
async function* inChunks(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let held = Buffer.alloc(0)
  for await (const piece of pieces) {
    held = Buffer.concat([held, piece])
    let at = 0
    for (; held.length - at >= chunkBytes; at += chunkBytes) yield held.subarray(at, at + chunkBytes)
    held = held.subarray(at)
  }
  if (held.length > 0) yield held
}
