import { mkdir, open, readFile, readlink, rename, rm, statfs, symlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { ProvisionError, systemCode } from '../lib/errors.ts'
import type { Progress } from '../lib/progress.ts'
import { formatBytes } from '../lib/units.ts'

/**
 * One change to the file system, through the seam. Throws `cache.full`, with the path and the bytes still needed
 * (where they are known), when there is no space or quota left.
 */
export async function changeFile<T>(
  progress: Progress,
  kind: string,
  path: string,
  run: () => Promise<T>,
  neededBytes?: () => number | undefined,
): Promise<T> {
  try {
    return await progress.seam.effect({ kind: `file.${kind}`, object: path, mutates: true }, run)
  } catch (error) {
    if (!['ENOSPC', 'EDQUOT', 'EFBIG'].includes(systemCode(error) ?? '')) throw error
    throw cacheFull(path, neededBytes?.(), error)
  }
}

function cacheFull(path: string, neededBytes: number | undefined, cause?: unknown): ProvisionError {
  const need = neededBytes === undefined ? '' : `; ${formatBytes(neededBytes)} more are needed`
  return new ProvisionError('cache.full', {
    message: `There is no space left for ${path}${need}.`,
    details: { path, ...(neededBytes !== undefined && { neededBytes }) },
    cause,
  })
}

/** Throws `cache.full` when the file system of `path`'s folder has less than `neededBytes` for it. */
export async function requireSpace(path: string, neededBytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(dirname(path))
  if (bavail * bsize < neededBytes) throw cacheFull(path, neededBytes)
}

export const makeFolder = async (progress: Progress, path: string): Promise<void> => {
  await changeFile(progress, 'mkdir', path, () => mkdir(path, { recursive: true }))
}

export const removeFile = (progress: Progress, path: string): Promise<void> =>
  changeFile(progress, 'remove', path, () => rm(path, { force: true }))

/** Writes a small file whole or not at all, even when power fails. */
export async function writeDurably(
  progress: Progress,
  path: string,
  content: string | Uint8Array,
): Promise<void> {
  const temporary = `${path}.tmp`
  await changeFile(progress, 'write', temporary, async () => {
    await using handle = await open(temporary, 'w', 0o644)
    await handle.writeFile(content)
    await handle.sync()
  })
  await moveDurably(progress, temporary, path)
}

/** Gives a flushed file its name; the name survives a power failure. */
export const moveDurably = (progress: Progress, from: string, to: string): Promise<void> =>
  changeFile(progress, 'rename', to, async () => {
    await rename(from, to)
    await syncFolder(dirname(to))
  })

/** Makes `path` a link to `target` in one step; does nothing when it is. */
export async function pointLink(progress: Progress, path: string, target: string): Promise<void> {
  if (await linksTo(path, target)) return
  const temporary = `${path}.tmp`
  await changeFile(progress, 'symlink', temporary, async () => {
    await rm(temporary, { force: true })
    await symlink(target, temporary)
  })
  await moveDurably(progress, temporary, path)
}

export const linksTo = async (path: string, target: string): Promise<boolean> =>
  (await readlink(path).catch(() => undefined)) === target

/** `undefined` when the file is missing or not JSON. */
export async function readJson(path: string): Promise<unknown> {
  const text = await readFile(path, 'utf8').catch(() => undefined)
  try {
    return text === undefined ? undefined : JSON.parse(text)
  } catch {
    return undefined
  }
}

async function syncFolder(path: string): Promise<void> {
  await using folder = await open(path, 'r')
  await folder.sync()
}
