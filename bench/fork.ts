import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Measured, measure, median, requireSuccess, spread } from './measure.ts'
import type { BenchResult } from './result.ts'

/**
 * Forks of a real guest beside its own first boot, in the same run. `fork-1` and `fork-10` are the times from the command
 * to answering over SSH with a new identity, the freezing of the machine included; `fork-1-frozen` is the part of
 * `fork-1` after the freezing, as the command itself reports it; `fork-memory` is what ten forks take of ten times their
 * memory. The guest keeps no time by the network: where there is no Internet, each copy would ask for the addresses of
 * time servers without pause, and the processors of an emulating host would have that to do instead.
 */
const rounds = 3
const memoryMib = 512
const name = 'bench-fork'
const vmwright = new URL('../vmwright', import.meta.url).pathname

export const benchmarks: readonly { readonly id: string; run(): Promise<BenchResult> }[] = [
  { id: 'fork-1', run: async () => (await measured()).one },
  { id: 'fork-1-frozen', run: async () => (await measured()).frozen },
  { id: 'fork-10', run: async () => (await measured()).ten },
  { id: 'fork-memory', run: async () => (await measured()).memory },
]

type Figures = Readonly<Record<'one' | 'frozen' | 'ten' | 'memory', BenchResult>>

/** One guest serves all three. */
let figures: Promise<Figures> | undefined
const measured = (): Promise<Figures> => (figures ??= measureAll())

async function measureAll(): Promise<Figures> {
  const folder = await mkdtemp(join(tmpdir(), 'vmwright-bench-'))
  const spec = join(folder, 'vmwright.yaml')
  const run = (...words: readonly string[]) => measure(vmwright, [...words, '-f', spec, '--json'])
  const timed = async (...words: readonly string[]): Promise<Measured> => {
    const result = await run(...words)
    requireSuccess(words.join(' '), result)
    return result
  }
  try {
    await writeFile(spec, specText)
    const { ms: coldMs } = await timed('apply')
    const ones: number[] = []
    const frozen: number[] = []
    for (let round = 0; round < rounds; round++) {
      const { ms, stdout } = await timed('fork', name)
      ones.push(ms)
      frozen.push(readyMsIn(stdout))
      await timed('fork', '--remove', '--yes')
    }
    const { ms: tenMs } = await timed('fork', name, '--count', '10')
    const memory = await memoryOfForks()
    return {
      one: one('fork-1', ones, coldMs),
      frozen: one('fork-1-frozen', frozen, coldMs),
      ten: ten(tenMs, median(ones)),
      memory: ofMemory(memory),
    }
  } finally {
    await run('fork', '--remove', '--yes')
    await run('destroy', '--disks', '--yes')
    await rm(folder, { recursive: true, force: true })
  }
}

function readyMsIn(report: string): number {
  const { forks } = JSON.parse(report) as { readonly forks: readonly { readonly readyMs: number }[] }
  return forks[0]?.readyMs ?? Number.NaN
}

const one = (id: string, times: readonly number[], coldMs: number): BenchResult => ({
  id,
  value: median(times),
  unit: 'ms',
  yardstick: coldMs,
  ratio: median(times) / coldMs,
  goal: 'at least 10 times faster than a first boot',
  met: median(times) / coldMs <= 0.1,
  n: times.length,
  spread: spread(times),
})

const ten = (tenMs: number, oneMs: number): BenchResult => ({
  id: 'fork-10',
  value: tenMs,
  unit: 'ms',
  yardstick: oneMs,
  ratio: tenMs / oneMs,
  goal: 'ten in at most 3 times the time of one',
  met: tenMs / oneMs <= 3,
  n: 1,
  spread: 0,
})

const ofMemory = (usedMib: number): BenchResult => ({
  id: 'fork-memory',
  value: usedMib,
  unit: 'MiB',
  yardstick: 10 * memoryMib,
  ratio: usedMib / (10 * memoryMib),
  goal: 'ten forks in at most 25 % of ten times their memory',
  met: usedMib / (10 * memoryMib) <= 0.25,
  n: 10,
  spread: 0,
})

/** MiB: the proportional set size of the forks' processes, in which a shared page counts once in all. */
async function memoryOfForks(): Promise<number> {
  let kib = 0
  for (const pid of (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry))) {
    const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
    if (!command.includes(`guest=${name}-fork-`)) continue
    const rollup = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8')
    kib += Number(/^Pss:\s+(\d+) kB$/m.exec(rollup)?.[1] ?? 0)
  }
  return kib / 1024
}

const specText = `version: 1
project: bench-fork
hosts:
  local: { uri: "qemu:///system", acceleration: prefer-kvm }
images:
  built: { build: { distribution: debian, suite: bookworm } }
defaults: { image: built, memory: ${memoryMib}MiB, snapshot: false }
instances:
  ${name}:
    cloudInit: { runcmd: [[systemctl, disable, --now, systemd-timesyncd]] }
`
