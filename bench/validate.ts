import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Measured, measure, median, requireSuccess, spread } from './measure.ts'
import type { BenchResult } from './result.ts'

/** `vmwright validate` of 500 instances, each written out, as a whole process. */
export const benchmarks: readonly { readonly id: string; run(): Promise<BenchResult> }[] = [
  { id: 'validate-500', run: validate500 },
]

const vmwright = new URL('../vmwright', import.meta.url).pathname
const rounds = 9
const goalMs = 500

async function validate500(): Promise<BenchResult> {
  const folder = await mkdtemp(join(tmpdir(), 'vmwright-bench-'))
  try {
    const spec = join(folder, 'vmwright.yaml')
    await writeFile(spec, specText(500))
    const yardstick = await chooseYardstick(spec)
    const times: number[] = []
    const others: number[] = []
    for (let round = 0; round < rounds; round++) {
      times.push(requireSuccess('validate', await measure(vmwright, ['validate', '-f', spec])).ms)
      others.push(requireSuccess(yardstick.name, await yardstick.run()).ms)
    }
    const value = median(times)
    return {
      id: 'validate-500',
      value,
      unit: 'ms',
      yardstick: median(others),
      ratio: value / median(others),
      goal: `at most ${goalMs} ms (yardstick: ${yardstick.name})`,
      met: value <= goalMs,
      n: rounds,
      spread: spread(times),
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

interface Yardstick {
  readonly name: string
  run(): Promise<Measured>
}

/** Python reading the same file without checking anything; Node starting and ending where there is no PyYAML. */
async function chooseYardstick(spec: string): Promise<Yardstick> {
  const read = (): Promise<Measured> =>
    measure('python3', ['-c', 'import sys, yaml; yaml.safe_load(open(sys.argv[1]))', spec])
  const hasYaml = await read().then(
    ({ exitCode }) => exitCode === 0,
    () => false,
  )
  if (hasYaml) return { name: 'yaml.safe_load of the same file in Python', run: read }
  return { name: 'node -e 0', run: () => measure(process.execPath, ['-e', '0']) }
}

const specText = (count: number): string => {
  const instances = Array.from(
    { length: count },
    (_, index) => `  vm-${index + 1}:
    address: 10.0.${Math.floor(index / 200) + 1}.${(index % 200) + 1}/16
    memory: ${1 + (index % 4)}GiB
    vcpus: ${1 + (index % 8)}
    rootDisk: { size: 20GiB }
    extraDisks:
      - size: 10GiB
        mount: { path: /srv }
    cloudInit:
      packages: [curl]
`,
  )
  return `version: 1
project: bench
networks:
  lan: { use: default, gateway4: 10.0.0.1, dns: [10.0.0.1] }
defaults:
  image: debian-12
instances:
${instances.join('')}`
}
