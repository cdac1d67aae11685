import { basename, dirname } from 'node:path'
import type { Progress } from '../lib/progress.ts'
import type { ImageSource, ImageSpec } from '../spec/resolved.ts'
import type { BuildSource, CachedImage, ImageContext } from './ensure.ts'
import { fileRecordPath, imagePath, recordPath, sameDigest, versionedName } from './layout.ts'
import { readStoredManifest } from './manifest-store.ts'
import { type CacheRecord, isUnchanged, readRecord, stampOf } from './record.ts'
import { expandUrlSource, type UrlSource } from './url-source.ts'
import { isRefreshDue, knownWanted } from './wanted.ts'

export interface PeekedImage extends CachedImage {
  /** `ensureImage` would ask the publisher whether there is a newer one. */
  readonly isRefreshDue: boolean
}

/**
 * What `ensureImage` would find in the cache, without a change, a network or a reading of the image; `undefined`
 * when it would have to fetch, build or read in full. With several sources, the first that has something.
 */
export async function peekImage(
  progress: Progress,
  image: ImageSpec,
  context: ImageContext,
): Promise<PeekedImage | undefined> {
  for (const source of image.sources) {
    const found = await peekSource(progress, image.id, source, context)
    if (found !== undefined) return found
  }
  return undefined
}

function peekSource(
  progress: Progress,
  id: string,
  source: ImageSource,
  context: ImageContext,
): Promise<PeekedImage | undefined> {
  switch (source.kind) {
    case 'url':
      return peekUrl(id, expandUrlSource(source), context, progress.seam.nowMs())
    case 'file':
      return peekFile(id, source, context)
    case 'build':
      return peekBuild(id, source, context)
    case 'host':
      return Promise.resolve(undefined)
  }
}

export async function peekUrl(
  id: string,
  source: UrlSource,
  context: ImageContext,
  nowMs: number,
): Promise<PeekedImage | undefined> {
  const stored = await readStoredManifest(context.cacheDir, source)
  const pin = context.lock.get(id, source.url)
  const wanted = knownWanted(source, pin, stored)
  if (wanted === undefined) return undefined
  const path = imagePath(context.cacheDir, versionedName(source.fileName, wanted.digest.hex))
  const record = await trustedRecord(path, recordPath(path), context.policy.verifyCached)
  if (record === undefined || !sameDigest(record.digest, wanted.digest)) return undefined
  const now = { policy: context.policy.refresh, nowMs }
  return { ...cachedImage(id, path, record, 'cache'), isRefreshDue: isRefreshDue(source, pin, stored, now) }
}

export async function peekFile(
  id: string,
  source: Extract<ImageSource, { kind: 'file' }>,
  context: ImageContext,
): Promise<PeekedImage | undefined> {
  // A local file is somebody else's: that it is the one we saw is always checked.
  const record = await trustedRecord(source.path, fileRecordPath(context.cacheDir, source.path), true)
  if (record === undefined) return undefined
  if (source.digest !== undefined && !sameDigest(record.digest, source.digest)) return undefined
  return { ...(await fileImage(id, source.path, record, context)), isRefreshDue: false }
}

export async function peekBuild(
  id: string,
  source: BuildSource,
  context: ImageContext,
): Promise<PeekedImage | undefined> {
  const path = await builtPath(source, context)
  const record = await trustedRecord(path, recordPath(path), context.policy.verifyCached)
  return record && { ...cachedImage(id, path, record, 'cache'), isRefreshDue: false }
}

/** Name of the newest of that kind: `debian-bookworm.qcow2`, `debian-bookworm-aarch64.qcow2`. */
export const builtName = ({ distribution, suite, architecture }: BuildSource): string =>
  `${[distribution, suite, ...(architecture === undefined ? [] : [architecture])].join('-')}.qcow2`

/** Where a built image lies: named by what it is built from. */
export async function builtPath(source: BuildSource, context: ImageContext): Promise<string> {
  const inputs = await context.build.inputsDigest(source)
  return imagePath(context.cacheDir, versionedName(builtName(source), inputs))
}

/**
 * A local file has its owner's name, with its digest in it; one that is an image of the cache has that name already.
 */
export async function fileImage(
  id: string,
  path: string,
  record: CacheRecord,
  { cacheDir }: Pick<ImageContext, 'cacheDir'>,
): Promise<CachedImage> {
  const image = cachedImage(id, path, record, 'file')
  const own = dirname(path) === cacheDir ? await readRecord(recordPath(path)) : undefined
  const isNamed = own?.sha256 === record.sha256 || image.fileName.includes(`-${record.sha256.slice(0, 16)}.`)
  return isNamed ? image : { ...image, fileName: versionedName(image.fileName, record.sha256) }
}

export const cachedImage = (
  id: string,
  path: string,
  record: CacheRecord,
  source: CachedImage['source'],
): CachedImage => ({
  id,
  path,
  fileName: basename(path),
  format: record.format,
  sha256: record.sha256,
  sizeBytes: record.sizeBytes,
  virtualSizeBytes: record.virtualSizeBytes,
  source,
  version: record.version,
  digest: record.digest,
})

async function trustedRecord(
  path: string,
  recordPath: string,
  mustBeUnchanged: boolean,
): Promise<CacheRecord | undefined> {
  const [stamp, record] = await Promise.all([stampOf(path), readRecord(recordPath)])
  if (stamp === undefined || record === undefined) return undefined
  return mustBeUnchanged && !isUnchanged(record, stamp) ? undefined : record
}
