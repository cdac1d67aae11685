import { closeSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { makeFolder } from '../lib/make-folder.ts'
import { csvHeader, toCsvLine, toJsonLine, type TimingRecord } from './record.ts'
import type { TimingSummary } from './summary.ts'

export const timingFileNames = {
  lines: 'task_timings.jsonl',
  table: 'task_timings.csv',
  summary: 'timing_summary.json',
} as const

export interface TimingFiles {
  write(records: readonly TimingRecord[]): void
  /** The summary comes last: where it is missing, the run was killed. */
  finish(summary: TimingSummary): void
}

/**
 * Opens the three files of a run in the folder, which is made if need be; what an earlier run left under these names
 * is replaced. Each line is with the kernel when `write` returns, so that a kill at any moment leaves whole lines;
 * that is why this neither waits nor goes through the seam, whose effects are those on hosts and caches.
 * Throws the system's error.
 */
export function openTimingFiles(folder: string): TimingFiles {
  makeFolder(folder)
  rmSync(join(folder, timingFileNames.summary), { force: true })
  const lines = openSync(join(folder, timingFileNames.lines), 'w')
  const table = openSync(join(folder, timingFileNames.table), 'w')
  writeSync(table, csvHeader)
  return {
    write(records) {
      for (const record of records) {
        writeSync(lines, toJsonLine(record))
        writeSync(table, toCsvLine(record))
      }
    },
    finish(summary) {
      closeSync(lines)
      closeSync(table)
      writeFileSync(join(folder, timingFileNames.summary), `${JSON.stringify(summary, undefined, 2)}\n`)
    },
  }
}
