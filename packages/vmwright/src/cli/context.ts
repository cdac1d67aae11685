import { homedir, hostname, userInfo } from 'node:os'
import { Progress } from '../lib/progress.ts'
import { hooksFromEnvironment, realSeam, type Seam } from '../lib/seam.ts'

/** What a command gets from the process. Everything else is injected below it. */
export interface CliContext {
  readonly stdout: NodeJS.WriteStream
  readonly stderr: NodeJS.WriteStream
  readonly stdin: NodeJS.ReadStream
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly currentDirectory: string
  readonly homeDirectory: string
  readonly seam: Seam
  /** Aborted by the first Ctrl-C or SIGTERM; the second ends the process at once. */
  readonly signal: AbortSignal
  /** `vmwright apply by ann@laptop` */
  holder(command: string): string
  progress(): Progress
}

/** The context of this process. Installs the signal handlers. */
export function processContext(): CliContext {
  const controller = new AbortController()
  const onSignal = (name: NodeJS.Signals): void => {
    if (controller.signal.aborted) process.exit(130)
    process.stderr.write(
      `\n${name === 'SIGINT' ? 'Ctrl-C' : name}: stopping where it is safe; once more stops at once.\n`,
    )
    controller.abort(new Error('cancelled'))
  }
  process.on('SIGINT', onSignal)
  process.on('SIGTERM', onSignal)
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
    holder: (command) => `vmwright ${command} by ${userName()}@${hostname()}`,
    progress: () => new Progress(seam, { signal: controller.signal }),
  }
}

/** A uid without an entry in the user database has no name. */
function userName(): string {
  try {
    return userInfo().username
  } catch {
    return String(process.getuid?.() ?? 'unknown')
  }
}
