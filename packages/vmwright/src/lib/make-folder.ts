import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { systemCode } from './errors.ts'

/**
 * Makes a folder and those above it; one that is there is left as it is. Throws the system's error. Node's own
 * `recursive` never returns for a folder that cannot exist below one that does, such as `/proc/x`.
 */
export function makeFolder(path: string): void {
  try {
    makeOne(path)
  } catch (error) {
    if (systemCode(error) !== 'ENOENT' || dirname(path) === path) throw error
    makeFolder(dirname(path))
    makeOne(path)
  }
}

function makeOne(path: string): void {
  try {
    mkdirSync(path)
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error
  }
}
