import { mkdtemp, rm, writeFile, chmod } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { machineFunctions, makeSleepingImage, writeSeedSources } from './machines.ts'
import { measure, median, requireSuccess, spread, type Measured } from './measure.ts'
import type { BenchResult } from './result.ts'

/**
 * Ten machines from nothing to running, and away again, against the best bare shell script for the same work:
 * overlay, seed, define and start each, four at a time, one virsh per machine. The machines have no system, so
 * that only the control plane is measured; acceleration is emulation, which every host has.
 */
const count = 10
const rounds = 5
const prefix = 'bench-cp'
const vmwright = new URL('../vmwright', import.meta.url).pathname

interface Place {
  readonly folder: string
  readonly image: string
  readonly spec: string
}

interface Timings {
  readonly ours: number[]
  readonly shell: number[]
}

let cached:
  | Promise<{
      readonly create: Timings
      readonly destroy: Timings
      readonly reapply: number[]
      readonly start: number[]
    }>
  | undefined

export const benchmarks: readonly { readonly id: string; run(): Promise<BenchResult> }[] = [
  {
    id: 'control-plane-10',
    async run() {
      const { create } = await (cached ??= runAll())
      return compare(
        'control-plane-10',
        create,
        'at most 1.15 times the shell script, or 150 ms more',
        (value, yardstick) => value <= Math.max(1.15 * yardstick, yardstick + 150),
      )
    },
  },
  {
    id: 'destroy-10',
    async run() {
      const { destroy } = await (cached ??= runAll())
      return compare(
        'destroy-10',
        destroy,
        'at most 1.25 times the shell script',
        (value, yardstick) => value <= 1.25 * yardstick,
      )
    },
  },
  {
    id: 'reapply-10',
    async run() {
      const { reapply, start } = await (cached ??= runAll())
      const value = median(reapply)
      const yardstick = median(start)
      return {
        id: 'reapply-10',
        value,
        unit: 'ms',
        yardstick,
        ratio: value / yardstick,
        goal: 'at most 500 ms, no mutating call (yardstick: node -e 0)',
        met: value <= 500,
        n: reapply.length,
        spread: spread(reapply),
      }
    },
  },
]

function compare(
  id: string,
  { ours, shell }: Timings,
  goal: string,
  isMet: (value: number, yardstick: number) => boolean,
): BenchResult {
  const value = median(ours)
  const yardstick = median(shell)
  return {
    id,
    value,
    unit: 'ms',
    yardstick,
    ratio: value / yardstick,
    goal,
    met: isMet(value, yardstick),
    n: ours.length,
    spread: spread(ours),
  }
}

async function runAll() {
  const folder = await mkdtemp(join(tmpdir(), 'vmwright-bench-'))
  await chmod(folder, 0o711)
  const place: Place = { folder, image: join(folder, 'base.qcow2'), spec: join(folder, 'vmwright.yaml') }
  const create: Timings = { ours: [], shell: [] }
  const destroy: Timings = { ours: [], shell: [] }
  const reapply: number[] = []
  const start: number[] = []
  try {
    await makeSleepingImage(folder, place.image)
    await writeFile(place.spec, specText(place))
    await writeFile(join(folder, 'create.sh'), createScript(place))
    await writeFile(join(folder, 'destroy.sh'), destroyScript(place))
    await writeSeedSources(folder)
    // The first round fills caches on both sides and is not counted.
    for (let round = 0; round <= rounds; round++) {
      const keep = (list: number[], result: Measured): void => void (round > 0 && list.push(result.ms))
      keep(create.shell, requireSuccess('create.sh', await measure('bash', [join(folder, 'create.sh')])))
      keep(destroy.shell, requireSuccess('destroy.sh', await measure('bash', [join(folder, 'destroy.sh')])))
      keep(
        create.ours,
        requireSuccess('apply', await measure(vmwright, ['apply', '-f', place.spec, '--json'])),
      )
      const again = requireSuccess(
        'apply again',
        await measure(vmwright, ['apply', '-f', place.spec, '--json']),
      )
      if (!again.stdout.includes('"mutations":0'))
        throw new Error(`the second apply changed something:\n${again.stdout}`)
      keep(reapply, again)
      keep(start, requireSuccess('node', await measure(process.execPath, ['-e', '0'])))
      keep(
        destroy.ours,
        requireSuccess(
          'destroy',
          await measure(vmwright, ['destroy', '--disks', '--yes', '-f', place.spec, '--json']),
        ),
      )
    }
  } finally {
    await measure('bash', [join(folder, 'destroy.sh')])
    await measure(vmwright, ['destroy', '--disks', '--yes', '-f', place.spec, '--json'])
    for (const pool of [`${prefix}-instances`]) {
      await measure('virsh', ['-q', 'pool-destroy', pool])
      await measure('virsh', ['-q', 'pool-undefine', pool])
    }
    await rm(folder, { recursive: true, force: true })
  }
  return { create, destroy, reapply, start }
}

const specText = ({ folder, image }: Place): string => `version: 1
project: bench
hosts:
  local: { uri: "qemu:///system", acceleration: emulate }
images:
  empty: { file: ${image}, firmware: bios }
pools:
  bench: { path: ${folder}/instances, name: ${prefix}-instances }
defaults:
  image: empty
  pool: bench
  vcpus: 1
  memory: 128MiB
  rootDisk: { size: 1GiB }
  snapshot: false
  ready: { rungs: [started] }
instances:
  vm: { count: ${count}, name: "${prefix}-{index}" }
`

const createScript = (place: Place): string => `set -eu
cd ${place.folder}
${machineFunctions({ ...place, network: 'default' })}
seq ${count} | xargs -P4 -I{} bash -ec 'make_machine ${prefix}-sh-{}'
`

const destroyScript = (place: Place): string => `cd ${place.folder}
${machineFunctions({ ...place, network: 'default' })}
seq ${count} | xargs -P4 -I{} bash -c 'drop_machine ${prefix}-sh-{}'
true
`
