import type { GuestAccess } from '../hypervisor/guest-access.ts'
import { ProvisionError } from '../lib/errors.ts'
import type { Progress } from '../lib/progress.ts'
import { Secret } from '../lib/secret.ts'
import { fields } from './agent.ts'
import type { CommandEnd, GuestChannel, GuestCommand, GuestFile } from './channel.ts'
import { AgentFiles } from './channel-agent-files.ts'
import { AgentProcess, type AgentGuest } from './channel-agent-process.ts'
import { getFailed, missingExitCode, octal, piecesOf, putFailed } from './channel-files.ts'
import { launchLine, launchText } from './channel-launch.ts'
import { afterwards } from './channel-limits.ts'
import { OutputText } from './channel-output.ts'

const closingMs = 3_000

const needed = [
  'guest-exec',
  'guest-exec-status',
  'guest-file-open',
  'guest-file-read',
  'guest-file-write',
  'guest-file-flush',
  'guest-file-close',
] as const

/**
 * A channel through the guest agent, as root and without a network. Throws `guest.agent-silent`;
 * `guest.connection-unsupported` where the agent may not run commands, or the guest is Windows.
 */
export async function openAgentChannel(
  progress: Progress,
  { name, access }: { readonly name: string; readonly access: GuestAccess },
): Promise<GuestChannel> {
  const info = fields(await access.agent(progress, 'guest-info'))
  const commands = Array.isArray(info['supported_commands']) ? info['supported_commands'].map(fields) : []
  const isEnabled = (command: string): boolean =>
    commands.some((each) => each['name'] === command && each['enabled'] !== false)
  const missing = needed.filter((command) => !isEnabled(command))
  if (missing.length > 0) throw blocked(name, missing)
  if (isEnabled('guest-get-osinfo')) {
    const system = fields(await access.agent(progress, 'guest-get-osinfo'))
    if (system['id'] === 'mswindows') throw windows(name)
  }
  return new AgentChannel(name, access)
}

class AgentChannel implements GuestChannel {
  readonly kind = 'agent'
  readonly description: string
  readonly #guest: AgentGuest
  readonly #files: AgentFiles
  /** Folders in the guest of commands that are over. */
  readonly #left: string[] = []
  #last: Progress | undefined
  #alive = true

  constructor(name: string, access: GuestAccess) {
    this.description = `${name} by the guest agent`
    this.#files = new AgentFiles(access, this.description)
    this.#guest = { access, files: this.#files, description: this.description }
  }

  get alive(): boolean {
    return this.#alive
  }

  async run(progress: Progress, command: GuestCommand): Promise<CommandEnd> {
    return await this.#effect(progress, 'guest.run', true, async () => {
      const nonce = nonceOf(progress)
      const input = Buffer.concat([Buffer.from(launchText(nonce, command), 'utf8'), bytesOf(command.stdin)])
      const line = launchLine({ login: 'root', user: command.user, hasPassword: false })
      const follow = (stream: 'stdout' | 'stderr') =>
        new OutputText((text) => command.onOutput?.(stream, text))
      const outputs = { stdout: follow('stdout'), stderr: follow('stderr') }
      const tidy = this.#left.splice(0)
      const process = new AgentProcess(this.#guest, { nonce, line, input, outputs, tidy })
      try {
        const exitCode = await process.run(progress)
        return { exitCode, stdout: outputs.stdout.end(), stderr: outputs.stderr.end() }
      } finally {
        this.#left.push(process.folder)
      }
    })
  }

  async put(progress: Progress, file: GuestFile): Promise<void> {
    const failed = (end: CommandEnd): ProvisionError => putFailed(file.path, this.description, end)
    const begun = await this.run(progress, {
      script: beginPut,
      args: [file.path, nonceOf(progress)],
      user: file.user,
    })
    if (begun.exitCode !== 0) throw failed(begun)
    const temporary = begun.stdout.replace(/\n$/, '')
    try {
      await this.#effect(progress, 'guest.put', true, () =>
        this.#files.write(progress, temporary, piecesOf(file.content)),
      )
    } catch (error) {
      await this.run(progress, { script: 'rm -f -- "$1"', args: [temporary] }).catch(() => {})
      if (!(error instanceof ProvisionError) || error.code !== 'guest.command-failed') throw error
      throw putFailed(file.path, this.description, { exitCode: 1, stderr: String(error.details['because']) })
    }
    const args = [temporary, file.path, octal(file.mode), file.owner ?? '']
    const ended = await this.run(progress, { script: endPut, args, user: file.user })
    if (ended.exitCode !== 0) throw failed(ended)
  }

  async get(progress: Progress, path: string, user?: string): Promise<AsyncIterable<Uint8Array>> {
    const looked = await this.run(progress, { script: lookScript, args: [path], user })
    if (looked.exitCode !== 0) throw getFailed(path, this.description, looked)
    return await this.#effect(progress, 'guest.get', false, async () => this.#files.read(progress, path))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#alive) return
    this.#alive = false
    if (this.#left.length === 0 || this.#last === undefined) return
    const arg = ['-rf', '--', ...this.#left]
    await this.#guest.access
      .agent(afterwards(this.#last, closingMs), 'guest-exec', { path: '/bin/rm', arg })
      .catch(() => {})
  }

  async #effect<T>(progress: Progress, kind: string, mutates: boolean, run: () => Promise<T>): Promise<T> {
    progress.check()
    if (!this.#alive)
      throw new ProvisionError('guest.agent-silent', {
        message: `The channel to ${this.description} was closed.`,
      })
    this.#last = progress
    return await progress.seam.effect({ kind, object: this.description, mutates }, run)
  }
}

/** Makes the file that is written to, and says where it is. */
const beginPut = String.raw`
path=$1
if [ -d "$path" ]; then echo "$path is a folder" >&2; exit 21; fi
folder=$(dirname -- "$path")
mkdir -p -- "$folder"
umask 077
folder=$(cd -- "$folder" && pwd -P)
: >"$folder/.vmwright-$2"
printf '%s\n' "$folder/.vmwright-$2"`

const endPut = `
trap 'rm -f -- "$1"' EXIT
chmod "$3" "$1"
[ -z "$4" ] || chown "$4" "$1"
mv -f -- "$1" "$2"`

const lookScript = `[ -f "$1" ] && [ -r "$1" ] || { ls -ld -- "$1" >&2 || :; exit ${missingExitCode}; }`

const bytesOf = (stdin: GuestCommand['stdin']): Uint8Array =>
  stdin instanceof Uint8Array
    ? stdin
    : Buffer.from(stdin instanceof Secret ? stdin.reveal() : (stdin ?? ''), 'utf8')

const nonceOf = ({ seam }: Progress): string => Buffer.from(seam.randomBytes(12)).toString('hex')

const blocked = (name: string, missing: readonly string[]): ProvisionError =>
  new ProvisionError('guest.connection-unsupported', {
    message: `The guest agent of ${name} is not allowed to run commands and write files: ${missing.join(', ')} ${missing.length === 1 ? 'is' : 'are'} blocked.`,
    hint: 'In the guest, take them out of BLACKLIST_RPC (or FILTER_RPC_ARGS) in /etc/sysconfig/qemu-ga and restart qemu-guest-agent; or use `connection.kind: ssh`.',
    details: { name, blocked: missing },
  })

const windows = (name: string): ProvisionError =>
  new ProvisionError('guest.connection-unsupported', {
    message: `${name} is a Windows guest, and commands through the guest agent are for a POSIX shell.`,
    hint: 'Windows guests cannot be worked on by this version.',
    details: { name },
  })
