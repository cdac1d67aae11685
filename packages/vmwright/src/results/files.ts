import type { LifecycleRun } from '@vmwright/contract'
import { readdirSync, renameSync, rmSync, rmdirSync, writeFileSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import { systemCode } from '../lib/errors.ts'

/** The files of a run besides those of its guests. */
export const resultsName = 'results.json'
export const junitName = 'junit.xml'
export const reportName = 'report.html'

/**
 * A name as that of a file or folder, one to one: all but letters, digits, `-`, `_` and inner dots is written as
 * `%` and two digits, as in a URL. Names of guests are plain; this holds whatever they may become.
 */
export const fileName = (name: string): string =>
  [resultsName, junitName, reportName].includes(name) || /^\.*$/.test(name)
    ? `%${name.replaceAll('.', '%2E')}`
    : encodeURIComponent(name).replaceAll(/[!'()*~]|^\./g, (sign) => `%${hexOf(sign)}`)

const hexOf = (sign: string): string => sign.charCodeAt(0).toString(16).toUpperCase()

/** Under a temporary name and renamed, so that nobody reads a half of it. Throws the system's error. */
export function writeWhole(path: string, text: string): void {
  const temporary = `${path}.part`
  try {
    writeFileSync(temporary, text, { mode: 0o600 })
    renameSync(temporary, path)
  } catch (error) {
    rmSync(temporary, { force: true })
    throw error
  }
}

/** Results as a file: readable, and the same for the same run. */
export const jsonText = (run: LifecycleRun): string => `${JSON.stringify(run, null, 2)}\n`

/** Relative paths of all files below a folder, with `/`, sorted; none when there is no such folder. */
export function filesBelow(folder: string): readonly string[] {
  try {
    return readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => !entry.isDirectory())
      .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join('/'))
      .toSorted()
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return []
    throw error
  }
}

/** Removes a folder in which nothing is. */
export function removeIfEmpty(folder: string): void {
  try {
    rmdirSync(folder)
  } catch (error) {
    if (!['ENOTEMPTY', 'EEXIST', 'ENOENT'].includes(systemCode(error) ?? '')) throw error
  }
}
