import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { ProvisionError, systemCode } from '../lib/errors.ts'
import { timingFileNames } from './files.ts'
import { parseLines, parseSummary, type StoredRecord, type StoredSummary } from './parse.ts'
import { parseTimes, type ProcessTimes } from './process-times.ts'

/** A run that ended well, as it lies in its folder. */
export interface StoredRun {
  readonly directory: string
  readonly summary: StoredSummary
  /** Only benchmarks have it. */
  readonly times: ProcessTimes | undefined
  /** All steps, or the slowest ones of the summary where the lines are gone. */
  readonly records: readonly StoredRecord[]
  readonly hasAllRecords: boolean
}

/** A folder that is no result, and why. */
export interface LeftOut {
  readonly directory: string
  readonly because: string
}

/** The repetitions in a folder: those of its own sub-folders, in the order of their numbers, or the folder itself. */
export interface StoredSet {
  readonly directory: string
  readonly runs: readonly StoredRun[]
  readonly leftOut: readonly LeftOut[]
}

export const timesFileName = 'time.txt'

/** The newest folder below `root` that has a result. Throws `benchmark.no-data`. */
export async function newestSet(root: string): Promise<StoredSet> {
  const folders = await foldersIn(root)
  if (folders === undefined)
    throw new ProvisionError('benchmark.no-data', { message: `There is no folder ${root}.` })
  const dated = await Promise.all(
    folders.map(async (name) => ({ path: join(root, name), ms: (await stat(join(root, name))).mtimeMs })),
  )
  const leftOut: LeftOut[] = []
  for (const { path } of dated.toSorted((a, b) => b.ms - a.ms || (a.path < b.path ? 1 : -1))) {
    const set = await readFolder(path)
    leftOut.push(...set.leftOut)
    if (set.runs.length > 0) return { ...set, leftOut }
  }
  throw noResult(root, leftOut)
}

/** The runs in the folder. Throws `benchmark.no-data` when none of them is a result. */
export async function readSet(directory: string): Promise<StoredSet> {
  const set = await readFolder(directory)
  if (set.runs.length === 0) throw noResult(directory, set.leftOut)
  return set
}

const noResult = (directory: string, leftOut: readonly LeftOut[]): ProvisionError =>
  new ProvisionError('benchmark.no-data', {
    message: [
      `There is no timed run with a result in ${directory}.`,
      ...leftOut.map((each) => `  ${each.directory}: ${each.because}`),
    ].join('\n'),
    details: { directory, leftOut },
  })

async function readFolder(directory: string): Promise<StoredSet> {
  const own = await readRun(directory)
  if (own !== undefined) return setOf(directory, [own])
  const below = (await foldersIn(directory)) ?? []
  const runs = await Promise.all(below.map((name) => readRun(join(directory, name))))
  return setOf(
    directory,
    runs.filter((run) => run !== undefined),
  )
}

const setOf = (directory: string, found: readonly (StoredRun | LeftOut)[]): StoredSet => ({
  directory,
  runs: found.filter((each) => 'summary' in each),
  leftOut: found.filter((each) => 'because' in each),
})

const goodOutcomes: readonly (string | undefined)[] = [undefined, 'done', 'unchanged']

/** `undefined` for a folder that has nothing of a run. */
async function readRun(directory: string): Promise<StoredRun | LeftOut | undefined> {
  const [text, lines, times] = await Promise.all([
    textIfThere(join(directory, timingFileNames.summary)),
    textIfThere(join(directory, timingFileNames.lines)),
    textIfThere(join(directory, timesFileName)),
  ])
  if (text === undefined)
    return lines === undefined
      ? undefined
      : { directory, because: `it has no ${timingFileNames.summary}: the run did not come to its end` }
  const summary = parseSummary(text)
  if (summary === undefined) return { directory, because: `its ${timingFileNames.summary} cannot be read` }
  if (!goodOutcomes.includes(summary.outcome))
    return { directory, because: `the run ended as ${summary.outcome}` }
  const all = lines === undefined ? [] : parseLines(lines).records
  const hasAllRecords = all.length >= summary.task_count
  return {
    directory,
    summary,
    times: times === undefined ? undefined : parseTimes(times),
    records: hasAllRecords ? all : summary.top_20_slowest_tasks,
    hasAllRecords,
  }
}

/** Names of the folders in a folder, with numbers in the order of their value; `undefined` when it is not there. */
async function foldersIn(directory: string): Promise<readonly string[] | undefined> {
  try {
    const entries = await readdir(directory, { withFileTypes: true })
    const names = entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
    const order = new Intl.Collator('en', { numeric: true })
    // The clean-up before a benchmark is a run of its own, and no part of its result.
    return names
      .map((entry) => entry.name)
      .filter((name) => name !== cleanUpFolder)
      .toSorted(order.compare)
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(systemCode(error) ?? '')) return undefined
    throw error
  }
}

/** Where a benchmark writes the timings of its clean-up. */
export const cleanUpFolder = 'cleanup'

async function textIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(systemCode(error) ?? '')) return undefined
    throw error
  }
}
