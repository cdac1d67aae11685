import { basename, dirname } from 'node:path'
import { ProvisionError } from '../lib/errors.ts'
import { acquireExclusive } from '../lib/exclusive.ts'
import type { Progress } from '../lib/progress.ts'
import type { ImageSource } from '../spec/resolved.ts'
import { hashFile, makeHasher } from './digest.ts'
import type { CachedImage, ImageContext } from './ensure.ts'
import { makeFolder } from './files.ts'
import { requireAcceptable } from './inspect-file.ts'
import { fileRecordPath, imagePath, recordPath, sameDigest } from './layout.ts'
import { fileImage, peekFile } from './peek.ts'
import { type CacheRecord, isUnchanged, readRecord, stampOf, writeRecord } from './record.ts'
import { requireAllowedName } from './url-source.ts'

/**
 * A local file is used where it lies; the cache has its record, and one for the copy that a host may make of it in
 * the cache folder, by which `images prune` knows the copy. Throws `image.not-found`, `image.refused`,
 * `image.digest-mismatch`.
 */
export async function ensureFromFile(
  progress: Progress,
  id: string,
  source: Extract<ImageSource, { kind: 'file' }>,
  context: ImageContext,
): Promise<CachedImage> {
  const { path } = source
  const name = basename(path)
  requireAllowedName(name, context.policy)
  const recordFile = fileRecordPath(context.cacheDir, path)
  // Two images may be of one file: the second finds what the first has looked at.
  await using _lock = await acquireExclusive(progress, `image file ${recordFile}`, `checking image ${id}`)
  const known = context.force ? undefined : await peekFile(id, source, context)
  if (known !== undefined) {
    await claimCopy(progress, known, await readRecord(recordFile), context)
    return known
  }

  const stamp = await stampOf(path)
  if (stamp === undefined) {
    throw new ProvisionError('image.not-found', {
      message: `The image file ${path} of ${id} does not exist or is not a regular file.`,
      details: { image: id, path },
    })
  }
  const accepted = await requireAcceptable(path, name)
  const hasher = makeHasher(source.digest?.algorithm ?? 'sha256')
  progress.report({ what: `checking ${path}` })
  await hashFile(progress, path, hasher)
  const { sha256, digest } = hasher.finish()
  if (source.digest !== undefined && !sameDigest(digest, source.digest)) {
    throw new ProvisionError('image.digest-mismatch', {
      message: `The image file ${path} does not have the ${digest.algorithm} that the spec gives.`,
      hint: 'Correct `digest` in the spec, or get the file again.',
      details: { path, algorithm: digest.algorithm, expected: source.digest.hex, actual: digest.hex },
    })
  }
  const record = {
    origin: 'file',
    from: path,
    version: undefined,
    digest,
    sha256,
    format: accepted.format,
    virtualSizeBytes: accepted.virtualSizeBytes,
    ...stamp,
    verifiedAt: new Date(progress.seam.nowMs()).toISOString(),
  } as const
  const after = await stampOf(path)
  if (after === undefined || !isUnchanged(record, after)) {
    throw new ProvisionError('image.refused', {
      message: `The image file ${path} was written to while it was read.`,
      hint: 'Stop what writes to it (a running guest, a copy under way), then run the command again.',
      details: { path },
    })
  }
  await makeFolder(progress, dirname(recordFile))
  await writeRecord(progress, recordFile, record)
  const image = await fileImage(id, path, record, context)
  await claimCopy(progress, image, record, context)
  return image
}

async function claimCopy(
  progress: Progress,
  image: CachedImage,
  record: CacheRecord | undefined,
  { cacheDir }: ImageContext,
): Promise<void> {
  const copy = imagePath(cacheDir, image.fileName)
  if (record === undefined || copy === image.path) return
  if ((await readRecord(recordPath(copy))) === undefined)
    await writeRecord(progress, recordPath(copy), record)
}
