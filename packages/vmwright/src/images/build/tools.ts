import { ProvisionError } from '../../lib/errors.ts'
import type { RunOptions, RunResult, runProgram } from '../../lib/process.ts'
import type { Progress } from '../../lib/progress.ts'

/** The programs of the build machine, as the build uses them. */
export interface Tools {
  /** Runs a program; throws `image.build-failed` with its last lines when it fails. */
  run(program: string, args: readonly string[], options?: RunOptions): Promise<RunResult>
  /** The same with the rights to read and write files of any owner in the image's tree. */
  runAsRoot(
    program: string,
    args: readonly string[],
    env?: Readonly<Record<string, string>>,
  ): Promise<RunResult>
  /** True when the build has root's rights itself; else it works in a user namespace. */
  readonly isRoot: boolean
}

/** How often something is told while a program has nothing to say. */
const heartbeatMs = 1_000
const explainingLines = 12

/**
 * `program` is called with argument arrays only. A failure carries the last lines of both streams, since tools
 * differ in where they explain themselves.
 */
export function makeTools(progress: Progress, program: typeof runProgram, isRoot: boolean): Tools {
  const tools: Tools = {
    isRoot,
    async run(name, args, options = {}) {
      const recent: string[] = []
      const onLine: RunOptions['onLine'] = (line, stream) => {
        recent.push(line)
        if (recent.length > explainingLines) recent.shift()
        options.onLine?.(line, stream)
      }
      progress.check()
      const result = await program(name, args, { signal: progress.signal, ...options, onLine })
      if (result.exitCode === 0) return result
      throw new ProvisionError('image.build-failed', {
        message: `The image could not be built: ${name} failed.`,
        details: { program: name, exitCode: result.exitCode, output: recent.join('\n') },
      })
    },
    runAsRoot: (name, args, env = {}) =>
      isRoot
        ? tools.run(name, args, { env })
        : tools.run('mmdebstrap', ['--unshare-helper', name, ...args], { env }),
  }
  return tools
}

/**
 * Tells what is going on at short intervals, with the time it has taken, until `work` is done: programs that
 * print a thousand lines do not flood whoever watches, and silent ones do not seem dead.
 */
export async function withHeartbeat<T>(
  progress: Progress,
  what: string,
  work: (say: (detail: string) => void) => Promise<T>,
): Promise<T> {
  const finished = new AbortController()
  const startedMs = progress.seam.monotonicMs()
  let detail = ''
  const beat = async (): Promise<void> => {
    while (!finished.signal.aborted) {
      const seconds = Math.round((progress.seam.monotonicMs() - startedMs) / 1000)
      const text = detail === '' ? what : `${what}: ${detail}`
      progress.report({ what: seconds === 0 ? text : `${text} (${seconds} s)` })
      await progress.seam.sleep(heartbeatMs, finished.signal).catch(() => {})
    }
  }
  const beating = beat()
  try {
    return await work((text) => {
      detail = text
    })
  } finally {
    finished.abort()
    await beating
  }
}
