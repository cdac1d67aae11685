import { access, readdir, rmdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { messageOf, ProvisionError, systemCode } from '../lib/errors.ts'
import { makeFolder } from '../lib/make-folder.ts'
import { type ProcessTimes, renderTimes } from './process-times.ts'
import { timesFileName } from './read.ts'

export interface BenchmarkPlace {
  /** Folder of all benchmarks. */
  readonly root: string
  /** Folder for this one, in place of one below `root` with the time as its name. */
  readonly directory: string | undefined
}

/**
 * Makes the folder of a benchmark, empty. Throws `usage.invalid` when it cannot be made or has something in it: what
 * was measured is never overwritten.
 */
export async function makeBenchmarkFolder(place: BenchmarkPlace, nowMs: number): Promise<string> {
  const folder = place.directory ?? join(place.root, benchmarkFolderName(nowMs))
  try {
    makeFolder(place.root)
    makeFolder(folder)
    if ((await readdir(folder)).length === 0) return folder
  } catch (error) {
    throw new ProvisionError('usage.invalid', {
      message: `The folder ${folder} for the benchmark cannot be made: ${messageOf(error)}`,
      hint: 'Name one that you may write to with `--root` or `--dir`.',
      cause: error,
    })
  }
  throw new ProvisionError('usage.invalid', {
    message: `The folder ${folder} for the benchmark is not empty.`,
    hint: 'Name a new one with `--dir`, or leave it out.',
  })
}

/** `20261121-104500`, UTC. */
export const benchmarkFolderName = (nowMs: number): string =>
  new Date(nowMs).toISOString().replace(/^(\d+)-(\d+)-(\d+)T(\d+):(\d+):(\d+).*$/, '$1$2$3-$4$5$6')

/** Notes which folder was the last. */
export const noteLastRun = (root: string, folder: string): Promise<void> =>
  writeFile(join(root, '.last_run'), `${folder}\n`)

export async function writeTimes(folder: string, times: ProcessTimes): Promise<void> {
  // A run that was blocked by findings has made no folder, and is no measurement.
  if (await isThere(folder)) await writeFile(join(folder, timesFileName), renderTimes(times))
}

/** Takes away the folder of a benchmark that did not begin, if nothing is in it. */
export async function removeIfEmpty(folder: string): Promise<void> {
  await rmdir(folder).catch((error: unknown) => {
    if (!['ENOTEMPTY', 'EEXIST', 'ENOENT'].includes(systemCode(error) ?? '')) throw error
  })
}

const isThere = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  )
