import type { LifecycleRun } from '@vmwright/contract'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { messageOf, ProvisionError } from '../lib/errors.ts'
import type { Progress } from '../lib/progress.ts'
import {
  fileName,
  filesBelow,
  jsonText,
  junitName,
  removeIfEmpty,
  reportName,
  resultsName,
  writeWhole,
} from './files.ts'
import { renderJunit } from './junit.ts'
import { openNotes } from './notes.ts'
import { openPhaseLog, type PhaseLog } from './phase-log.ts'
import { renderReport } from './report/report.ts'
import { makeRunFolder, pointLatest, removeOldRuns, runId } from './run-folder.ts'
import { readTails } from './tails.ts'

export type { PhaseLog } from './phase-log.ts'

/** The folder of one run: logs as they come, fetched files, and what became of it all. */
export interface Results {
  readonly id: string
  /** Absolute. */
  readonly folder: string
  readonly startedAtMs: number
  /** A new log, `<guest>/<NN>-<phase>.log`. Never throws: what could not be written is told by `finish`. */
  log(guest: string, phase: string): PhaseLog
  /** Absolute; made when it is asked for, and taken away by `finish` if nothing came. */
  fetchFolder(guest: string): string
  /** What lies in it: paths relative to the folder of the run, for `GuestRun.fetched`. */
  fetched(guest: string): readonly string[]
  /**
   * Notes how far the run is, with `outcome: 'unfinished'`, so that a killed one can be read. Cheap: of many calls in
   * a short time the last one is written. Never throws.
   */
  update(run: LifecycleRun): void
  /**
   * Writes `results.json`, `junit.xml` and `report.html`. Throws `results.unwritable` when one of them, or a log
   * before them, could not be written.
   */
  finish(progress: Progress, run: LifecycleRun): Promise<void>
}

export interface ResultsPlace {
  /** Absolute; of all runs. */
  readonly folder: string
  readonly project: string
  /** So many runs stay, this one with them; `undefined`: all of them. */
  readonly keep: number | undefined
}

/** Of runs that nobody has said how many to keep of. */
export const defaultKeep = 20

/**
 * Makes the folder of a run (mode 0700), points `latest` to it, and removes the oldest runs beyond `keep`. Only
 * folders with the mark of a run are removed, and none whose process is alive. Throws `results.unwritable`.
 */
export async function openResults(progress: Progress, place: ResultsPlace): Promise<Results> {
  const { seam } = progress
  const startedAtMs = seam.nowMs()
  const id = makeOrExplain(place.folder, startedAtMs)
  const folder = join(place.folder, id)
  const problems: unknown[] = []
  const attempt = (work: () => void): void => {
    try {
      work()
    } catch (error) {
      problems.push(error)
    }
  }
  attempt(() => pointLatest(place.folder, id))
  attempt(() => void (place.keep !== undefined && removeOldRuns(place.folder, place.keep)))
  // Whoever cannot tidy up can still keep results.
  problems.length = 0

  const write = (name: string, text: string): void => attempt(() => writeWhole(join(folder, name), text))
  const guestFolder = (guest: string, ...below: readonly string[]): string => {
    const path = join(folder, fileName(guest), ...below)
    attempt(() => mkdirSync(path, { recursive: true }))
    return path
  }
  const filesOf = (guest: string): string => join(folder, fileName(guest), 'files')
  const counts = new Map<string, number>()
  const notes = openNotes(seam, (run) => write(resultsName, jsonText(run)))
  notes.update({
    version: 1,
    id,
    project: place.project,
    startedAtMs,
    durationMs: 0,
    outcome: 'unfinished',
    guests: [],
  })

  return {
    id,
    folder,
    startedAtMs,
    log(guest, phase) {
      const count = (counts.get(guest) ?? 0) + 1
      counts.set(guest, count)
      const name = `${String(count).padStart(2, '0')}-${fileName(phase)}.log`
      return openPhaseLog({
        file: join(guestFolder(guest), name),
        path: `${fileName(guest)}/${name}`,
        nowMs: () => seam.monotonicMs(),
        onProblem: (error) => problems.push(error),
      })
    },
    fetchFolder: (guest) => guestFolder(guest, 'files'),
    fetched: (guest) => filesBelow(filesOf(guest)).map((path) => `${fileName(guest)}/files/${path}`),
    update: notes.update,
    async finish(_progress, run) {
      notes.stop()
      for (const { name } of run.guests) attempt(() => removeIfEmpty(filesOf(name)))
      // The one first of which the others can be made again.
      write(resultsName, jsonText(run))
      const tails = readTails(folder, run)
      write(junitName, renderJunit(run, tails))
      write(reportName, renderReport(run, tails))
      if (problems.length > 0) throw unwritable(folder, problems[0])
    },
  }
}

function makeOrExplain(folder: string, nowMs: number): string {
  try {
    return makeRunFolder(folder, runId(nowMs, process.pid))
  } catch (error) {
    throw unwritable(folder, error)
  }
}

const unwritable = (folder: string, cause: unknown): ProvisionError =>
  new ProvisionError('results.unwritable', {
    message: `The results cannot be kept in ${folder}: ${messageOf(cause)}`,
    details: { folder },
    cause,
  })
