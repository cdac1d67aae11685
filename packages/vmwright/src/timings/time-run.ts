import type { RunEvent } from '@vmwright/contract'
import { messageOf } from '../lib/errors.ts'
import { openTimingFiles, type TimingFiles } from './files.ts'
import { openRecorder, type Recorder } from './recorder.ts'
import type { TimingRecord } from './record.ts'
import { summarise } from './summary.ts'

export interface TimeRunOptions {
  readonly command: string
  /** Milliseconds since the epoch. */
  readonly startedMs: number
  /** Makes the folder for this run and says where it is; called when the run starts, so not for one that does not. */
  readonly folder: () => string
  /** Told once, when the timings cannot be written. */
  readonly warn: (message: string) => void
}

/** What a run tells while it goes on; see `Recorder`. */
export type RunTimings = Pick<Recorder, 'phase' | 'question'> & { event(event: RunEvent): void }

/** Writes the timings of a run while it happens. Whatever goes wrong with that is a warning: the run goes on. */
export function timeRun({ command, startedMs, folder, warn }: TimeRunOptions): RunTimings {
  const recorder = openRecorder(command, startedMs)
  const all: TimingRecord[] = []
  let state: 'waiting' | 'over' | { readonly folder: string; readonly files: TimingFiles } = 'waiting'

  const write = (event: RunEvent): void => {
    if (event.kind === 'run-started' && state === 'waiting') {
      const place = folder()
      state = { folder: place, files: openTimingFiles(place) }
    }
    const records = recorder.event(event)
    if (typeof state === 'string') return
    all.push(...records)
    state.files.write(records)
    if (event.kind !== 'run-finished') return
    const run = {
      directory: state.folder,
      wallSeconds: recorder.elapsedMs(event.atMs) / 1000,
      command,
      outcome: event.outcome,
      startedAt: new Date(startedMs).toISOString(),
    }
    state.files.finish(summarise(all, run))
    state = 'over'
  }

  return {
    phase: (what, atMs) => recorder.phase(what, atMs),
    question: (atMs) => recorder.question(atMs),
    event(event) {
      if (state === 'over') return
      try {
        write(event)
      } catch (error) {
        state = 'over'
        warn(`The timings of this run are not written: ${messageOf(error)}`)
      }
    },
  }
}
