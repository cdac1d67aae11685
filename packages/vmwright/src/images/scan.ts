import type { Dirent } from 'node:fs'
import { readdir, readlink, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { buildingPath, packagesPath, recordPath } from './layout.ts'
import { type CacheRecord, readRecord } from './record.ts'

/** A file of the cache, as `images list`, `verify` and `prune` see it. */
export interface CacheFile {
  /**
   * `image`: a verified image, or a file of somebody else's that has no record. `partial`: an unfinished download
   * or build, its note, or the folder of a build. `leftover`: a small file that a killed run left.
   */
  readonly kind: 'image' | 'partial' | 'leftover'
  readonly fileName: string
  readonly path: string
  readonly sizeBytes: number
  readonly modifiedMs: number
  /** Only of images. */
  readonly record: CacheRecord | undefined
  /** A link of the canonical name points to it. */
  readonly isCurrent: boolean
}

/** Reads the cache folder, not its files; sorted by name, empty when there is no folder. */
export async function scanCache(cacheDir: string): Promise<readonly CacheFile[]> {
  const entries = await readdir(cacheDir, { withFileTypes: true }).catch(() => [])
  const names = new Set(entries.map((entry) => entry.name))
  const current = new Set<string>()
  for (const entry of entries) {
    if (!entry.isSymbolicLink()) continue
    current.add(await readlink(join(cacheDir, entry.name)).catch(() => ''))
  }
  const files: CacheFile[] = []
  for (const { name } of entries.filter((entry) => entry.isFile() || isBuildFolder(entry))) {
    const kind = kindOf(name, names)
    const path = join(cacheDir, name)
    const facts = await stat(path).catch(() => undefined)
    if (kind === undefined || facts === undefined) continue
    files.push({
      kind,
      fileName: name,
      path,
      sizeBytes: facts.size,
      modifiedMs: facts.mtimeMs,
      record: kind === 'image' ? await readRecord(recordPath(path)) : undefined,
      isCurrent: current.has(name),
    })
  }
  return files.toSorted((a, b) => (a.fileName < b.fileName ? -1 : 1))
}

const isBuildFolder = (entry: Dirent): boolean => entry.isDirectory() && entry.name.endsWith(buildingPath(''))

/** `undefined` for the record and the manifest of an image that is there: they go with the image. */
function kindOf(name: string, names: ReadonlySet<string>): CacheFile['kind'] | undefined {
  if (name.endsWith(buildingPath(''))) return 'partial'
  if (name.endsWith('.partial') || name.endsWith('.partial.json')) return 'partial'
  if (name.endsWith('.tmp')) return 'leftover'
  if (!name.endsWith('.json')) return 'image'
  const owners = [recordPath(''), packagesPath('')].map((ending) =>
    name.endsWith(ending) ? name.slice(0, -ending.length) : name,
  )
  return owners.some((owner) => owner !== name && names.has(owner)) ? undefined : 'leftover'
}
