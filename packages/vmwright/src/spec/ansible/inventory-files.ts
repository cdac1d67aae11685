import type { FileReader } from '../include.ts'
import { SourceFault } from './fault.ts'

/** A file that belongs to an inventory. */
export interface InventoryFile {
  /** As shown to the reader. */
  readonly name: string
  readonly bytes: Uint8Array
  /** Variables of a host or group, which stand beside the inventory. */
  readonly isVars: boolean
}

const maxFiles = 300
const maxTotalBytes = 8 * 1024 * 1024
/** What Ansible passes over in folders, but for `.ini`, which it passes over too. */
const passedOver = /^\.|~$|\.(orig|bak|cfg|retry|pyc|pyo|md|rst|txt|swp)$/

/**
 * Reads an inventory: a file, or all files of a folder, and `host_vars` and `group_vars` beside them; of each variables
 * folder the files of one owner too. By name, as Ansible merges them. `undefined`: there is nothing at the path.
 */
export async function readInventoryFiles(
  reader: FileReader,
  path: string,
  shown: string,
): Promise<readonly InventoryFile[] | undefined> {
  const files: InventoryFile[] = []
  let total = 0
  const list = async (folder: string): Promise<readonly string[] | undefined> =>
    (await reader.list?.(folder))?.filter((name) => !passedOver.test(name)).toSorted()
  const add = async (at: string, name: string, isVars: boolean): Promise<boolean> => {
    const bytes = await reader.readText(at)
    if (bytes === undefined) return false
    total += bytes.length
    if (files.push({ name, bytes, isVars }) > maxFiles)
      throw new SourceFault({ file: name, line: 1 }, `is one of more than ${maxFiles} files`)
    if (total > maxTotalBytes)
      throw new SourceFault({ file: name, line: 1 }, 'the files are larger than 8 MiB in all')
    return true
  }
  const addVars = async (folder: string, name: string, depth: number): Promise<void> => {
    for (const entry of (await list(folder)) ?? []) {
      const at = `${folder}/${entry}`
      if (depth < 2 && (await list(at)) !== undefined) await addVars(at, `${name}/${entry}`, depth + 1)
      else await add(at, `${name}/${entry}`, true)
    }
  }
  const entries = await list(path)
  if (entries === undefined && !(await add(path, shown, false))) return undefined
  for (const entry of entries ?? []) {
    if (entry === 'host_vars' || entry === 'group_vars' || (await list(`${path}/${entry}`)) !== undefined)
      continue
    await add(`${path}/${entry}`, `${shown}/${entry}`, false)
  }
  const [beside, besideShown] = entries === undefined ? [above(path), above(shown)] : [path, shown]
  for (const folder of ['group_vars', 'host_vars'])
    await addVars(`${beside}/${folder}`, besideShown === '.' ? folder : `${besideShown}/${folder}`, 1)
  return files
}

const above = (path: string): string => (path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : '.')
