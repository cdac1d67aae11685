import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { LifecycleRun } from '../packages/contract/src/results.ts'
import { measure, median, requireSuccess, spread } from './measure.ts'
import type { BenchResult } from './result.ts'

/**
 * How long it takes from the command to the start of `main`: in a guest that is made anew, and in one that is restored
 * from the snapshot after `init`, with its memory and without. The phases do next to nothing, so that the guest's own
 * boots are what is spared.
 */
const rounds = 5
const vmwright = new URL('../vmwright', import.meta.url).pathname
const guest = 'bench-life'

interface LifecycleTimes {
  readonly coldMs: number
  readonly cachedMs: readonly number[]
}

const measured = new Map<Memory, Promise<LifecycleTimes>>()
type Memory = 'require' | 'never'

export const benchmarks: readonly { readonly id: string; run(): Promise<BenchResult> }[] = [
  { id: 'lifecycle-memory', run: () => compare('lifecycle-memory', 'require', 20) },
  { id: 'lifecycle-disk', run: () => compare('lifecycle-disk', 'never', 10) },
]

async function compare(id: string, memory: Memory, faster: number): Promise<BenchResult> {
  const times = measured.get(memory) ?? liveAll(memory)
  measured.set(memory, times)
  const { coldMs, cachedMs } = await times
  const value = median(cachedMs)
  return {
    id,
    value,
    unit: 'ms',
    yardstick: coldMs,
    ratio: value / coldMs,
    goal: `from command to main at least ${faster} times faster than cold`,
    met: value * faster <= coldMs,
    n: cachedMs.length,
    spread: spread(cachedMs),
  }
}

async function liveAll(memory: Memory): Promise<LifecycleTimes> {
  const folder = await mkdtemp('/var/tmp/vmwright-bench-')
  await chmod(folder, 0o711)
  await mkdir(join(folder, 'pool'))
  const spec = join(folder, 'vmwright.yaml')
  await writeFile(spec, specOf(folder, memory))
  try {
    const coldMs = await untilMain(folder, spec)
    const cachedMs: number[] = []
    for (let round = 0; round < rounds; round++) cachedMs.push(await untilMain(folder, spec))
    return { coldMs, cachedMs }
  } finally {
    await measure(vmwright, ['destroy', '--disks', '--yes', '-f', spec])
    await rm(folder, { recursive: true, force: true })
  }
}

async function untilMain(folder: string, spec: string): Promise<number> {
  const startedMs = Date.now()
  requireSuccess('run', await measure(vmwright, ['run', '-f', spec, '--json'], { cwd: folder }))
  const record = await readFile(join(folder, 'results/latest/results.json'), 'utf8')
  const { guests } = JSON.parse(record) as LifecycleRun
  const main = guests[0]?.actions.find(({ action }) => action === 'main')
  return (main?.startedAtMs ?? Number.NaN) - startedMs
}

const specOf = (folder: string, memory: Memory): string => `version: 1
project: bench-life
hosts:
  local: { acceleration: prefer-kvm }
images:
  base: { build: { distribution: debian, suite: bookworm }, firmware: bios }
pools:
  instances: { path: ${folder}/pool, name: bench-life }
instances:
  ${guest}: { image: base, memory: 512MiB, vcpus: 2 }
lifecycle:
  memory: ${memory}
  connection: { timeout: 10m }
  phases:
    dependencies: ["true"]
    init: ["true"]
    main: ["true"]
`
