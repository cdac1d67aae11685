import { spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'

export interface Measured {
  readonly ms: number
  /** Highest resident size seen, in MiB. Sampled, so a short peak may be missed. */
  readonly peakMib: number
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs a program to its end and measures the whole process. */
export async function measure(
  program: string,
  args: readonly string[],
  options: { readonly cwd?: string; readonly memory?: boolean } = {},
): Promise<Measured> {
  const started = performance.now()
  const child = spawn(program, args, { cwd: options.cwd, stdio: ['ignore', 'pipe', 'pipe'] })
  const out: Buffer[] = []
  const err: Buffer[] = []
  child.stdout.on('data', (data: Buffer) => out.push(data))
  child.stderr.on('data', (data: Buffer) => err.push(data))
  let peakMib = 0
  const sampler =
    options.memory === true
      ? setInterval(() => void sample(child.pid).then((mib) => (peakMib = Math.max(peakMib, mib))), 20)
      : undefined
  const exitCode = await new Promise<number>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve(code ?? 128))
  })
  const ms = performance.now() - started
  clearInterval(sampler)
  return {
    ms,
    peakMib,
    exitCode,
    stdout: Buffer.concat(out).toString(),
    stderr: Buffer.concat(err).toString(),
  }
}

async function sample(pid: number | undefined): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
  return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? Number.NaN)
    : ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2
}

/** Half the distance between the quartiles, as a share of the median. */
export function spread(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (share: number): number => sorted[Math.round((sorted.length - 1) * share)] ?? Number.NaN
  return (at(0.75) - at(0.25)) / 2 / median(values)
}

/** Throws with what the program said when it did not end well: a benchmark of a failure measures nothing. */
export function requireSuccess(what: string, result: Measured): Measured {
  if (result.exitCode === 0) return result
  throw new Error(
    `${what} ended with ${result.exitCode}:\n${result.stdout.slice(-2000)}${result.stderr.slice(-2000)}`,
  )
}
