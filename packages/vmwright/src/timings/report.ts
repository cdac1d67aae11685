import type { StoredRecord } from './parse.ts'
import type { ProcessTimes } from './process-times.ts'
import type { LeftOut, StoredRun, StoredSet } from './read.ts'
import { slowest } from './summary.ts'
import { type Spread, spreadOf } from './compare.ts'

/** What `benchmark report` tells. */
export interface BenchmarkReport {
  /** Of the run that is told in detail. */
  readonly directory: string
  /** What the times do not have in them. */
  readonly exclusions: readonly string[]
  readonly wallSeconds: number
  readonly times: ProcessTimes | undefined
  /** Longest first. */
  readonly stages: readonly StageTime[]
  /** Time in which no step ran; `undefined` for runs of older systems. */
  readonly unattributedSeconds: number | undefined
  readonly taskCount: number
  readonly slowest: readonly StoredRecord[]
  readonly hasAllRecords: boolean
  readonly repetitions: readonly { readonly directory: string; readonly wallSeconds: number }[]
  readonly wallSpread: Spread
  readonly leftOut: readonly LeftOut[]
}

export interface StageTime {
  readonly stage: string
  readonly totalSeconds: number
  /** Time in which at least one step of it ran; `undefined` for runs of older systems. */
  readonly wallSeconds: number | undefined
}

/** Of several repetitions the last one is told in detail. Pure. */
export function reportOf(set: StoredSet, top: number): BenchmarkReport | undefined {
  const run = set.runs.at(-1)
  if (run === undefined) return undefined
  const { summary, records } = run
  return {
    directory: run.directory,
    exclusions: exclusionsOf(run),
    wallSeconds: summary.total_wall_seconds,
    times: run.times,
    stages: Object.entries(summary.stage_totals_seconds)
      .map(([stage, totalSeconds]) => ({
        stage,
        totalSeconds,
        wallSeconds: summary.stage_wall_seconds?.[stage],
      }))
      .toSorted((a, b) => b.totalSeconds - a.totalSeconds),
    unattributedSeconds: summary.unattributed_seconds,
    taskCount: summary.task_count,
    slowest: slowest(records, top),
    hasAllRecords: run.hasAllRecords,
    repetitions: set.runs.map((each) => ({
      directory: each.directory,
      wallSeconds: each.summary.total_wall_seconds,
    })),
    wallSpread: spreadOf(set.runs.map((each) => each.summary.total_wall_seconds)),
    leftOut: set.leftOut,
  }
}

/** A run that was timed from outside is a benchmark; any other was an ordinary one. */
const exclusionsOf = ({ times }: StoredRun): readonly string[] =>
  times === undefined
    ? []
    : [
        'the clean-up before the run',
        'package update and upgrade by cloud-init, which a benchmark turns off',
        'downloads of images that the cache had: a clean-up never empties it',
      ]
