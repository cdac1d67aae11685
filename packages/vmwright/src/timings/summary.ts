import { columns, type TimingRecord } from './record.ts'

/** What `timing_summary.json` says. The first five keys are those of older systems. */
export interface TimingSummary {
  readonly benchmark_run_dir: string
  readonly total_wall_seconds: number
  /** Sums of the steps' durations: more than the wall time where steps run side by side. */
  readonly stage_totals_seconds: Readonly<Record<string, number>>
  readonly task_count: number
  readonly top_20_slowest_tasks: readonly TimingRecord[]
  /** Time in which at least one step of the stage ran. */
  readonly stage_wall_seconds: Readonly<Record<string, number>>
  /** Time in which no step ran at all. */
  readonly unattributed_seconds: number
  readonly command: string
  readonly outcome: string
  /** ISO 8601, UTC. */
  readonly started_at: string
}

export interface RunFacts {
  readonly directory: string
  readonly wallSeconds: number
  readonly command: string
  readonly outcome: string
  readonly startedAt: string
}

/** Pure. */
export function summarise(records: readonly TimingRecord[], run: RunFacts): TimingSummary {
  const stages = [...new Set(records.map((record) => record.stage))].toSorted()
  const ofStage = (stage: string) => records.filter((record) => record.stage === stage)
  const byStage = (measure: (some: readonly TimingRecord[]) => number) =>
    Object.fromEntries(stages.map((stage) => [stage, rounded(measure(ofStage(stage)))]))
  return {
    benchmark_run_dir: run.directory,
    total_wall_seconds: rounded(run.wallSeconds),
    stage_totals_seconds: byStage((some) => some.reduce((sum, record) => sum + record.duration_seconds, 0)),
    task_count: records.length,
    top_20_slowest_tasks: slowest(records, 20).map(ordered),
    stage_wall_seconds: byStage(coveredSeconds),
    unattributed_seconds: rounded(Math.max(0, run.wallSeconds - coveredSeconds(records))),
    command: run.command,
    outcome: run.outcome,
    started_at: run.startedAt,
  }
}

export const slowest = <T extends Pick<TimingRecord, 'duration_seconds'>>(
  records: readonly T[],
  count: number,
): readonly T[] => records.toSorted((a, b) => b.duration_seconds - a.duration_seconds).slice(0, count)

/** Length of the union of the records' intervals. */
export function coveredSeconds(
  records: readonly Pick<TimingRecord, 'start_seconds' | 'duration_seconds'>[],
): number {
  let covered = 0
  let until = Number.NEGATIVE_INFINITY
  for (const record of records.toSorted((a, b) => a.start_seconds - b.start_seconds)) {
    const end = record.start_seconds + record.duration_seconds
    covered += Math.max(0, end - Math.max(until, record.start_seconds))
    until = Math.max(until, end)
  }
  return covered
}

/** With the columns in their order, for the reader of the file. */
const ordered = (record: TimingRecord): TimingRecord =>
  Object.fromEntries(columns.map((column) => [column, record[column]])) as unknown as TimingRecord

const rounded = (seconds: number): number => Math.round(seconds * 1_000_000) / 1_000_000
