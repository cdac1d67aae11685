import type { LifecycleRun } from '@vmwright/contract'
import { isAbsolute, join } from 'node:path'
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
      .filter(isWithin)
      .flatMap((log) => {
        const tail = readLogTail(join(folder, log), tailLines)
        return tail === undefined ? [] : [[log, tail] as const]
      }),
  )

/** Results may come from elsewhere; no file but their own is read for them. */
const isWithin = (log: string): boolean => !isAbsolute(log) && !log.split(/[/\\]/).includes('..')
