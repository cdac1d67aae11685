import { readdir, realpath, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Progress } from '../lib/progress.ts'

/** What a file or folder of this machine consists of. Links are what they lead to. */
export interface TreeEntry {
  /** Absolute. */
  readonly path: string
  /** Below the root with `/`; empty for the root itself. */
  readonly relative: string
  readonly kind: 'file' | 'empty-folder' | 'dangling' | 'special'
  readonly mode: number
  readonly bytes: number
}

/**
 * A file, or everything in a folder, sorted by name. Throws what `stat` throws when there is nothing at the path. A
 * link that leads back to a folder above it is `special`, as are sockets, pipes and devices.
 */
export async function listTree(progress: Progress, root: string): Promise<readonly TreeEntry[]> {
  const entries: TreeEntry[] = []
  const walk = async (path: string, relative: string, above: readonly string[]): Promise<void> => {
    progress.check()
    const facts = await stat(path).catch((error: unknown) => {
      if (relative === '') throw error
      return undefined
    })
    const mode = facts === undefined ? 0 : facts.mode & 0o777
    const add = (kind: TreeEntry['kind']): void => {
      entries.push({ path, relative, kind, mode, bytes: facts?.size ?? 0 })
    }
    if (facts === undefined) return add('dangling')
    if (facts.isFile()) return add('file')
    if (!facts.isDirectory()) return add('special')
    const real = await realpath(path)
    if (above.includes(real)) return add('special')
    const names = (await readdir(path)).toSorted()
    if (names.length === 0) add('empty-folder')
    for (const name of names)
      await walk(join(path, name), relative === '' ? name : `${relative}/${name}`, [...above, real])
  }
  await walk(root, '', [])
  return entries
}
