import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { type LoadedSpec, loadSpec } from '../spec/load.ts'
import { importFiles, type Imported, type ImportOptions } from './import.ts'
import type { NoteKind } from './notes.ts'
import { noteText } from './notes.ts'
import type { Setting } from './importer.ts'
import type { ImportReader } from './read-files.ts'

/** Files in memory, by path; a folder is there when a path begins with it. */
export const memoryReader = (files: Readonly<Record<string, string | Uint8Array>>): ImportReader => ({
  async kindOf(path) {
    if (Object.hasOwn(files, path)) return 'file'
    return path === '.' || Object.keys(files).some((name) => name.startsWith(`${path}/`))
      ? 'folder'
      : undefined
  },
  async list(path) {
    const prefix = path === '.' ? '' : `${path.replace(/\/$/, '')}/`
    const below = Object.keys(files).filter((name) => name.startsWith(prefix))
    // Backwards, so that nothing depends on the order of the file system.
    return [...new Set(below.map((name) => name.slice(prefix.length).split('/')[0] ?? ''))].toReversed()
  },
  async read(path) {
    const content = files[path] ?? ''
    return typeof content === 'string' ? new TextEncoder().encode(content) : content
  },
})

export const samples = join(import.meta.dirname, 'samples')

/** The sample files, seen from their folder. */
export const sampleReader: ImportReader = {
  async kindOf(path) {
    const found = statSync(join(samples, path), { throwIfNoEntry: false })
    return found?.isDirectory() === true ? 'folder' : found?.isFile() === true ? 'file' : undefined
  },
  list: async (path) => readdirSync(join(samples, path)).toReversed(),
  read: async (path) => readFileSync(join(samples, path)),
}

/** Imports texts; the paths are those of the files, in their order. */
export const importTexts = (
  files: Readonly<Record<string, string>>,
  options: ImportOptions = {},
): Promise<Imported> => importFiles(memoryReader(files), Object.keys(files), options)

export const notesOf = (imported: Imported, kind: NoteKind): readonly string[] =>
  imported.notes.filter((note) => note.kind === kind).map(noteText)

/** Loads what was imported as if it stood in a folder. */
export const loadImported = ({ text }: Imported, folder = '/specs'): Promise<LoadedSpec> =>
  loadSpec(
    {
      async readText(path) {
        if (path === `${folder}/vmwright.yaml`) return new TextEncoder().encode(text)
        return statSync(path, { throwIfNoEntry: false }) === undefined ? undefined : readFileSync(path)
      },
    },
    'vmwright.yaml',
    { variables: {}, homeDirectory: '/home/me', currentDirectory: folder },
  )

/** The row of a setting in the table of its page. */
export const settingRow = ({ name, to, note }: Setting): string =>
  `| ${name.includes(' ') ? name : `\`${name}\``} | ${to === undefined ? '–' : `\`${to}\``} | ${note ?? ''} |`
