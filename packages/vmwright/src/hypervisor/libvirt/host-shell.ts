import { parseUri, sshCommand } from '@vmwright/libvirt'
import { ProvisionError } from '../../lib/errors.ts'
import { runProgram, type RunResult } from '../../lib/process.ts'
import type { Progress } from '../../lib/progress.ts'
import { singleQuoted } from '../../lib/shell.ts'
import type { HostSpec } from '../../spec/resolved.ts'

/** A POSIX shell on the hypervisor's own host, for what libvirt cannot do: files outside of pools, ACLs, libguestfs. */
export interface HostShell {
  readonly host: string
  /** The guests of this connection run as its own user (`qemu:///session`). */
  readonly isSession: boolean
  /**
   * Runs a script with `arguments` as `$1`, `$2`, … Resolves whatever its exit code. Throws `host.unreachable`,
   * `process.not-found`, `host.timeout` at the progress's deadline, and its reason when it was cancelled. Only the
   * shell or ssh is killed then: what runs for long on the host has to see for itself that nobody listens.
   */
  run(progress: Progress, command: HostCommand): Promise<RunResult>
  /** Program and arguments of a process there, for who needs to speak with it. */
  commandLine(
    command: Pick<HostCommand, 'script' | 'arguments' | 'privileged' | 'connection'>,
  ): readonly [string, ...string[]]
}

export interface HostCommand {
  /** Text of the script. Constant: what varies comes in `arguments`, and secrets in `input`. */
  readonly script: string
  readonly arguments?: readonly string[]
  readonly input?: string | Uint8Array
  /** Name of the effect, `shell.inspect-files`, and what it touches. */
  readonly effect: { readonly kind: string; readonly object: string; readonly mutates: boolean }
  /** As root: directly, or by `sudo -n` for everybody else. A session's host is left as that user. */
  readonly privileged: boolean
  /** `own`: over a new connection, not the one that is shared; it proves that the host can be reached now. */
  readonly connection?: 'own'
  readonly onLine?: (line: string, stream: 'stdout' | 'stderr') => void
}

/** ssh ends with this when it is not the command that failed. */
const sshFailed = 255

/** Why there is no shell on hosts of this URI; `undefined`: there is. */
export function whyNoShell(uri: string): string | undefined {
  return parseUri(uri).route.kind === 'tls'
    ? 'it is reached over TLS, which gives no shell: use qemu+ssh:// for this host'
    : undefined
}

/** Local for hosts that are reached by a socket, over the user's `ssh` for those of `qemu+ssh://`. */
export function hostShell(spec: HostSpec): HostShell {
  const { name, route } = parseUri(spec.uri)
  const isSession = name === 'qemu:///session'
  const isRoot = route.kind === 'unix' && process.getuid?.() === 0
  const commandLine: HostShell['commandLine'] = ({
    script,
    arguments: words = [],
    privileged,
    connection,
  }) => {
    const shell = ['sh', '-c', privileged && !isSession && !isRoot ? asRoot(script) : script, 'sh', ...words]
    if (route.kind === 'ssh') return ['ssh', ...sshCommand(route, shell, connection)]
    if (route.kind === 'unix') return ['sh', ...shell.slice(1)]
    throw new ProvisionError('host.no-shell', {
      message: `No command can be run on host ${spec.name}: ${whyNoShell(spec.uri)}.`,
      details: { host: spec.name },
    })
  }
  return {
    host: spec.name,
    isSession,
    commandLine,
    async run(progress, command) {
      progress.check()
      const [program, ...words] = commandLine(command)
      const { input, onLine } = command
      const limit = Number.isFinite(progress.remainingMs)
        ? AbortSignal.timeout(Math.ceil(progress.remainingMs))
        : undefined
      const run = (): Promise<RunResult> =>
        runProgram(program, words, {
          signal: limit === undefined ? progress.signal : AbortSignal.any([progress.signal, limit]),
          ...(input === undefined ? {} : { input }),
          ...(onLine === undefined ? {} : { onLine }),
        })
      const result = await progress.seam.effect(command.effect, run).catch((error: unknown) => {
        progress.check()
        throw limit?.aborted === true ? timedOut(spec, command) : error
      })
      if (route.kind === 'ssh' && result.exitCode === sshFailed)
        throw new ProvisionError('host.unreachable', {
          message: `Could not run a command on host ${spec.name}: ${result.stderr.trim().split('\n').at(-1) ?? 'ssh failed'}`,
          details: { host: spec.name },
        })
      return result
    },
  }
}

const timedOut = ({ name }: HostSpec, { effect }: HostCommand): ProvisionError =>
  new ProvisionError('host.timeout', {
    message: `A command on host ${name} did not end in time: ${effect.kind} of ${effect.object}.`,
    details: { host: name, object: effect.object },
    retryable: true,
  })

/** The script itself when the user is root, else by sudo, which must not ask for a password. */
const asRoot = (script: string): string =>
  `if [ "$(id -u)" != 0 ]; then exec sudo -n sh -c ${singleQuoted(script)} sh "$@"; fi\n${script}`
