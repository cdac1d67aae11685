import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { formatTable } from '../packages/vmwright/src/cli/output/table.ts'
import type { BenchResult } from './result.ts'

/**
 * `make bench [IDS]`: runs the benchmarks, prints each value beside its yardstick from the same run, and writes
 * `bench/results/latest.json`. With ids, only those are run and the others keep their last result.
 */
const notBenchmarks = ['run.ts', 'machines.ts', 'measure.ts', 'result.ts']
const modules = (await readdir(new URL('.', import.meta.url))).filter(
  (name) => name.endsWith('.ts') && !notBenchmarks.includes(name),
)

const wanted = process.argv.slice(2)
const results: BenchResult[] = []
for (const name of modules.toSorted()) {
  const { benchmarks } = (await import(`./${name}`)) as {
    benchmarks: readonly { id: string; run(): Promise<BenchResult> }[]
  }
  for (const benchmark of benchmarks) {
    if (wanted.length > 0 && !wanted.includes(benchmark.id)) continue
    process.stderr.write(`${benchmark.id} …\n`)
    results.push(await benchmark.run())
  }
}

const path = new URL('results/latest.json', import.meta.url)
const before =
  wanted.length === 0 ? [] : (JSON.parse(await readFile(path, 'utf8').catch(() => '[]')) as BenchResult[])
const kept = before.filter((old) => !results.some((result) => result.id === old.id))
await mkdir(new URL('results/', import.meta.url), { recursive: true })
await writeFile(path, `${JSON.stringify([...kept, ...results], null, 2)}\n`)

const number = (value: number | null): string => (value === null ? '-' : String(Number(value.toPrecision(4))))
process.stdout.write(
  formatTable(
    ['ID', 'VALUE', 'YARDSTICK', 'RATIO', 'UNIT', 'N', 'SPREAD', 'MET', 'GOAL'],
    results.map((result) => [
      result.id,
      number(result.value),
      number(result.yardstick),
      number(result.ratio),
      result.unit,
      String(result.n),
      number(result.spread),
      result.met ? 'yes' : 'NO',
      result.goal,
    ]),
  ),
)
process.exitCode = results.every((result) => result.met) ? 0 : 1
