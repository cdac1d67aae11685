import { open, realpath, stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { acquireExclusive } from '../lib/exclusive.ts'
import type { Progress } from '../lib/progress.ts'
import { checkEntry, commitEntry } from './cache-entry.ts'
import { hashFile, makeHasher } from './digest.ts'
import type { BuildSource, CachedImage, ImageContext } from './ensure.ts'
import { changeFile, linksTo, makeFolder, moveDurably, pointLink } from './files.ts'
import { imagePath, packagesPath, partialNotePath, partialPath } from './layout.ts'
import { dropPartial } from './partial.ts'
import { builtName, builtPath, cachedImage, peekBuild } from './peek.ts'

/** An image built from packages, cached by what it is built from. Throws `image.build-failed`, `cache.full`. */
export async function ensureFromBuild(
  progress: Progress,
  id: string,
  source: BuildSource,
  context: ImageContext,
): Promise<CachedImage> {
  const { cacheDir, force, policy } = context
  const link = imagePath(cacheDir, builtName(source))
  const known = force ? undefined : await peekBuild(id, source, context)
  if (known !== undefined && (await linksTo(link, known.fileName))) return known

  await makeFolder(progress, cacheDir)
  const path = await builtPath(source, context)
  const name = basename(path)
  await using _lock = await acquireExclusive(
    progress,
    `image ${await realpath(cacheDir)}/${name}`,
    `building image ${id}`,
  )
  const provenance = {
    origin: 'build',
    from: [source.distribution, source.suite, source.architecture].filter(Boolean).join(' '),
    version: undefined,
  } as const
  const present = await checkEntry(progress, path, {
    expected: undefined,
    name,
    provenance,
    depth: force ? 'full' : policy.verifyCached ? 'stamp' : 'none',
    onMismatch: force || policy.repair ? 'replace' : 'fail',
  })
  if (present !== undefined) {
    await dropPartial(progress, path)
    await pointLink(progress, link, name)
    return cachedImage(id, path, present, 'cache')
  }

  await dropPartial(progress, path)
  const target = partialPath(path)
  await changeFile(progress, 'build', target, () => context.build(progress, source, target))
  await changeFile(progress, 'sync', target, async () => {
    await using handle = await open(target, 'r+')
    await handle.sync()
  })
  const hasher = makeHasher('sha256')
  await hashFile(progress, target, hasher)
  await keepManifest(progress, path)
  const record = await commitEntry(progress, path, { name, provenance, ...hasher.finish() })
  await pointLink(progress, link, name)
  return cachedImage(id, path, record, 'build')
}

/** The build leaves its manifest where a download has the note of its partial file, which goes at the commit. */
async function keepManifest(progress: Progress, path: string): Promise<void> {
  if ((await stat(partialNotePath(path)).catch(() => undefined)) === undefined) return
  await moveDurably(progress, partialNotePath(path), packagesPath(path))
}
