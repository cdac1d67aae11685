import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { LifecycleRun } from '../packages/contract/src/results.ts'
import { measure, median, requireSuccess, spread } from './measure.ts'
import type { BenchResult } from './result.ts'

/**
 * How long it takes from the command to the start of `main`: in a guest that is made anew, and in one that is restored
 * from the snapshot after `init`, with its memory and without. The phases do next to nothing, so that the guest's own
 * boots are what is spared.
 *
 * The cold run is the first one of the same spec, and keeps its three layers as any first run does. Without memory each
 * of them takes a shutdown and a start (`lifecycle-disk`): these count as cold too, since the next run is spared them.
 *
 * On libvirt's network `default` 4 seconds of each restore with memory are its bridge's (STP), which lets nothing
 * through to a machine that has just been connected; `lifecycle-own-network` is the same on a network of the spec's own,
 * which has none of that.
 */
const rounds = 5
const vmwright = new URL('../vmwright', import.meta.url).pathname
const guest = 'bench-life'

interface LifecycleTimes {
  readonly coldMs: number
  readonly cachedMs: readonly number[]
}

interface Life {
  readonly memory: 'require' | 'never'
  readonly network: 'default' | 'own'
}

export const benchmarks: readonly { readonly id: string; run(): Promise<BenchResult> }[] = [
  {
    id: 'lifecycle-memory',
    run: () => compare('lifecycle-memory', { memory: 'require', network: 'default' }, 20),
  },
  {
    id: 'lifecycle-own-network',
    run: () => compare('lifecycle-own-network', { memory: 'require', network: 'own' }, 20),
  },
  { id: 'lifecycle-disk', run: () => compare('lifecycle-disk', { memory: 'never', network: 'default' }, 10) },
]

async function compare(id: string, life: Life, faster: number): Promise<BenchResult> {
  const { coldMs, cachedMs } = await liveAll(life)
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

async function liveAll(life: Life): Promise<LifecycleTimes> {
  const folder = await mkdtemp('/var/tmp/vmwright-bench-')
  await chmod(folder, 0o711)
  await mkdir(join(folder, 'pool'))
  const spec = join(folder, 'vmwright.yaml')
  await writeFile(spec, specOf(folder, life))
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

const specOf = (folder: string, { memory, network }: Life): string => `version: 1
project: bench-life
hosts:
  local: { acceleration: prefer-kvm }
images:
  base: { build: { distribution: debian, suite: bookworm }, firmware: bios }
pools:
  instances: { path: ${folder}/pool, name: bench-life }
${network === 'own' ? ownNetwork : ''}instances:
  ${guest}: { image: base, memory: 512MiB, vcpus: 2${network === 'own' ? ', network: own' : ''} }
lifecycle:
  memory: ${memory}
  connection: { timeout: 10m }
  phases:
    dependencies: ["true"]
    init: ["true"]
    main: ["true"]
`

const ownNetwork = `networks:
  own: { mode: nat, name: bench-life, bridge: vw-bench-life, ipv4: { address: 10.212.7.1/24, dhcp: true } }
`
