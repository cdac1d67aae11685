import { join, resolve } from 'node:path'
import { directoriesOf } from '../lib/directories.ts'
import type { Progress } from '../lib/progress.ts'
import { keptRuns, makeRunFolder, runFolderName } from '../timings/run-folders.ts'
import { timeRun, type RunTimings } from '../timings/time-run.ts'
import type { CliContext } from './context.ts'
import { type EventSink, stamped } from './output/output.ts'

interface TimedRun {
  readonly command: string
  readonly startedMs: number
  readonly sink: EventSink
}

/** The timings of a run that a person started: in the folder asked for, else among those of the last runs. */
export function openTimings(
  context: CliContext,
  { timings: folder }: { readonly timings?: string },
  { command, startedMs, sink }: TimedRun,
): Pick<RunTimings, 'event' | 'question'> & { heard(progress: Progress): Progress } {
  const { seam, environment, homeDirectory } = context
  const keep = keptRuns(environment['VMWRIGHT_KEEP_RUNS'])
  if (folder === undefined && keep === 0) return { event() {}, question() {}, heard: (progress) => progress }
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
    event: (event) => timings.event(event),
    question: (atMs) => timings.question(atMs),
    heard: (progress) =>
      progress.child({
        report(report) {
          timings.phase(report.what, seam.nowMs())
          progress.report(report)
        },
      }),
  }
}
