import { ProvisionError } from '../lib/errors.ts'
import { maxFileBytes } from '../spec/yaml.ts'
import { type Inventory, mergeInventories } from '../spec/ansible/inventory.ts'
import { invalid, orInvalid } from './invalid.ts'
import type { Notes } from './notes.ts'
import { readOne } from '../spec/ansible/read-one.ts'
import { type SourceFile, type SourceFiles, sourceOf } from '../spec/ansible/source.ts'

/** How the outside is read. Paths as the person named them, and what lies below. */
export interface ImportReader {
  kindOf(path: string): Promise<'file' | 'folder' | undefined>
  /** Names in a folder, in any order. */
  list(path: string): Promise<readonly string[]>
  read(path: string): Promise<Uint8Array>
}

const maxFiles = 300
const maxTotalBytes = 8 * 1024 * 1024
const maxFolders = 6
const leftOut = /^(\.|venv$|node_modules$|wheelhouse$|logs$)|(^|[-.])reference\.local\.ya?ml$/
const readable = /\.(ya?ml|json|ini)$|^(hosts|inventory)$/

/**
 * Reads files, and what is in folders and beside inventories (`host_vars`, `group_vars`). In a folder role defaults
 * come first and `*.local.yml` last, the rest by name, so that numbered files are merged in their order. Throws
 * `import.invalid` with `file:line` where a file cannot be read.
 */
export async function readFiles(
  reader: ImportReader,
  paths: readonly string[],
  notes: Notes,
): Promise<SourceFiles> {
  const names = await listAll(reader, paths)
  const files: SourceFile[] = []
  let total = 0
  for (const name of names) {
    const bytes = await reader.read(name)
    total += bytes.length
    if (bytes.length > maxFileBytes) throw invalid({ file: name, line: 1 }, 'is larger than 1 MiB')
    if (total > maxTotalBytes)
      throw invalid({ file: name, line: 1 }, 'the files are larger than 8 MiB in all')
    const file = orInvalid(() => readOne(name, bytes))
    if (file.role.kind === 'nothing') notes.add('question', { file: name, line: 1 }, file.role.why)
    files.push(file)
  }
  const inventories = files.flatMap(({ role }): Inventory[] =>
    role.kind === 'inventory' ? [role.inventory] : [],
  )
  return sourceOf(files, mergeInventories(inventories))
}

async function listAll(reader: ImportReader, paths: readonly string[]): Promise<readonly string[]> {
  const names = new Set<string>()
  const add = (name: string): void => {
    names.add(name)
    if (names.size > maxFiles) throw invalid({ file: name, line: 1 }, `is one of more than ${maxFiles} files`)
  }
  const walk = async (folder: string, depth: number): Promise<void> => {
    const entries = (await reader.list(folder)).filter((entry) => !leftOut.test(entry))
    for (const entry of entries.toSorted(inMergeOrder)) {
      const path = folder === '.' ? entry : `${folder.replace(/\/$/, '')}/${entry}`
      const kind = await reader.kindOf(path)
      if (kind === 'file' && (readable.test(entry) || isVarsFolder(folder))) add(path)
      if (kind === 'folder' && depth < maxFolders) await walk(path, depth + 1)
    }
  }
  for (const path of paths) {
    const kind = await reader.kindOf(path)
    if (kind === undefined) {
      throw new ProvisionError('import.invalid', {
        message: `There is no file ${path}.`,
        hint: 'Name the variable files, the inventory, or the folder they are in.',
      })
    }
    if (kind === 'folder') {
      await walk(path, 0)
      continue
    }
    add(path)
    for (const beside of ['group_vars', 'host_vars']) {
      const folder = path.includes('/') ? `${path.slice(0, path.lastIndexOf('/'))}/${beside}` : beside
      if (paths.includes(folder) || (await reader.kindOf(folder)) !== 'folder') continue
      await walk(folder, 0)
    }
  }
  return [...names]
}

const isVarsFolder = (folder: string): boolean => /(^|\/)(host_vars|group_vars)(\/[^/]+)?$/.test(folder)

/** By code units, so that the order is the same everywhere; local settings last, `defaults` first. */
function inMergeOrder(a: string, b: string): number {
  const rank = (name: string): number =>
    name === 'defaults' ? 0 : /\.local\.(ya?ml|json)$/.test(name) ? 2 : 1
  return rank(a) - rank(b) || (a < b ? -1 : a > b ? 1 : 0)
}
