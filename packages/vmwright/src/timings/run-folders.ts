import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { makeFolder } from '../lib/make-folder.ts'

/** Folders of runs are kept up to this number, unless `VMWRIGHT_KEEP_RUNS` says another. */
export const defaultKeptRuns = 20

const shape = /^\d{8}T\d{6}Z-\d+$/

/** `20261121T104500Z-4711`: names sort by time. */
export const runFolderName = (nowMs: number, pid: number): string => `${utcStamp(nowMs)}-${pid}`

/** `20261121T104500Z` */
const utcStamp = (ms: number): string => new Date(ms).toISOString().replaceAll(/[-:]|\.\d+/g, '')

/** Which of the names may go so that `keep` remain, oldest first. What does not have the shape is not ours. */
export const surplus = (names: readonly string[], keep: number): readonly string[] => {
  const own = names.filter((name) => shape.test(name)).toSorted()
  return own.slice(0, Math.max(0, own.length - keep))
}

/** Makes the folder of a run below `root` and removes the oldest others beyond `keep`. Throws the system's error. */
export function makeRunFolder(root: string, name: string, keep: number): string {
  const folder = join(root, name)
  makeFolder(folder)
  for (const old of surplus(readdirSync(root), keep))
    rmSync(join(root, old), { recursive: true, force: true })
  return folder
}

/** The number of `VMWRIGHT_KEEP_RUNS`; 0 keeps none, and then none is written. What is not a number counts for nothing. */
export const keptRuns = (value: string | undefined): number =>
  value !== undefined && /^\d{1,6}$/.test(value) ? Number(value) : defaultKeptRuns
