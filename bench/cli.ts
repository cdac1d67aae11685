import { measure, median, requireSuccess, spread } from './measure.ts'
import type { BenchResult } from './result.ts'

/** `vmwright --help` as a whole process, as the wrapper starts it, beside a Node that does nothing. */
export const benchmarks: readonly { readonly id: string; run(): Promise<BenchResult> }[] = [
  { id: 'cli-help', run: cliHelp },
]

const vmwright = new URL('../vmwright', import.meta.url).pathname
const rounds = 15
const goalMs = 300

async function cliHelp(): Promise<BenchResult> {
  const times: number[] = []
  const others: number[] = []
  for (let round = 0; round < rounds; round++) {
    times.push(requireSuccess('vmwright --help', await measure(vmwright, ['--help'])).ms)
    others.push(requireSuccess('node -e 0', await measure(process.execPath, ['-e', '0'])).ms)
  }
  const value = median(times)
  return {
    id: 'cli-help',
    value,
    unit: 'ms',
    yardstick: median(others),
    ratio: value / median(others),
    goal: `at most ${goalMs} ms (yardstick: node -e 0)`,
    met: value <= goalMs,
    n: rounds,
    spread: spread(times),
  }
}
