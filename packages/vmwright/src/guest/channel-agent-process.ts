import type { GuestAccess } from '../hypervisor/guest-access.ts'
import { ProvisionError, isProvisionError } from '../lib/errors.ts'
import type { Progress } from '../lib/progress.ts'
import { chunkBytes, fields, isRefusal } from './agent.ts'
import type { AgentFiles } from './channel-agent-files.ts'
import { OutputFollower } from './channel-agent-output.ts'
import { endScript } from './channel-launch.ts'
import { afterwards } from './channel-limits.ts'
import type { OutputText } from './channel-output.ts'

export interface AgentGuest {
  readonly access: GuestAccess
  readonly files: AgentFiles
  /** For messages. */
  readonly description: string
}

export interface AgentLaunch {
  readonly nonce: string
  /** What starts the launcher, for a shell. */
  readonly line: string
  /** What the launcher reads, then the command's own input. */
  readonly input: Uint8Array
  readonly outputs: { readonly stdout: OutputText; readonly stderr: OutputText }
  /** Folders of commands that are over, to be removed. */
  readonly tidy: readonly string[]
}

/**
 * Runs beside the command, `$1` its folder, `$2` the launcher's line, then folders to be removed. The agent gives out
 * what it captured only at the end, and not all of it; so each output goes into files of 64 writes each, of which the
 * next but three is begun only when this one has been emptied: endless output fills nothing and waits.
 */
const supervisor = String.raw`
umask 077
folder=$1 line=$2
shift 2
[ -d "$folder" ] || mkdir -- "$folder" || exit 125
[ ! -f "$folder/in" ] || { exec <"$folder/in"; rm -f -- "$folder/in"; }
mkfifo "$folder/1" "$folder/2" || exit 125
pump() {
  n=0
  while dd bs=49152 count=64 of="$folder/$1.$n" 2>/dev/null && [ -s "$folder/$1.$n" ]; do
    n=$((n + 1))
    while [ -s "$folder/$1.$((n - 4))" ]; do sleep 0.05 || sleep 1; done
  done
}
pump 1 <"$folder/1" &
pump 2 <"$folder/2" &
/bin/sh -c "$line" >"$folder/1" 2>"$folder/2"
code=$?
echo "$code" >"$folder/code.part"
mv -- "$folder/code.part" "$folder/code"
[ $# = 0 ] || rm -rf -- "$@"
wait
exit "$code"`

/** Between two looks: short at first, then longer while nothing happens. */
const pausesMs = [5, 10, 20, 40, 80, 160, 320, 500] as const
/** How long a command that has ended may be silent while something it left behind holds its outputs. */
const quietMs = 1_000
const endingMs = 10_000
/** One command through the agent. */
export class AgentProcess {
  /** In the guest; for the caller to have removed. On a file system in memory. */
  readonly folder: string
  readonly #guest: AgentGuest
  readonly #launch: AgentLaunch
  readonly #outputs: readonly OutputFollower[]

  constructor(guest: AgentGuest, launch: AgentLaunch) {
    this.folder = `/run/vmwright-${launch.nonce}`
    this.#guest = guest
    this.#launch = launch
    this.#outputs = [
      new OutputFollower(guest.files, `${this.folder}/1`, launch.nonce, launch.outputs.stdout),
      new OutputFollower(guest.files, `${this.folder}/2`, launch.nonce, launch.outputs.stderr),
    ]
  }

  /** Exit code. Whatever ends the waiting before, ends the command too. */
  async run(progress: Progress): Promise<number> {
    const pid = await this.#start(progress)
    try {
      const exitCode = await this.#follow(progress, pid)
      const said = this.#outputs[1]?.missing
      if (said !== undefined) throw this.#notStarted(exitCode, said)
      return exitCode
    } catch (error) {
      if (!(error instanceof ProvisionError && error.code === 'guest.command-failed'))
        await this.#end(progress, pid)
      throw error
    } finally {
      for (const output of this.#outputs) await output.close(progress)
    }
  }

  async #start(progress: Progress): Promise<number> {
    const { line, input, tidy } = this.#launch
    const isSmall = input.length <= chunkBytes
    if (!isSmall) await this.#store(progress, input)
    return await this.#exec(
      progress,
      ['-c', supervisor, 'sh', this.folder, line, ...tidy],
      isSmall ? input : undefined,
    )
  }

  /** Into a folder of root's own: the agent makes files that all may read. */
  async #store(progress: Progress, input: Uint8Array): Promise<void> {
    const pid = await this.#exec(progress, ['-c', 'umask 077; mkdir -- "$1"', 'sh', this.folder])
    await progress.poll({ everyMs: 10, what: this.#guest.description }, () => this.#exitCode(progress, pid))
    await this.#guest.files.write(progress, `${this.folder}/in`, once(input))
  }

  async #exec(progress: Progress, arg: readonly string[], input?: Uint8Array): Promise<number> {
    const reply = await this.#guest.access.agent(progress, 'guest-exec', {
      path: '/bin/sh',
      arg,
      ...(input === undefined ? {} : { 'input-data': Buffer.from(input).toString('base64') }),
    })
    return Number(fields(reply)['pid'])
  }

  /** `undefined` while it runs. */
  async #exitCode(progress: Progress, pid: number): Promise<number | undefined> {
    const reply = await this.#guest.access
      .agent(progress, 'guest-exec-status', { pid })
      .catch((error: unknown) => {
        progress.check()
        throw isRefusal(error) ? this.#forgotten(error) : error
      })
    const { exited, exitcode, signal } = fields(reply)
    if (exited !== true) return undefined
    return typeof exitcode === 'number' ? exitcode : 128 + Number(signal ?? 0)
  }

  async #follow(progress: Progress, pid: number): Promise<number> {
    let idle = 0
    let quietSinceMs = progress.seam.monotonicMs()
    let left: number | undefined
    for (;;) {
      progress.check()
      if (progress.remainingMs === 0)
        throw new ProvisionError('wait.timeout', {
          message: `Timed out waiting for a command on ${this.#guest.description}.`,
        })
      const exitCode = await this.#exitCode(progress, pid)
      const counts = await this.#advance(progress, exitCode !== undefined)
      if (exitCode !== undefined) return exitCode
      const isIdle = counts.every((count) => count === 0)
      idle = isIdle ? idle + 1 : 0
      const now = progress.seam.monotonicMs()
      if (!isIdle) quietSinceMs = now
      else if (now - quietSinceMs >= quietMs) {
        if (left !== undefined) return left
        left = await this.#exitOfLeft(progress)
        // Its last words may have come after the look at the outputs.
        if (left !== undefined) quietSinceMs = now
      }
      if (isIdle) await progress.sleep(pausesMs[Math.min(idle, pausesMs.length) - 1] ?? 500)
    }
  }

  async #advance(progress: Progress, isLast: boolean): Promise<readonly number[]> {
    try {
      return await Promise.all(this.#outputs.map((output) => output.advance(progress, isLast)))
    } catch (error) {
      // Its files are refused only to an agent that did not open them.
      throw isProvisionError(error, 'guest.command-failed') ? this.#forgotten(error) : error
    }
  }

  /** The exit code of a command whose outputs are still held by what it left behind. */
  async #exitOfLeft(progress: Progress): Promise<number | undefined> {
    const handle = await this.#guest.files.open(progress, `${this.folder}/code`, 'r')
    if (handle === undefined) return undefined
    try {
      return Number(Buffer.from(await this.#guest.files.next(progress, handle)).toString())
    } finally {
      await this.#guest.files.close(progress, handle)
    }
  }

  /** Best effort: an agent that is silent cannot end anything. */
  async #end(progress: Progress, pid: number): Promise<void> {
    const own = afterwards(progress, endingMs)
    try {
      const ending = await this.#exec(own, ['-c', endScript, 'sh', String(pid)])
      await own.poll({ everyMs: 50, what: 'the end of a command' }, () => this.#exitCode(own, ending))
    } catch {
      // Nobody waits for it; what was thrown first is what counts.
    }
  }

  #notStarted(exitCode: number, said: string): ProvisionError {
    const because = said.trim() === '' ? `exit code ${exitCode}` : said.trim().slice(-2_000)
    return new ProvisionError('guest.command-failed', {
      message: `A command could not be started on ${this.#guest.description}: ${because}`,
      hint: 'Look at the `user` of the step; the guest needs /bin/sh, su, mkfifo and dd, and space in /run.',
      details: { exitCode, stderr: said.slice(-2_000) },
    })
  }

  #forgotten(cause: unknown): ProvisionError {
    return new ProvisionError('guest.agent-silent', {
      message: `The guest agent of ${this.#guest.description} knows nothing of its command any more: it was started again.`,
      retryable: true,
      cause,
    })
  }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}
