import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { measure, median, requireSuccess, spread } from './measure.ts'
import type { BenchResult } from './result.ts'

/** A plan for 500 machines on libvirt's test driver, which keeps its objects in the daemon's memory. */
const vmwright = new URL('../vmwright', import.meta.url).pathname
const rounds = 5

export const benchmarks: readonly { readonly id: string; run(): Promise<BenchResult> }[] = [
  { id: 'plan-500', run: plan500 },
]

async function plan500(): Promise<BenchResult> {
  const folder = await mkdtemp(join(tmpdir(), 'vmwright-bench-'))
  try {
    const spec = join(folder, 'vmwright.yaml')
    requireSuccess(
      'qemu-img',
      await measure('qemu-img', ['create', '-q', '-f', 'qcow2', join(folder, 'base.qcow2'), '64M']),
    )
    await writeFile(spec, specText(folder))
    const times: number[] = []
    const starts: number[] = []
    let peakMib = 0
    for (let round = 0; round < rounds; round++) {
      const result = requireSuccess(
        'plan',
        await measure(vmwright, ['plan', '-f', spec, '--json'], { memory: true }),
      )
      times.push(result.ms)
      peakMib = Math.max(peakMib, result.peakMib)
      starts.push(requireSuccess('node', await measure(process.execPath, ['-e', '0'])).ms)
    }
    const value = median(times)
    const yardstick = median(starts)
    return {
      id: 'plan-500',
      value,
      unit: 'ms',
      yardstick,
      ratio: value / yardstick,
      goal: `at most 3000 ms and 300 MiB (peak ${Math.round(peakMib)} MiB; yardstick: node -e 0)`,
      met: value <= 3000 && peakMib <= 300,
      n: rounds,
      spread: spread(times),
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const specText = (folder: string): string => `version: 1
project: bench
hosts:
  test: { uri: "test:///default", acceleration: emulate }
images:
  empty: { file: ${folder}/base.qcow2, firmware: bios }
defaults: { image: empty, memory: 128MiB, rootDisk: { size: 1GiB }, snapshot: false }
instances:
${Array.from({ length: 500 }, (_none, index) => `  vm-${index}: { vcpus: ${1 + (index % 2)} }\n`).join('')}`
