import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { ProvisionError, systemCode } from './errors.ts'

export interface RunOptions {
  readonly signal?: AbortSignal
  /**
   * Gives the program a process group of its own. When cancelled, all of the group is asked to end by SIGTERM and killed
   * this many milliseconds later; without it, the program alone is killed at once.
   */
  readonly groupGraceMs?: number
  readonly input?: string | Uint8Array
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  /** Called for each line of stdout and stderr as it comes. */
  readonly onLine?: (line: string, stream: 'stdout' | 'stderr') => void
}

export interface RunResult {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

/** Longest output kept of each stream; the end is what explains a failure. */
const keptCharacters = 256 * 1024

/**
 * Runs a program with an argument array (never a shell) and resolves with its exit code and output. Throws
 * `process.not-found` when the program is missing and the signal's reason when cancelled (the child is killed).
 */
export async function runProgram(
  program: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  const child = spawn(program, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    ...(options.groupGraceMs === undefined
      ? { signal: options.signal, killSignal: 'SIGKILL' as const }
      : { detached: true }),
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  const output = { stdout: '', stderr: '' }
  for (const stream of ['stdout', 'stderr'] as const) {
    createInterface({ input: child[stream] }).on('line', (line) => {
      output[stream] += `${line}\n`
      // Not at each line: a cut copies all that is kept.
      if (output[stream].length > 2 * keptCharacters) output[stream] = output[stream].slice(-keptCharacters)
      options.onLine?.(line, stream)
    })
  }
  const letGo =
    options.groupGraceMs === undefined ? undefined : endGroup(child, options.groupGraceMs, options.signal)
  child.stdin.on('error', () => {})
  child.stdin.end(options.input)
  const exitCode = await new Promise<number>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => resolve(code ?? (signal === null ? 1 : 128)))
  })
    .catch((error: unknown) => {
      options.signal?.throwIfAborted()
      if (systemCode(error) !== 'ENOENT') throw error
      throw new ProvisionError('process.not-found', {
        message: `The program ${program} is not installed.`,
        hint: `Install the package that has ${program}, then run the command again.`,
        details: { program },
      })
    })
    .finally(letGo)
  if (letGo !== undefined) options.signal?.throwIfAborted()
  const { stdout, stderr } = output
  return { exitCode, stdout: stdout.slice(-keptCharacters), stderr: stderr.slice(-keptCharacters) }
}

/** Ends the group of a child when the signal says so. Returns what stops this. */
function endGroup(child: ChildProcess, graceMs: number, signal: AbortSignal | undefined): () => void {
  let timer: NodeJS.Timeout | undefined
  const kill = (name: NodeJS.Signals): void => {
    if (child.pid === undefined) return
    try {
      process.kill(-child.pid, name)
    } catch {
      // All of them are gone.
    }
  }
  const end = (): void => {
    kill('SIGTERM')
    timer = setTimeout(() => kill('SIGKILL'), graceMs)
  }
  if (signal?.aborted === true) end()
  else signal?.addEventListener('abort', end, { once: true })
  return () => {
    clearTimeout(timer)
    signal?.removeEventListener('abort', end)
    // Whoever of the group has outlived the program.
    if (signal?.aborted === true) kill('SIGKILL')
  }
}
