import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { machineFunctions, makeSleepingImage, writeSeedSources } from './machines.ts'
import { measure, median, requireSuccess, spread } from './measure.ts'
import type { BenchResult } from './result.ts'

/**
 * A cluster of four machines with a pool and a network of its own, disks and seeds in that pool, against a shell script
 * of bare libvirt calls for the same, with and without the start of the program; and the removal of ten running
 * machines against that of one. The machines have no system, so that only the control plane is measured.
 */
const rounds = 5
const prefix = 'bench-cl'
const vmwright = new URL('../vmwright', import.meta.url).pathname

export const benchmarks: readonly { readonly id: string; run(): Promise<BenchResult> }[] = [
  {
    id: 'cluster-4',
    run: async () => compare('cluster-4', (await measured()).run, (await measured()).shell),
  },
  {
    id: 'cluster-4-command',
    run: async () => compare('cluster-4-command', (await measured()).command, (await measured()).shell),
  },
  { id: 'unprovision-10', run: () => inFolder(unprovision) },
]

interface ClusterTimes {
  /** Of the whole command, and of it what it does once it has read the spec. */
  readonly command: readonly number[]
  readonly run: readonly number[]
  readonly shell: readonly number[]
}

let both: Promise<ClusterTimes> | undefined
const measured = (): Promise<ClusterTimes> => (both ??= inFolder(cluster))

function compare(id: string, ours: readonly number[], shell: readonly number[]): BenchResult {
  const [value, yardstick] = [median(ours), median(shell)]
  return {
    id,
    value,
    unit: 'ms',
    yardstick,
    ratio: value / yardstick,
    goal: 'at most 1.15 times the bare libvirt calls',
    met: value <= 1.15 * yardstick,
    n: ours.length,
    spread: spread(ours),
  }
}

interface Place {
  readonly folder: string
  readonly image: string
}

async function inFolder<T>(work: (place: Place) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'vmwright-bench-'))
  await chmod(folder, 0o711)
  const image = join(folder, 'base.qcow2')
  try {
    await makeSleepingImage(folder, image)
    return await work({ folder, image })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function cluster(place: Place): Promise<ClusterTimes> {
  const spec = join(place.folder, 'cluster.yaml')
  const [make, drop] = [join(place.folder, 'make.sh'), join(place.folder, 'drop.sh')]
  await writeFile(spec, clusterSpec(place, 4))
  await writeFile(make, makeScript(place, 4))
  await writeFile(drop, dropScript(place, 4))
  await writeSeedSources(place.folder)
  const [command, run, shell]: [number[], number[], number[]] = [[], [], []]
  try {
    // The first round fills caches on both sides and is not counted.
    for (let round = 0; round <= rounds; round++) {
      const shellMs = requireSuccess('make.sh', await measure('bash', [make])).ms
      await measure('bash', [drop])
      const ours = requireSuccess('apply', await measure(vmwright, ['apply', '-f', spec, '--json']))
      requireSuccess('destroy', await destroy(spec))
      if (round === 0) continue
      shell.push(shellMs)
      command.push(ours.ms)
      run.push(durationOfRun(ours.stdout))
    }
  } finally {
    await measure('bash', [drop])
    await destroy(spec)
  }
  return { command, run, shell }
}

/** What the events of a command say of it. */
function durationOfRun(events: string): number {
  const finished = events
    .split('\n')
    .filter((line) => line.includes('"run-finished"'))
    .map((line) => JSON.parse(line) as { readonly durationMs: number })
  return finished[0]?.durationMs ?? Number.NaN
}

async function unprovision(place: Place): Promise<BenchResult> {
  const spec = join(place.folder, 'cluster.yaml')
  await writeFile(spec, clusterSpec(place, 10))
  const [one, ten]: [number[], number[]] = [[], []]
  const apply = async (): Promise<void> =>
    void requireSuccess('apply', await measure(vmwright, ['apply', '-f', spec, '--json']))
  try {
    for (let round = 0; round <= rounds; round++) {
      await apply()
      const oneMs = requireSuccess('destroy of one', await destroy(spec, `${prefix}-1`)).ms
      await apply()
      const tenMs = requireSuccess('destroy of ten', await destroy(spec)).ms
      if (round === 0) continue
      one.push(oneMs)
      ten.push(tenMs)
    }
  } finally {
    await destroy(spec)
  }
  const [value, yardstick] = [median(ten), median(one)]
  return {
    id: 'unprovision-10',
    value,
    unit: 'ms',
    yardstick,
    ratio: value / yardstick,
    goal: 'ten running instances, pool and network: at most 3 times the destroy of one',
    met: value <= 3 * yardstick,
    n: ten.length,
    spread: spread(ten),
  }
}

const destroy = (spec: string, ...names: readonly string[]) =>
  measure(vmwright, ['destroy', ...names, '--disks', '--yes', '-f', spec, '--json'])

const subnet = '10.217.44'

const clusterSpec = ({ folder, image }: Place, count: number): string => `version: 1
project: ${prefix}
hosts:
  local: { uri: "qemu:///system", acceleration: emulate, parallel: 8 }
images:
  empty: { file: ${image}, firmware: bios }
pools:
  own: { path: ${folder}/pool, name: ${prefix} }
networks:
  own: { mode: nat, name: ${prefix}, bridge: ${prefix}0, ipv4: { address: ${subnet}.1/24, dhcp: true }, domain: bench.test }
defaults:
  image: empty
  pool: own
  network: own
  vcpus: 1
  memory: 128MiB
  rootDisk: { size: 1GiB }
  snapshot: false
  ready: { rungs: [started] }
instances:
  vm: { count: ${count}, name: "${prefix}-{index}" }
`

const network = `<network><name>${prefix}-sh</name><forward mode='nat'/><bridge name='${prefix}1'/><domain name='bench.test' localOnly='yes'/>
<ip address='${subnet}.1' prefix='24'><dhcp><range start='${subnet}.2' end='${subnet}.254'/></dhcp></ip></network>`

const machinesIn = (place: Place) => ({
  ...place,
  network: `${prefix}-sh`,
  pool: { name: `${prefix}-sh`, folder: `${place.folder}/pool-sh` },
})

const makeScript = (place: Place, count: number): string => `set -eu
cd ${place.folder}
${machineFunctions(machinesIn(place))}
cat > net.xml <<XML
${network}
XML
virsh -q "pool-define-as ${prefix}-sh dir --target ${place.folder}/pool-sh; pool-build ${prefix}-sh; pool-start ${prefix}-sh; pool-autostart ${prefix}-sh; net-define net.xml; net-start ${prefix}-sh; net-autostart ${prefix}-sh" >/dev/null
seq ${count} | xargs -P4 -I{} bash -ec 'make_machine ${prefix}-sh-{}'
`

const dropScript = (place: Place, count: number): string => `cd ${place.folder}
${machineFunctions(machinesIn(place))}
seq ${count} | xargs -P4 -I{} bash -c 'drop_machine ${prefix}-sh-{}'
virsh -q "net-destroy ${prefix}-sh; net-undefine ${prefix}-sh; pool-destroy ${prefix}-sh; pool-delete ${prefix}-sh; pool-undefine ${prefix}-sh" >/dev/null
true
`
