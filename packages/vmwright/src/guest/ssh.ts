import type { Client, ClientChannel } from 'ssh2'
import type { Progress } from '../lib/progress.ts'
import { type SshTarget, closed, connectClient, hasLogin } from './ssh-client.ts'

export type { SshTarget } from './ssh-client.ts'

export interface CommandResult {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

/** A command that runs in the guest. `done` rejects with `guest.port-closed` when the connection breaks. */
export interface RunningCommand extends Disposable {
  readonly done: Promise<CommandResult>
  write(text: string): void
}

export type SshOutcome =
  { readonly kind: 'verified' } | { readonly kind: 'session'; readonly session: SshSession }

export interface SshSession extends Disposable {
  /** False once the connection is gone. */
  readonly alive: boolean
  /** The command line is for the login shell; the caller quotes. Rejects with `guest.port-closed` when the connection breaks. */
  exec(progress: Progress, command: string): Promise<CommandResult>
  /** `onOutput` is called whenever the command has printed something. */
  start(progress: Progress, command: string, onOutput?: () => void): Promise<RunningCommand>
}

const keptCharacters = 256 * 1024

/**
 * Connects and checks the host key against the known ones before anything secret is sent; then logs in, if there
 * is a key to do it with. Throws `guest.host-key-mismatch`, `guest.ssh-refused` (the login), `guest.port-closed`
 * (no answer, or none that is SSH). Safe to repeat.
 */
export async function connectSsh(progress: Progress, target: SshTarget): Promise<SshOutcome> {
  const object = `${target.user}@${target.address}:${target.port}`
  return await progress.seam.effect({ kind: 'ssh.connect', object, mutates: false }, async () => {
    const client = await connectClient(progress, target)
    if (hasLogin(target)) return { kind: 'session', session: new Session(client, target) }
    client.end()
    return { kind: 'verified' }
  })
}

class Session implements SshSession {
  readonly #client: Client
  readonly #target: SshTarget
  #alive = true

  constructor(client: Client, target: SshTarget) {
    this.#client = client
    this.#target = target
    client.once('close', () => {
      this.#alive = false
    })
  }

  get alive(): boolean {
    return this.#alive
  }

  async exec(progress: Progress, command: string): Promise<CommandResult> {
    using running = await this.start(progress, command)
    const { signal } = progress.callOptions()
    return await unlessAborted(signal, running.done)
  }

  async start(progress: Progress, command: string, onOutput?: () => void): Promise<RunningCommand> {
    progress.check()
    const { channel, done } = await unlessAborted(
      progress.signal,
      new Promise<{ readonly channel: ClientChannel; readonly done: Promise<CommandResult> }>(
        (resolve, reject) => {
          const onClose = (): void => reject(closed(this.#target, 'the connection broke'))
          if (!this.#alive) return onClose()
          this.#client.once('close', onClose)
          return this.#client.exec(command, (error, opened) => {
            this.#client.off('close', onClose)
            // The whole result may follow in the same packet, so listen before anything else runs.
            if (error === undefined) resolve({ channel: opened, done: resultOf(opened, this.#target) })
            else reject(closed(this.#target, error.message, error))
          })
        },
      ),
    )
    done.catch(() => {})
    if (onOutput !== undefined) channel.on('data', onOutput)
    return {
      done,
      write: (text) => void (channel.writable && channel.write(text)),
      [Symbol.dispose]: () => channel.close(),
    }
  }

  [Symbol.dispose](): void {
    this.#client.end()
  }
}

async function resultOf(channel: ClientChannel, target: SshTarget): Promise<CommandResult> {
  const output = { stdout: '', stderr: '' }
  let exitCode: number | undefined
  channel.setEncoding('utf8')
  channel.stderr.setEncoding('utf8')
  channel.on('data', (text: string) => (output.stdout = (output.stdout + text).slice(-keptCharacters)))
  channel.stderr.on('data', (text: string) => (output.stderr = (output.stderr + text).slice(-keptCharacters)))
  channel.on('exit', (code: number | null) => (exitCode = code ?? killedBySignal))
  await new Promise<void>((resolve) => void channel.once('close', () => resolve()))
  if (exitCode === undefined) throw closed(target, 'the connection broke')
  return { exitCode, ...output }
}

/** What a shell shows for a process that a signal ended. */
const killedBySignal = 128

async function unlessAborted<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  signal.throwIfAborted()
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  const onAbort = (): void => reject(signal.reason)
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    return await Promise.race([promise, aborted])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}
