import { join, resolve } from 'node:path'
import type { RunEvent } from '@vmwright/contract'
import { directoriesOf } from '../lib/directories.ts'
import type { Progress } from '../lib/progress.ts'
import { keptRuns, makeRunFolder, runFolderName } from '../timings/run-folders.ts'
import { timeRun } from '../timings/time-run.ts'
import type { CliContext } from './context.ts'
import { type EventSink, stamped } from './output/output.ts'

interface TimedRun {
  readonly command: string
  readonly startedMs: number
  readonly sink: EventSink
}

export interface CliTimings {
  event(event: RunEvent): void
  /** A person is asked from now on. */
  question(): void
  /** The same progress, of which what is waited for outside of steps is timed. */
  heard(progress: Progress): Progress
}

/** The timings of a run that a person started: in the folder asked for, else among those of the last runs. */
export function openTimings(
  context: CliContext,
  { timings: folder }: { readonly timings?: string },
  { command, startedMs, sink }: TimedRun,
): CliTimings {
  const { seam, environment, homeDirectory } = context
  const keep = keptRuns(environment['VMWRIGHT_KEEP_RUNS'])
  if (folder === undefined && keep === 0) return { event() {}, question() {}, heard: (progress) => progress }
  // A wall clock that is set meanwhile would make times that never were.
  const aheadMs = seam.nowMs() - seam.monotonicMs()
  const clock = (): number => seam.monotonicMs() + aheadMs
  const timings = timeRun({
    command,
    startedMs,
    folder: () =>
      folder === undefined
        ? makeRunFolder(
            join(directoriesOf(environment, homeDirectory).state, 'runs'),
            runFolderName(startedMs, process.pid),
            keep,
          )
        : resolve(context.currentDirectory, folder),
    warn: (message) => sink.event(stamped({ kind: 'notice', level: 'warning', message }, seam.nowMs())),
  })
  return {
    event: (event) => timings.event({ ...event, atMs: clock() }),
    question: () => timings.question(clock()),
    heard: (progress) =>
      progress.child({
        report(report) {
          timings.phase(report.what, clock())
          progress.report(report)
        },
      }),
  }
}
