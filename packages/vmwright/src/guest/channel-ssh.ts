import type { Client, ClientChannel } from 'ssh2'
import type { Progress } from '../lib/progress.ts'
import { Secret } from '../lib/secret.ts'
import type { CommandEnd, GuestChannel, GuestCommand, GuestFile } from './channel.ts'
import { getFailed, getScript, octal, piecesOf, putFailed, putScript } from './channel-files.ts'
import { endScript } from './channel-launch.ts'
import { Slots, afterwards, within } from './channel-limits.ts'
import { OutputText } from './channel-output.ts'
import { type SshProcess, startProcess } from './channel-ssh-process.ts'
import { type SshTarget, closed } from './ssh-client.ts'

export interface SshLogin {
  /** Logged in. Belongs to the channel from now on. */
  readonly client: Client
  readonly target: SshTarget
  /** Closes what the connection goes through. */
  readonly close: () => void
}

/** sshd allows ten sessions on a connection (sshd_config(5), MaxSessions); two are for ending commands. */
const commandsAtOnce = 8
/** How long a command that has ended may be silent while something it left behind holds its outputs. */
const quietMs = 1_000
const endingMs = 10_000

/** A channel over one SSH connection. Each command is a session of its own on it, with no further login. */
export function sshChannel(login: SshLogin): GuestChannel {
  return new SshChannel(login)
}

class SshChannel implements GuestChannel {
  readonly kind = 'ssh'
  readonly description: string
  readonly #login: SshLogin
  readonly #slots = new Slots(commandsAtOnce)
  #alive = true

  constructor(login: SshLogin) {
    const { user, address, port } = login.target
    this.#login = login
    this.description = `${user}@${address}${port === 22 ? '' : `:${port}`} by SSH`
    login.client.once('close', () => {
      this.#alive = false
      login.close()
    })
  }

  get alive(): boolean {
    return this.#alive
  }

  async run(progress: Progress, command: GuestCommand): Promise<CommandEnd> {
    using _slot = await this.#slots.take(progress, `a turn on ${this.description}`)
    return await this.#effect(progress, 'guest.run', true, async () => {
      const process = await this.#start(progress, command)
      return await this.#unlessCutOff(progress, process, command.user, async () => {
        const { channel } = process
        const failed = Promise.withResolvers<never>()
        const follow = (stream: 'stdout' | 'stderr') =>
          new OutputText((text) => {
            try {
              command.onOutput?.(stream, text)
            } catch (error) {
              failed.reject(error)
            }
          })
        const [stdout, stderr] = [follow('stdout'), follow('stderr')]
        let pieces = 0
        const take = (output: OutputText) => (chunk: Buffer) => {
          pieces++
          output.push(chunk)
        }
        channel.on('data', take(stdout)).resume()
        channel.stderr.on('data', take(stderr)).resume()
        void feed(channel, piecesOf(bytesOf(command.stdin))).catch(() => {})
        const ended = endOrQuiet(progress, process, () => pieces)
        const exitCode = await within(progress, 'a command', Promise.race([ended, failed.promise]))
        return { exitCode, stdout: stdout.end(), stderr: stderr.end() }
      })
    })
  }

  async put(progress: Progress, file: GuestFile): Promise<void> {
    using _slot = await this.#slots.take(progress, `a turn on ${this.description}`)
    await this.#effect(progress, 'guest.put', true, async () => {
      const mark = nonceOf(progress)
      const args = [file.path, octal(file.mode), file.owner ?? '', mark]
      const process = await this.#start(progress, { script: putScript, args, user: file.user })
      await this.#unlessCutOff(progress, process, file.user, async () => {
        const { channel, ended } = process
        const stderr = new OutputText()
        channel.stderr.on('data', (chunk: Buffer) => stderr.push(chunk)).resume()
        channel.resume()
        // A full disk ends the command before all has been sent.
        const sent = feed(channel, marked(piecesOf(file.content), mark))
        await within(progress, file.path, Promise.race([sent, ended]))
        const exitCode = await within(progress, file.path, ended)
        if (exitCode !== 0) throw putFailed(file.path, this.description, { exitCode, stderr: stderr.end() })
      })
    })
  }

  async get(progress: Progress, path: string, user?: string): Promise<AsyncIterable<Uint8Array>> {
    const slot = await this.#slots.take(progress, `a turn on ${this.description}`)
    try {
      return await this.#effect(progress, 'guest.get', false, async () => {
        const process = await this.#start(progress, { script: getScript, args: [path], user })
        const { channel, ended } = process
        const stderr = new OutputText()
        const { content, first } = await this.#unlessCutOff(progress, process, user, async () => {
          channel.end()
          channel.stderr.on('data', (chunk: Buffer) => stderr.push(chunk)).resume()
          const content = channel[Symbol.asyncIterator]() as AsyncIterator<Buffer>
          return { content, first: await within(progress, path, content.next()) }
        })
        const assertEnded = async (): Promise<void> => {
          const exitCode = await within(progress, path, ended)
          if (exitCode !== 0) throw getFailed(path, this.description, { exitCode, stderr: stderr.end() })
        }
        if (first.done === true) {
          await assertEnded()
          throw closed(this.#login.target, 'a file did not come')
        }
        return rest(progress, path, { first: first.value.subarray(1), content, assertEnded, slot, channel })
      })
    } catch (error) {
      slot[Symbol.dispose]()
      throw error
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#alive) return
    this.#alive = false
    this.#login.client.end()
  }

  async #effect<T>(progress: Progress, kind: string, mutates: boolean, run: () => Promise<T>): Promise<T> {
    progress.check()
    if (!this.#alive) throw closed(this.#login.target, 'the connection was closed')
    return await progress.seam.effect({ kind, object: this.description, mutates }, run)
  }

  async #start(progress: Progress, command: GuestCommand): Promise<SshProcess> {
    const { client, target } = this.#login
    const { password } = target
    const become = { login: target.user, user: command.user, hasPassword: password !== undefined }
    const launch = {
      client,
      target,
      become,
      password,
      description: this.description,
      nonce: nonceOf(progress),
    }
    return await startProcess(progress, launch, command)
  }

  /** Whatever ends the work before the command ends, ends the command too. */
  async #unlessCutOff<T>(
    progress: Progress,
    process: SshProcess,
    user: string | undefined,
    work: () => Promise<T>,
  ): Promise<T> {
    let isOver = false
    process.ended.then(
      () => (isOver = true),
      () => (isOver = true),
    )
    try {
      await within(progress, `a command on ${this.description}`, process.pid)
      return await work()
    } catch (error) {
      await Promise.resolve()
      if (!isOver) await this.#end(progress, process, user)
      throw error
    }
  }

  /** A connection on which a command cannot be ended is given up. */
  async #end(progress: Progress, process: SshProcess, user: string | undefined): Promise<void> {
    const own = afterwards(progress, endingMs)
    try {
      const pid = await within(own, 'the start of a command', process.pid)
      process.channel.resume()
      process.channel.stderr.resume()
      const ending = await this.#start(own, { script: endScript, args: [String(pid)], user })
      await within(own, 'the end of a command', ending.pid)
      ending.channel.resume().end()
      ending.channel.stderr.resume()
      await within(own, 'the end of a command', ending.ended)
      process.channel.close()
    } catch {
      this.#alive = false
      this.#login.client.destroy()
    }
  }
}

/** Its end; or that it has exited and is silent, while something in the background holds its outputs. */
async function endOrQuiet(progress: Progress, process: SshProcess, pieces: () => number): Promise<number> {
  const over = new AbortController()
  const ended = process.ended.finally(() => over.abort())
  const quiet = process.exited.then(async (exitCode) => {
    for (;;) {
      const before = pieces()
      await progress.seam.sleep(quietMs, over.signal)
      if (pieces() !== before) continue
      process.channel.close()
      return exitCode
    }
  })
  quiet.catch(() => {})
  return await Promise.race([ended, quiet.catch(() => ended)])
}

/** Writes no faster than the other side takes it, and ends the stream. */
async function feed(channel: ClientChannel, pieces: AsyncIterable<Uint8Array>): Promise<void> {
  const gone = new Promise<void>((resolve) => void channel.once('close', () => resolve()))
  for await (const piece of pieces) {
    for (let at = 0; at < piece.length; at += pieceBytes) {
      if (!channel.writable) return
      if (channel.write(piece.subarray(at, at + pieceBytes))) continue
      await Promise.race([gone, new Promise<void>((resolve) => void channel.once('drain', () => resolve()))])
    }
  }
  channel.end()
}

const pieceBytes = 256 * 1024

async function* marked(pieces: AsyncIterable<Uint8Array>, mark: string): AsyncGenerator<Uint8Array> {
  yield* pieces
  yield Buffer.from(mark)
}

async function* rest(
  progress: Progress,
  path: string,
  from: {
    readonly first: Uint8Array
    readonly content: AsyncIterator<Uint8Array>
    readonly assertEnded: () => Promise<void>
    readonly slot: Disposable
    readonly channel: ClientChannel
  },
): AsyncGenerator<Uint8Array> {
  const { first, content, assertEnded, slot, channel } = from
  try {
    if (first.length > 0) yield first
    for (;;) {
      const next = await within(progress, path, content.next())
      if (next.done === true) break
      yield next.value
    }
    await assertEnded()
  } finally {
    channel.close()
    slot[Symbol.dispose]()
  }
}

const bytesOf = (stdin: GuestCommand['stdin']): Uint8Array | Secret =>
  typeof stdin === 'string' ? Buffer.from(stdin, 'utf8') : (stdin ?? new Uint8Array())

const nonceOf = ({ seam }: Progress): string => Buffer.from(seam.randomBytes(12)).toString('hex')
