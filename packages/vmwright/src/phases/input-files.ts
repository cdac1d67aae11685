import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { relative, sep } from 'node:path'
import { sha256Hex } from '../lib/hash.ts'
import type { Progress } from '../lib/progress.ts'
import type { InputFile } from './phase.ts'
import { listTree, type TreeEntry } from './tree.ts'

const readsAtOnce = 16
/** Larger files are read in pieces. */
const maxWhole = 1024 * 1024

/** Gathers the files that a phase depends on, each once, with the first reason that is given for it. */
export class InputFiles {
  readonly #folder: string | undefined
  readonly #entries = new Map<string, { readonly entry: TreeEntry; readonly because: string }>()
  readonly #notes = new Set<string>()

  /** `folder`: that of the phases; files in it are named relative to it. */
  constructor(folder: string | undefined) {
    this.#folder = folder
  }

  note(sentence: string): void {
    this.#notes.add(sentence)
  }

  get notes(): readonly string[] {
    return [...this.#notes].toSorted()
  }

  /** A file, or a folder with all that is in it. False when there is nothing. */
  async add(progress: Progress, path: string, because: string): Promise<boolean> {
    const entries = await listTree(progress, path).catch(() => undefined)
    for (const entry of entries ?? []) this.addEntry(entry, because)
    return entries !== undefined
  }

  addEntry(entry: TreeEntry, because: string): void {
    if (entry.kind === 'special') this.note(`${this.shown(entry.path)} is no file, and does not count.`)
    else if (!this.#entries.has(entry.path)) this.#entries.set(entry.path, { entry, because })
  }

  /** As messages and keys name it: relative to the phase folder, absolute outside of it. */
  shown(path: string): string {
    if (this.#folder === undefined) return path
    const below = relative(this.#folder, path)
    return below === '' || below === '..' || below.startsWith(`..${sep}`) ? path : below
  }

  /** Reads them all, a few at once. */
  async digest(progress: Progress): Promise<readonly InputFile[]> {
    const files: InputFile[] = []
    const queue = this.#entries.values()
    const worker = async (): Promise<void> => {
      for (const { entry, because } of queue) {
        progress.check()
        files.push({
          path: this.shown(entry.path) + (entry.kind === 'empty-folder' ? '/' : ''),
          sha256: await digestOf(progress, entry),
          executable: entry.kind === 'file' && (entry.mode & 0o111) !== 0,
          because,
        })
      }
    }
    await Promise.all(Array.from({ length: readsAtOnce }, worker))
    return files.toSorted((a, b) => (a.path < b.path ? -1 : 1))
  }
}

function digestOf(progress: Progress, { kind, path, bytes }: TreeEntry): Promise<string> | string {
  if (kind !== 'file') return sha256Hex(kind)
  return progress.seam.effect({ kind: 'file.read', object: path, mutates: false }, async () => {
    if (bytes <= maxWhole) return sha256Hex(await readFile(path))
    const hash = createHash('sha256')
    for await (const piece of createReadStream(path)) hash.update(piece as Uint8Array)
    return hash.digest('hex')
  })
}
