import { readdir, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import type { Progress } from '../lib/progress.ts'
import { removeLeftBuild } from './build/build.ts'
import { type Dependent, dependentsOf } from './dependents.ts'
import { changeFile, removeFile } from './files.ts'
import { buildingPath, packagesPath, recordPath } from './layout.ts'
import type { CacheFile } from './scan.ts'

export interface PruneOptions {
  /** Also the versions that would be used now. */
  readonly all: boolean
  readonly nowMs: number
  /** Unfinished downloads younger than this may be under way. */
  readonly unfinishedForMs: number
}

export interface PrunePlan {
  readonly remove: readonly {
    readonly file: CacheFile
    readonly because: 'old version' | 'copy of a file' | 'asked for' | 'unfinished'
  }[]
  readonly keep: readonly {
    readonly file: CacheFile
    readonly because: 'in use' | 'current' | 'not ours' | 'under way'
    readonly dependents: readonly Dependent[]
  }[]
  readonly freedBytes: number
}

export const defaultUnfinishedForMs = 24 * 3_600_000

/**
 * Decides which files of the cache may go. What an instance depends on stays whatever is asked, and so does what
 * has no record, because it was not put there by us.
 */
export function planPrune(
  files: readonly CacheFile[],
  dependents: readonly Dependent[],
  options: PruneOptions,
): PrunePlan {
  const remove: PrunePlan['remove'][number][] = []
  const keep: PrunePlan['keep'][number][] = []
  for (const file of files) {
    const users = dependentsOf(file, dependents)
    if (users.length > 0) keep.push({ file, because: 'in use', dependents: users })
    else if (file.kind !== 'image') {
      if (options.nowMs - file.modifiedMs > options.unfinishedForMs)
        remove.push({ file, because: 'unfinished' })
      else keep.push({ file, because: 'under way', dependents: [] })
    } else if (file.record === undefined) keep.push({ file, because: 'not ours', dependents: [] })
    else if (file.record.origin === 'file') remove.push({ file, because: 'copy of a file' })
    else if (!file.isCurrent) remove.push({ file, because: 'old version' })
    else if (options.all) remove.push({ file, because: 'asked for' })
    else keep.push({ file, because: 'current', dependents: [] })
  }
  return { remove, keep, freedBytes: remove.reduce((sum, { file }) => sum + file.sizeBytes, 0) }
}

/** Removes what the plan says: links first, so that none ever points nowhere; the record last. Safe to repeat. */
export async function runPrune(progress: Progress, cacheDir: string, plan: PrunePlan): Promise<void> {
  const going = new Set(plan.remove.map(({ file }) => file.fileName))
  const entries = await readdir(cacheDir, { withFileTypes: true }).catch(() => [])
  for (const entry of entries.filter((entry) => entry.isSymbolicLink())) {
    const link = join(cacheDir, entry.name)
    if (going.has(await readlink(link).catch(() => ''))) await removeFile(progress, link)
  }
  for (const { file } of plan.remove) {
    if (file.fileName.endsWith(buildingPath(''))) {
      await changeFile(progress, 'remove', file.path, () => removeLeftBuild(progress, file.path))
      continue
    }
    await removeFile(progress, file.path)
    if (file.kind !== 'image') continue
    await removeFile(progress, packagesPath(file.path))
    await removeFile(progress, recordPath(file.path))
  }
}
