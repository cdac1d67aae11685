import { homedir, hostname, userInfo } from 'node:os'
import { systemCode } from '../lib/errors.ts'
import { Progress } from '../lib/progress.ts'
import { hooksFromEnvironment, realSeam, type Seam } from '../lib/seam.ts'
import { exitCode } from './exit-codes.ts'

/** What a command gets from the process. Everything else is injected below it. */
export interface CliContext {
  readonly stdout: NodeJS.WriteStream
  readonly stderr: NodeJS.WriteStream
  readonly stdin: NodeJS.ReadStream
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly currentDirectory: string
  readonly homeDirectory: string
  readonly seam: Seam
  /** Aborted by the first Ctrl-C, SIGTERM or SIGHUP; the second ends the process at once. */
  readonly signal: AbortSignal
  /** Does what Ctrl-C does; for a prompt, which gets the key instead of the process. */
  interrupt(): void
  /** Where a line for the person goes meanwhile, so that it does not run into a live view. Returns the way back. */
  divert(say: (line: string) => void): () => void
  /** `vmwright apply by ann@laptop` */
  holder(command: string): string
  progress(): Progress
}

/** The context of this process. Installs the signal handlers. */
export function processContext(): CliContext {
  const controller = new AbortController()
  const sayPlainly = (line: string): void => void process.stderr.write(`${line}\n`)
  let say = sayPlainly
  const onSignal = (name: string): void => {
    if (controller.signal.aborted) process.exit(exitCode.cancelled)
    say(`${name}: stopping where it is safe; once more stops at once.`)
    controller.abort(new Error('cancelled'))
  }
  const interrupt = (): void => onSignal('Ctrl-C')
  process.on('SIGINT', interrupt)
  process.on('SIGTERM', onSignal)
  process.on('SIGHUP', onSignal)
  for (const stream of [process.stdout, process.stderr]) stream.on('error', outliveReader)
  const seam = realSeam(hooksFromEnvironment(process.env['VMWRIGHT_FAULT']))
  return {
    stdout: process.stdout,
    stderr: process.stderr,
    stdin: process.stdin,
    environment: process.env,
    currentDirectory: process.cwd(),
    homeDirectory: homedir(),
    seam,
    signal: controller.signal,
    interrupt,
    divert(to) {
      say = to
      return () => void (say = sayPlainly)
    },
    holder: (command) => `vmwright ${command} by ${userName()}@${hostname()}`,
    progress: () => new Progress(seam, { signal: controller.signal }),
  }
}

/** Who reads may go (`| head`, a closed terminal): what is being done on the hosts is still finished. */
function outliveReader(error: Error): void {
  if (!['EPIPE', 'EIO', 'ERR_STREAM_DESTROYED'].includes(systemCode(error) ?? '')) throw error
}

/** A uid without an entry in the user database has no name. */
function userName(): string {
  try {
    return userInfo().username
  } catch {
    return String(process.getuid?.() ?? 'unknown')
  }
}
