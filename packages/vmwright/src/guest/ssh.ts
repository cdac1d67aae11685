import type { Client, ClientChannel, ServerHostKeyAlgorithm } from 'ssh2'
import { ProvisionError, messageOf, systemCode } from '../lib/errors.ts'
import type { Progress } from '../lib/progress.ts'
import type { Secret } from '../lib/secret.ts'

export interface SshTarget {
  readonly address: string
  readonly port: number
  readonly user: string
  /** Public keys the guest was given (`ssh-ed25519 AAAA…`). Empty: any key is refused. */
  readonly hostKeys: readonly string[]
  /** OpenSSH form. Without it the session ends after the key exchange has proven who answers. */
  readonly privateKey?: Secret | undefined
}

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

/** A slow guest needs seconds for its part of the key exchange. */
const handshakeMs = 20_000
const keptCharacters = 256 * 1024

/**
 * Connects and checks the host key against the known ones before anything secret is sent; then logs in, if there
 * is a key to do it with. Throws `guest.host-key-mismatch`, `guest.ssh-refused` (the login), `guest.port-closed`
 * (no answer, or none that is SSH). Safe to repeat.
 */
export async function connectSsh(progress: Progress, target: SshTarget): Promise<SshOutcome> {
  const object = `${target.user}@${target.address}:${target.port}`
  return await progress.seam.effect({ kind: 'ssh.connect', object, mutates: false }, () =>
    connect(progress, target),
  )
}

async function connect(progress: Progress, target: SshTarget): Promise<SshOutcome> {
  const { default: ssh2 } = await import('ssh2')
  const { signal, timeoutMs } = progress.callOptions(handshakeMs)
  signal.throwIfAborted()
  const client = new ssh2.Client()
  let shownKey: string | undefined
  const abort = (): void => void client.destroy()
  signal.addEventListener('abort', abort, { once: true })
  const known = new Set(target.hostKeys.map(keyBlob))

  const outcome = await new Promise<SshOutcome>((resolve, reject) => {
    client.on('error', (error) => reject(connectError(target, error, known.has(shownKey ?? ''), shownKey)))
    client.on('close', () => reject(closed(target, 'the connection was closed')))
    client.on('handshake', () => {
      if (target.privateKey === undefined) resolve({ kind: 'verified' })
    })
    client.on('ready', () => resolve({ kind: 'session', session: new Session(client, target) }))
    client.connect({
      host: target.address,
      port: target.port,
      username: target.user,
      readyTimeout: timeoutMs,
      keepaliveInterval: 15_000,
      algorithms: { serverHostKey: hostKeyAlgorithms(target.hostKeys) },
      hostVerifier: (key: Buffer) => {
        shownKey = key.toString('base64')
        return known.has(shownKey)
      },
      ...(target.privateKey === undefined
        ? { authHandler: () => false as const }
        : { privateKey: target.privateKey.reveal(), authHandler: ['publickey'] }),
    })
    client.setNoDelay(true)
  }).catch((error: unknown) => {
    client.destroy()
    signal.throwIfAborted()
    throw error
  })
  signal.removeEventListener('abort', abort)
  client.removeAllListeners('error').on('error', () => {})
  if (outcome.kind === 'verified') client.end()
  return outcome
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

const keyBlob = (publicKey: string): string => publicKey.trim().split(/\s+/)[1] ?? ''

/** The types of the known keys first: a server with several keys then shows one that can be checked. */
function hostKeyAlgorithms(hostKeys: readonly string[]): ServerHostKeyAlgorithm[] {
  const all: readonly ServerHostKeyAlgorithm[] = [
    'ssh-ed25519',
    'ecdsa-sha2-nistp256',
    'ecdsa-sha2-nistp384',
    'ecdsa-sha2-nistp521',
    'rsa-sha2-512',
    'rsa-sha2-256',
  ]
  const types = new Set(hostKeys.map((key) => key.trim().split(/\s+/)[0]))
  const isKnown = (algorithm: string): boolean =>
    types.has(algorithm) || (types.has('ssh-rsa') && algorithm.startsWith('rsa-'))
  return [...all.filter(isKnown), ...all.filter((each) => !isKnown(each))]
}

function connectError(
  target: SshTarget,
  error: Error & { readonly level?: string },
  keyIsKnown: boolean,
  shownKey: string | undefined,
): ProvisionError {
  const where = `${target.address} port ${target.port}`
  if (shownKey !== undefined && !keyIsKnown)
    return new ProvisionError('guest.host-key-mismatch', {
      message: `The machine at ${where} shows an SSH host key that the guest was not given.`,
      details: { address: target.address, port: target.port, shownKey, knownKeys: target.hostKeys },
      cause: error,
    })
  if (error.level === 'client-authentication')
    return new ProvisionError('guest.ssh-refused', {
      message: `The guest at ${where} refused the login of ${target.user} with the key.`,
      details: { address: target.address, port: target.port, user: target.user },
      retryable: true,
      cause: error,
    })
  return closed(target, systemCode(error) === 'ECONNREFUSED' ? 'connection refused' : messageOf(error), error)
}

const closed = (target: SshTarget, because: string, cause?: unknown): ProvisionError =>
  new ProvisionError('guest.port-closed', {
    message: `No SSH connection to ${target.address} port ${target.port}: ${because}.`,
    details: { address: target.address, port: target.port, because },
    retryable: true,
    cause,
  })

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
