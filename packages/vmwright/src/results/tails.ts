import type { LifecycleRun } from '@vmwright/contract'
import { join } from 'node:path'
import { type LogTail, readLogTail } from './log-tail.ts'

/** The ends of logs by their paths; without those that cannot be read. */
export type Tails = ReadonlyMap<string, LogTail>

/** Of each log, for JUnit and the report. */
const tailLines = 200

/** The ends of all logs that a run names, read from its folder. */
export const readTails = (folder: string, run: LifecycleRun): Tails =>
  new Map(
    run.guests
      .flatMap(({ actions }) => actions.flatMap(({ log }) => log ?? []))
      .flatMap((log) => {
        const tail = readLogTail(join(folder, log), tailLines)
        return tail === undefined ? [] : [[log, tail] as const]
      }),
  )
