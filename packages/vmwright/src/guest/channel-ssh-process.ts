import { constants } from 'node:os'
import type { Readable } from 'node:stream'
import type { Client, ClientChannel } from 'ssh2'
import { ProvisionError } from '../lib/errors.ts'
import type { Progress } from '../lib/progress.ts'
import type { Secret } from '../lib/secret.ts'
import type { GuestCommand } from './channel.ts'
import { type Become, launchLine, launchText, markerOf, sudoPassed, sudoPrompt } from './channel-launch.ts'
import { within } from './channel-limits.ts'
import { type SshTarget, closed } from './ssh-client.ts'

/** A command in the guest. Once `pid` is known, both outputs are paused and begin with what the command itself writes. */
export interface SshProcess {
  /** In the guest. Rejects with `guest.command-failed` when it could not be started: by sudo, or the login shell. */
  readonly pid: Promise<number>
  readonly channel: ClientChannel
  /** Exit code, once it is known; the outputs may still be held open by what the command left behind. */
  readonly exited: Promise<number>
  /** When nothing more can come. Rejects with `guest.port-closed` when the connection broke before the exit code. */
  readonly ended: Promise<number>
}

export interface SshLaunch {
  readonly client: Client
  readonly target: SshTarget
  /** For messages. */
  readonly description: string
  readonly become: Become
  readonly password: Secret | undefined
  readonly nonce: string
}

/** How long sshd may have no room for a further session on a connection (sshd_config(5), MaxSessions). */
const sessionMs = 30_000

/** Starts a command; its standard input is open. One round trip, two when sudo may want a password. */
export async function startProcess(
  progress: Progress,
  launch: SshLaunch,
  command: GuestCommand,
): Promise<SshProcess> {
  const line = launchLine(launch.become)
  const text = launchText(launch.nonce, command)
  const what = `a session of ${launch.description}`
  const limited = progress.child({ timeoutMs: sessionMs })
  const opened = await limited.poll(
    { everyMs: 20, what },
    () => openUnlessCut(limited, launch, line),
    'guest.port-closed',
  )
  const pid = sendCommand(launch, opened, text, line.includes(sudoPrompt))
  pid.catch(() => opened.channel.close())
  return { pid, ...opened }
}

/** `undefined`: not now. sshd gives the room of a session back a little after the client has seen its end. */
async function openUnlessCut(
  progress: Progress,
  launch: SshLaunch,
  line: string,
): Promise<Opened | undefined> {
  const opening = openExec(launch, line)
  try {
    return await within(progress, `a session of ${launch.description}`, opening)
  } catch (error) {
    if (error === noRoom) return undefined
    opening.then(
      ({ channel }) => channel.close(),
      () => {},
    )
    throw error
  }
}

async function sendCommand(
  launch: SshLaunch,
  { channel, ended }: Opened,
  text: string,
  isAsked: boolean,
): Promise<number> {
  const errors = new Prelude(channel.stderr)
  const output = new Prelude(channel)
  if (isAsked) await passSudo(channel, output, errors, launch.password)
  channel.write(text)
  const marker = markerOf(launch.nonce)
  const [first] = await Promise.all([output.line(marker), errors.line(marker)])
  const pid = Number(first?.slice(marker.length))
  if (Number.isInteger(pid) && pid > 1) return pid
  throw notStarted(launch, await ended, errors.text)
}

type Opened = Pick<SshProcess, 'channel' | 'exited' | 'ended'>

function openExec({ client, target }: SshLaunch, line: string): Promise<Opened> {
  return new Promise((resolve, reject) => {
    const onClose = (): void => reject(closed(target, 'the connection broke'))
    client.once('close', onClose)
    client.exec(line, (error, channel) => {
      client.off('close', onClose)
      // The whole result may follow in the same packet, so listen before anything else runs.
      if (error === undefined) return resolve({ channel, ...endOf(channel, target) })
      // RFC 4254, section 5.1: a refused channel comes with a reason.
      return reject('reason' in error ? noRoom : closed(target, error.message, error))
    })
  })
}

const noRoom = new Error('sshd opens no further session')

function endOf(channel: ClientChannel, target: SshTarget): Omit<Opened, 'channel'> {
  const { promise: exited, resolve, reject } = Promise.withResolvers<number>()
  channel.on('error', () => {})
  channel.on('exit', (code: number | null, signal?: string) => resolve(code ?? 128 + numberOf(signal)))
  const outputs = [channel, channel.stderr].map(
    (stream) => new Promise<void>((done) => void stream.once('close', () => done())),
  )
  const ended = Promise.all(outputs).then(() => {
    reject(closed(target, 'the connection broke'))
    return exited
  })
  exited.catch(() => {})
  ended.catch(() => {})
  return { exited, ended }
}

const numberOf = (signal = ''): number => (constants.signals as Readonly<Record<string, number>>)[signal] ?? 0

/** Sends the password once; a second question means that it was the wrong one. */
async function passSudo(
  channel: ClientChannel,
  output: Prelude,
  errors: Prelude,
  password: Secret | undefined,
): Promise<void> {
  channel.write(`${password?.reveal() ?? ''}\n`)
  errors.onText = (text) => {
    if (text.split(sudoPrompt).length > 2) channel.end()
  }
  await output.line(sudoPassed)
  errors.onText = () => {}
}

const longestPrelude = 64 * 1024

/** What comes on a stream before the line that begins with a text. The stream is paused right behind that line. */
class Prelude {
  readonly #stream: Readable
  #bytes = Buffer.alloc(0)
  #isOver = false
  onText: (text: string) => void = () => {}

  constructor(stream: Readable) {
    this.#stream = stream
    stream.on('data', this.#onData)
    stream.once('end', () => {
      this.#isOver = true
      this.#look()
    })
  }

  get text(): string {
    return this.#bytes.toString('utf8')
  }

  #look: () => void = () => {}

  readonly #onData = (chunk: Buffer): void => {
    this.#bytes = Buffer.concat([this.#bytes, chunk])
    if (this.#bytes.length > longestPrelude) this.#bytes = this.#bytes.subarray(-longestPrelude)
    this.onText(this.text)
    this.#look()
  }

  /** The line, or `undefined` when the stream ends without it. */
  line(start: string): Promise<string | undefined> {
    return new Promise((resolve) => {
      this.#look = () => {
        const at = this.#bytes.indexOf(start)
        const end = at < 0 ? -1 : this.#bytes.indexOf(0x0a, at)
        if (end < 0) {
          if (this.#isOver) resolve(undefined)
          return
        }
        const found = this.#bytes.toString('utf8', at, end)
        const rest = this.#bytes.subarray(end + 1)
        this.#look = () => {}
        if (start === sudoPassed) this.#bytes = Buffer.from(rest)
        else {
          this.#stream.off('data', this.#onData).pause()
          if (rest.length > 0) this.#stream.unshift(rest)
        }
        resolve(found)
      }
      this.#look()
    })
  }
}

function notStarted({ become, description }: SshLaunch, exitCode: number, stderr: string): ProvisionError {
  const { login, user } = become
  const said = stderr.replaceAll(sudoPrompt, '').trim().slice(-2_000)
  const isOther = user !== undefined && user !== login
  return new ProvisionError('guest.command-failed', {
    message: isOther
      ? `${login} could not become ${user} on ${description}: ${said === '' ? `exit code ${exitCode}` : said}`
      : `The login shell of ${description} did not start /bin/sh: ${said === '' ? `exit code ${exitCode}` : said}`,
    hint: isOther
      ? `Let ${login} use sudo without a password, or give the connection the password; or choose another \`user\`.`
      : 'Commands need a login shell that runs commands, and a POSIX shell at /bin/sh.',
    details: { login, user, exitCode, stderr: said },
  })
}
