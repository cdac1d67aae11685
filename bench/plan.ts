import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { measure, median, requireSuccess, spread } from './measure.ts'
import type { BenchResult } from './result.ts'

/**
 * Plans for many machines on libvirt's test driver, which keeps its objects in the daemon's memory: 500 on one host,
 * and 1,000 that are placed on 50 hosts, each of a file of its own.
 */
const vmwright = new URL('../vmwright', import.meta.url).pathname
const rounds = 5
const hostCount = 50

export const benchmarks: readonly { readonly id: string; run(): Promise<BenchResult> }[] = [
  {
    id: 'plan-500',
    run: () => measurePlan({ id: 'plan-500', maxMs: 3000, maxMib: 300, instances: 500, write: writeOneHost }),
  },
  {
    id: 'plan-1000-50',
    run: () =>
      measurePlan({ id: 'plan-1000-50', maxMs: 5000, maxMib: 500, instances: 1000, write: writeManyHosts }),
  },
]

interface PlanBenchmark {
  readonly id: string
  readonly maxMs: number
  readonly maxMib: number
  readonly instances: number
  /** Writes what the spec needs into the folder, and resolves with its text. */
  write(folder: string): Promise<string>
}

async function measurePlan({ id, maxMs, maxMib, instances, write }: PlanBenchmark): Promise<BenchResult> {
  const folder = await mkdtemp(join(tmpdir(), 'vmwright-bench-'))
  try {
    const spec = join(folder, 'vmwright.yaml')
    requireSuccess(
      'qemu-img',
      await measure('qemu-img', ['create', '-q', '-f', 'qcow2', join(folder, 'base.qcow2'), '64M']),
    )
    await writeFile(spec, await write(folder))
    const times: number[] = []
    const starts: number[] = []
    let peakMib = 0
    for (let round = 0; round < rounds; round++) {
      const result = requireSuccess(
        'plan',
        await measure(vmwright, ['plan', '-f', spec, '--json'], { memory: true }),
      )
      const created = result.stdout.split('"action": "create"').length - 1
      if (created < instances) throw new Error(`${id} planned ${created} of ${instances} machines`)
      times.push(result.ms)
      peakMib = Math.max(peakMib, result.peakMib)
      starts.push(requireSuccess('node', await measure(process.execPath, ['-e', '0'])).ms)
    }
    const value = median(times)
    const yardstick = median(starts)
    return {
      id,
      value,
      unit: 'ms',
      yardstick,
      ratio: value / yardstick,
      goal: `at most ${maxMs} ms and ${maxMib} MiB (peak ${Math.round(peakMib)} MiB; yardstick: node -e 0)`,
      met: value <= maxMs && peakMib <= maxMib,
      n: rounds,
      spread: spread(times),
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const writeOneHost = async (folder: string): Promise<string> => `${head}hosts:
  test: { uri: "test:///default", acceleration: emulate }
${common(folder)}
instances:
${Array.from({ length: 500 }, (_none, index) => `  vm-${index}: { vcpus: ${1 + (index % 2)} }\n`).join('')}`

async function writeManyHosts(folder: string): Promise<string> {
  const names = Array.from({ length: hostCount }, (_none, index) => `rack-${index + 1}`)
  for (const name of names) await writeFile(join(folder, `${name}.xml`), nodeXml)
  return `${head}hosts:
${names.map((name) => `  ${name}: { uri: "test://${folder}/${name}.xml", acceleration: emulate }\n`).join('')}
${common(folder)}
instances:
${Array.from({ length: 40 }, (_none, index) => `  group-${index}: { count: 25, placement: { hosts: all, by: spread, group: prefer-apart } }\n`).join('')}`
}

const head = 'version: 1\nproject: bench\n'

const common = (folder: string): string => `images:
  empty: { file: ${folder}/base.qcow2, firmware: bios }
defaults: { image: empty, memory: 128MiB, rootDisk: { size: 1GiB }, snapshot: false }`

/** A host of the test driver (libvirt, src/test/test_driver.c): 32 CPUs, 64 GiB, the usual network. */
const nodeXml = `<node>
  <cpu><mhz>3000</mhz><model>i986</model><active>32</active><nodes>1</nodes><sockets>1</sockets><cores>32</cores><threads>1</threads></cpu>
  <memory>67108864</memory>
  <network type='network'>
    <name>default</name><bridge name='virbr0'/><forward/>
    <ip address='192.168.122.1' netmask='255.255.255.0'><dhcp><range start='192.168.122.2' end='192.168.122.254'/></dhcp></ip>
  </network>
</node>
`
