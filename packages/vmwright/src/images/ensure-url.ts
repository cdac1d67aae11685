import { realpath, stat } from 'node:fs/promises'
import { isProvisionError } from '../lib/errors.ts'
import { acquireExclusive } from '../lib/exclusive.ts'
import type { Progress } from '../lib/progress.ts'
import type { ImageSource } from '../spec/resolved.ts'
import { checkEntry, commitEntry, type EntryCheck } from './cache-entry.ts'
import { downloadVerified } from './download.ts'
import type { CachedImage, ImageContext } from './ensure.ts'
import { linksTo, makeFolder, pointLink } from './files.ts'
import { type Digest, imagePath, sameDigest, versionedName } from './layout.ts'
import { fetchManifest, keepManifest, readStoredManifest, type StoredManifest } from './manifest-store.ts'
import { dropPartial } from './partial.ts'
import { cachedImage, peekUrl } from './peek.ts'
import { type CacheRecord, stampOf } from './record.ts'
import { shownUrl } from './url.ts'
import { expandUrlSource, requireAllowedName, type UrlSource } from './url-source.ts'
import { isRefreshDue, knownWanted, pinConflict, requirePinKept, type Wanted } from './wanted.ts'

/** Rows C1, C2, C4 for a publisher's image: see `ensureImage`. */
export async function ensureFromUrl(
  progress: Progress,
  id: string,
  given: Extract<ImageSource, { kind: 'url' }>,
  context: ImageContext,
): Promise<CachedImage> {
  const { cacheDir } = context
  const source = expandUrlSource(given)
  requireAllowedName(source.fileName, context.policy)
  const link = imagePath(cacheDir, source.fileName)
  if (!context.force) {
    const cached = await peekUrl(id, source, context, progress.seam.nowMs())
    const isSettled =
      cached !== undefined && !cached.isRefreshDue && isPinned(id, source, context, cached.digest)
    if (isSettled && (await linksTo(link, cached.fileName))) return cached
  }

  await ensureFolder(progress, cacheDir)
  const key = `image ${await realpath(cacheDir)}/${source.fileName}`
  await using _lock = await acquireExclusive(progress, key, `fetching image ${id}`)
  const { wanted, manifest } = await decideWanted(progress, id, source, context)
  const fileName = versionedName(source.fileName, wanted.digest.hex)
  const path = imagePath(cacheDir, fileName)
  const check = checkFor(source, wanted, context)
  const present = await checkEntry(progress, path, check)
  const record = present ?? (await fetchImage(progress, id, source, { path, wanted, check, context }))
  if (present !== undefined) await dropPartial(progress, path)
  await pointLink(progress, link, fileName)
  if (manifest !== undefined) await keepManifest(progress, cacheDir, source, manifest)
  if (wanted.by !== 'spec') {
    await context.lock.set(progress, id, source.url, { digest: wanted.digest, version: source.version })
  }
  return cachedImage(id, path, record, present === undefined ? 'download' : 'cache')
}

/** The cache may have been filled for another spec, whose lock file this is not. */
function isPinned(id: string, source: UrlSource, context: ImageContext, digest: Digest): boolean {
  const pin = context.lock.get(id, source.url)
  return source.pinned !== undefined || (pin !== undefined && sameDigest(pin.digest, digest))
}

async function ensureFolder(progress: Progress, path: string): Promise<void> {
  if ((await stat(path).catch(() => undefined))?.isDirectory() !== true) await makeFolder(progress, path)
}

/**
 * Which content is wanted, asking the publisher where the policy, `force` or ignorance demands it. An image that
 * must be downloaded anyway is asked for anew, so that an old manifest is not held against a URL that moved.
 */
async function decideWanted(
  progress: Progress,
  id: string,
  source: UrlSource,
  context: ImageContext,
): Promise<{ readonly wanted: Wanted; readonly manifest?: StoredManifest }> {
  const { cacheDir, policy, force, httpHosts = [] } = context
  const stored = await readStoredManifest(cacheDir, source)
  const pin = context.lock.get(id, source.url)
  const known = knownWanted(source, pin, stored)
  if (known?.by === 'spec') return { wanted: known }
  const isCached =
    known !== undefined &&
    (await stampOf(imagePath(cacheDir, versionedName(source.fileName, known.digest.hex)))) !== undefined
  const isSettled = isCached || policy.refresh.kind === 'never' || (pin !== undefined && !source.isMoving)
  const isDue = isRefreshDue(source, pin, stored, { policy: policy.refresh, nowMs: progress.seam.nowMs() })
  if (known !== undefined && isSettled && !isDue && !force) return { wanted: known }
  try {
    const manifest = await fetchManifest(progress, source, { cacheDir, httpHosts })
    requirePinKept(id, source, pin, manifest.digest)
    return { wanted: { digest: manifest.digest, by: 'manifest' }, manifest }
  } catch (error) {
    const mayUseCache = isCached && !force && policy.refresh.kind !== 'always'
    if (!isProvisionError(error, 'image.unreachable') || !mayUseCache) throw error
    progress.report({
      what: `the cached image of ${id}, because ${shownUrl(source.checksums.url)} is out of reach`,
    })
    return { wanted: known }
  }
}

function checkFor(source: UrlSource, wanted: Wanted, context: ImageContext): EntryCheck {
  const { force, policy } = context
  return {
    expected: wanted.digest,
    name: source.fileName,
    provenance: { origin: 'download', from: shownUrl(source.url), version: source.version },
    depth: force ? 'full' : policy.verifyCached ? 'stamp' : 'none',
    onMismatch: force || policy.repair ? 'replace' : 'fail',
  }
}

async function fetchImage(
  progress: Progress,
  id: string,
  source: UrlSource,
  target: {
    readonly path: string
    readonly wanted: Wanted
    readonly check: EntryCheck
    readonly context: ImageContext
  },
): Promise<CacheRecord> {
  const { path, wanted, context } = target
  const request = { url: source.url, path, expected: wanted.digest, httpHosts: context.httpHosts ?? [] }
  try {
    const digests = await downloadVerified(progress, request)
    return await commitEntry(progress, path, { ...target.check, ...digests })
  } catch (error) {
    if (wanted.by !== 'lock file' || !isProvisionError(error, 'image.digest-mismatch')) throw error
    const found = error.details['actual']
    throw pinConflict(id, source, wanted.digest, { ...wanted.digest, hex: String(found) })
  }
}
