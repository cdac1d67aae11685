import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { systemCode } from '../lib/errors.ts'
import { makeFolder } from '../lib/make-folder.ts'

/** Whoever finds this file in a folder may remove the folder: a run made it. */
export const markerName = '.vmwright-run'
export const latestName = 'latest'

/** `20261121T101500Z-4711`: sorts by time, and says whose it is. */
export const runId = (nowMs: number, pid: number): string =>
  `${new Date(nowMs).toISOString().replaceAll(/[-:]|\.\d+/g, '')}-${pid}`

export const isRunId = (name: string): boolean => runIdPattern.test(name)

const runIdPattern = /^\d{8}T\d{6}Z-(\d+)(?:-\d+)?$/

/**
 * Makes the folder of a run, mode 0700, and those above it. Two runs of one process in one second get `-2`, `-3`, …
 * Returns its name; throws the system's error.
 */
export function makeRunFolder(folder: string, id: string): string {
  makeFolder(folder)
  for (let count = 1; ; count++) {
    const name = count === 1 ? id : `${id}-${count}`
    const path = join(folder, name)
    try {
      mkdirSync(path, { mode: 0o700 })
    } catch (error) {
      if (systemCode(error) === 'EEXIST' && count < 1000) continue
      throw error
    }
    // Whatever the process's umask says.
    chmodSync(path, 0o700)
    writeFileSync(join(path, markerName), 'A run of vmwright made this folder and may remove it.\n')
    return name
  }
}

/** Points `latest` to a run. What somebody else has put there stays. */
export function pointLatest(folder: string, id: string): void {
  const link = join(folder, latestName)
  const isOthers = lstatSync(link, { throwIfNoEntry: false })?.isSymbolicLink() === false
  if (isOthers) return
  const temporary = join(folder, `.${latestName}.${id}`)
  symlinkSync(id, temporary)
  renameSync(temporary, link)
}

/** Names of the runs in a folder, the newest first; none when there is no such folder. */
export function runsIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && isRunId(entry.name))
      .map(({ name }) => name)
      .toSorted()
      .toReversed()
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return []
    throw error
  }
}

/** Removes the oldest runs beyond `keep` that bear the mark and whose process is gone. Returns their names. */
export function removeOldRuns(folder: string, keep: number, isAlive = isProcessAlive): readonly string[] {
  const old = runsIn(folder)
    .slice(Math.max(1, keep))
    .filter((name) => existsSync(join(folder, name, markerName)))
    .filter((name) => !isAlive(Number(runIdPattern.exec(name)?.[1])))
  for (const name of old) rmSync(join(folder, name), { recursive: true, force: true })
  return old
}

function isProcessAlive(pid: number): boolean {
  if (pid === process.pid) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return systemCode(error) === 'EPERM'
  }
}
