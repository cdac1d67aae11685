import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import type { RunEvent } from '@vmwright/contract'

/** The program as a person starts it; another build than that of the checkout is named in the environment. */
export const program = process.env['VMWRIGHT_TEST_PROGRAM'] ?? join(import.meta.dirname, '../../vmwright')

export interface Ended {
  /** -1 when a signal ended it. */
  readonly code: number
  readonly signal: NodeJS.Signals | undefined
  readonly stdout: string
  readonly stderr: string
  readonly durationMs: number
}

export interface Running {
  readonly child: ChildProcess
  readonly ended: Promise<Ended>
  /** Resolves when stdout or stderr has the text. Throws when the program ends without it. */
  printed(text: string | RegExp): Promise<void>
}

export interface StartOptions {
  readonly cwd: string
  readonly env?: Readonly<Record<string, string>>
}

export function startProgram(file: string, args: readonly string[], options: StartOptions): Running {
  const startedMs = performance.now()
  const child = spawn(file, args, {
    cwd: options.cwd,
    env: { PATH: process.env['PATH'], HOME: options.cwd, LC_ALL: 'C.UTF-8', ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const output = { stdout: '', stderr: '' }
  const watchers = new Set<() => void>()
  const take = (name: 'stdout' | 'stderr') => (text: string) => {
    output[name] += text
    for (const watch of watchers) watch()
  }
  child.stdout.setEncoding('utf8').on('data', take('stdout'))
  child.stderr.setEncoding('utf8').on('data', take('stderr'))
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) =>
      resolve({
        code: code ?? -1,
        signal: signal ?? undefined,
        ...output,
        durationMs: performance.now() - startedMs,
      }),
    )
  })
  return {
    child,
    ended,
    printed(text) {
      const isThere = (): boolean =>
        [output.stdout, output.stderr].some((out) =>
          typeof text === 'string' ? out.includes(text) : text.test(out),
        )
      return new Promise((resolve, reject) => {
        const watch = (): void => {
          if (!isThere()) return
          watchers.delete(watch)
          resolve()
        }
        watchers.add(watch)
        watch()
        const tooLate = (): void => {
          if (watchers.delete(watch))
            reject(new Error(`it ended without '${text}':\n${output.stdout}${output.stderr}`))
        }
        void ended.then(tooLate, tooLate)
      })
    },
  }
}

/** Throws with the end of what it said when it ended in another way. */
export function requireCode<T extends Pick<Ended, 'code' | 'stdout' | 'stderr'>>(ended: T, code = 0): T {
  if (ended.code === code) return ended
  const said = `${ended.stdout}\n${ended.stderr}`.split('\n').filter((line) => line.trim() !== '')
  throw new Error(`it ended with ${ended.code}, not ${code}:\n${said.slice(-20).join('\n')}`)
}

/** The result line of `--json`, and the events before it. */
export interface JsonRun {
  readonly events: readonly RunEvent[]
  readonly result: JsonResult
}

export interface JsonResult {
  readonly kind: 'result'
  readonly outcome: string
  readonly changes: readonly { readonly instance: string; readonly action: string; readonly reason: string }[]
  readonly findings: readonly { readonly code: string; readonly message: string; readonly hint?: string }[]
  readonly instances: readonly {
    readonly name: string
    readonly state: string
    readonly provision: string
    readonly addresses: readonly string[]
    readonly snapshots: readonly string[]
    readonly drift: readonly string[]
  }[]
}

/** Throws with all that was printed when there is no result line. */
export function jsonRun({ stdout, stderr, code }: Pick<Ended, 'stdout'> & Partial<Ended>): JsonRun {
  const lines = stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as { readonly kind: string })
  const result = lines.find((line) => line.kind === 'result')
  if (result === undefined) throw new Error(`no result (exit code ${code}):\n${stdout}\n${stderr}`)
  return {
    events: lines.filter((line) => line.kind !== 'result') as unknown as readonly RunEvent[],
    result: result as JsonResult,
  }
}

/** Calls that changed something, as the run itself counted them. */
export function mutationsOf(run: JsonRun): number {
  const finished = run.events.find((event) => event.kind === 'run-finished')
  return finished?.kind === 'run-finished' ? finished.mutations : Number.NaN
}
