import { formatBytes, KiB } from '../../lib/units.ts'
import type { Comparison, ComparisonRow, Spread, Verdict } from '../../timings/compare.ts'
import type { ProcessTimes } from '../../timings/process-times.ts'
import type { BenchmarkReport } from '../../timings/report.ts'
import { formatTable } from './table.ts'

/** Pure. */
export function renderReport(report: BenchmarkReport): string {
  const { times, wallSpread, repetitions } = report
  const head = [
    ...(repetitions.length > 1
      ? [
          `Repetitions: ${repetitions.length}, wall clock ${rangeText(wallSpread)}, median ${inSeconds(wallSpread.median)}`,
          'The last of them:',
        ]
      : []),
    `Run: ${report.directory}`,
    ...(report.exclusions.length > 0 ? ['Not in these times:'] : []),
    ...report.exclusions.map((exclusion) => `  ${exclusion}`),
    ...(times === undefined ? [] : [`Shell wall clock: ${timesText(times)}`]),
    `Wall clock: ${inSeconds(report.wallSeconds)}${
      report.unattributedSeconds === undefined
        ? ''
        : `, of which ${inSeconds(report.unattributedSeconds)} outside of all steps`
    }`,
    ...report.leftOut.map(({ directory, because }) => `Left out: ${directory}: ${because}`),
  ]
  const stages = formatTable(
    ['STAGE', 'SUM OF STEPS', 'WALL CLOCK'],
    report.stages.map(({ stage, totalSeconds, wallSeconds }) => [
      stage,
      inSeconds(totalSeconds),
      wallSeconds === undefined ? '-' : inSeconds(wallSeconds),
    ]),
  )
  const steps = formatTable(
    ['', 'TIME', 'STAGE', 'WHERE', 'STEP'],
    report.slowest.map((record, index) => [
      `${index + 1}.`,
      inSeconds(record.duration_seconds),
      record.stage,
      record.instance || record.host || '-',
      record.status === 'ok' ? record.task_name : `${record.task_name} (${record.status})`,
    ]),
  )
  const scope = report.hasAllRecords ? `of ${report.taskCount}` : 'as far as the summary tells'
  return `${head.join('\n')}\n\n${stages}\nSlowest steps, ${report.slowest.length} ${scope}:\n${steps}`
}

const timesText = ({ realSeconds, userSeconds, systemSeconds, maxRssKb }: ProcessTimes): string =>
  `${inSeconds(realSeconds)} (user ${inSeconds(userSeconds)}, system ${inSeconds(systemSeconds)}` +
  `${maxRssKb === undefined ? '' : `, at most ${formatBytes(maxRssKb * KiB)} of memory`})`

/** Pure. */
export function renderComparison({ a, b, rows, cautions }: Comparison): string {
  const side = (name: string, { directory, repetitions }: Comparison['a']): string =>
    `${name}: ${directory} (${repetitions === 1 ? '1 run' : `${repetitions} runs`})\n`
  const table = formatTable(
    ['', 'A', 'B', 'B/A', 'RANGE OF A', 'RANGE OF B', 'VERDICT'],
    rows.map((row) => [
      row.stage ?? row.what,
      inSeconds(row.a.median),
      inSeconds(row.b.median),
      row.ratio === undefined ? '-' : row.ratio.toFixed(3),
      rangeText(row.a),
      rangeText(row.b),
      verdictText(row),
    ]),
  )
  const notes = cautions.map((caution) => `${caution}\n`).join('')
  return `${side('A', a)}${side('B', b)}\n${table}${notes === '' ? '' : `\n${notes}`}`
}

const verdicts: Readonly<Record<Verdict, string>> = {
  slower: 'B is slower',
  faster: 'B is faster',
  'perhaps-slower': 'B is perhaps slower, too few runs to be sure',
  'perhaps-faster': 'B is perhaps faster, too few runs to be sure',
  noise: 'within the noise',
  unknown: 'noise not known',
}

const verdictText = ({ verdict, probability }: ComparisonRow): string =>
  probability === undefined ? verdicts[verdict] : `${verdicts[verdict]} (p = ${probability.toFixed(3)})`

const inSeconds = (seconds: number): string => `${seconds.toFixed(3)} s`

const rangeText = ({ least, most }: Spread): string =>
  least === most ? inSeconds(least) : `${least.toFixed(3)}–${inSeconds(most)}`
