import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

/** The files of the repository as texts, for tests that hold them against each other. Paths are from its root. */
export const root = resolve(import.meta.dirname, '../..')
export const read = (path: string): string => readFileSync(join(root, path), 'utf8')

/** Everything below a folder whose name ends so. */
export function filesIn(folder: string, ending: string): readonly string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith(ending) && !/(^|\/)(node_modules|dist)\//.test(path))
    .map((path) => join(folder, path))
    .toSorted()
}

/** The entries of the error catalogue. */
export const catalogueFolder = 'packages/contract/src/errors/'

/** Code that runs at a user's, without tests and what supports them. */
export const productSources = filesIn('packages', '.ts')
  .filter((path) => !/\.(test|contract)\.ts$|\/(testing|fixtures|conformance|fake)(\/|\.ts)/.test(path))
  .map((path) => ({ path, text: read(path) }))
