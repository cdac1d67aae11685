import { ProvisionError } from '../lib/errors.ts'
import type { Progress } from '../lib/progress.ts'
import { hashFile, makeHasher } from './digest.ts'
import { moveDurably } from './files.ts'
import { requireAcceptable } from './inspect-file.ts'
import { type Digest, partialPath, recordPath, sameDigest } from './layout.ts'
import { dropPartial } from './partial.ts'
import { type CacheRecord, isUnchanged, readRecord, stampOf, writeRecord } from './record.ts'

/** What is told of an image when its record is written; the rest is read off the file. */
export type Provenance = Pick<CacheRecord, 'origin' | 'from' | 'version'>

/** What is known of a file that was read to its end. */
interface EntryFacts {
  readonly name: string
  readonly provenance: Provenance
  readonly digest: Digest
  readonly sha256: string
}

export interface EntryCheck {
  /** `undefined` for what is known only by its record, as built images are. */
  readonly expected: Digest | undefined
  /** Name at the source, for its promise about the format. */
  readonly name: string
  readonly provenance: Provenance
  /**
   * `stamp`: read again only when size, mtime or inode differ from the record. `full`: read again. `none`: trust
   * whatever has a record.
   */
  readonly depth: 'none' | 'stamp' | 'full'
  /** What to do with a file of the wrong content. */
  readonly onMismatch: 'fail' | 'replace'
}

/**
 * The record of the cached image at `path`, after the check asked for; `undefined` when the image is not there, or
 * wrong and to be replaced. Throws `image.digest-mismatch` and `image.refused`. Changes nothing but the record.
 */
export async function checkEntry(
  progress: Progress,
  path: string,
  check: EntryCheck,
): Promise<CacheRecord | undefined> {
  const stamp = await stampOf(path)
  if (stamp === undefined) return undefined
  const record = await readRecord(recordPath(path))
  const expected = check.expected ?? record?.digest
  const isRight = record !== undefined && expected !== undefined && sameDigest(record.digest, expected)
  if (isRight && (check.depth === 'none' || (check.depth === 'stamp' && isUnchanged(record, stamp))))
    return record

  const hasher = makeHasher(expected?.algorithm ?? 'sha256')
  progress.report({ what: `checking ${path}` })
  await hashFile(progress, path, hasher)
  const found = hasher.finish()
  if (expected === undefined || sameDigest(found.digest, expected)) {
    return describeEntry(progress, path, { ...check, ...found })
  }
  if (check.onMismatch === 'replace') {
    progress.report({ what: `replacing ${path}: its content is wrong` })
    return undefined
  }
  throw new ProvisionError('image.digest-mismatch', {
    message: `The cached image ${path} does not have its ${expected.algorithm} any more.`,
    hint: 'Run `vmwright images pull --force` to fetch it again, and look for the cause: a failing disk, or somebody who wrote to it.',
    details: { path, algorithm: expected.algorithm, expected: expected.hex, actual: found.digest.hex },
  })
}

/**
 * Gives a complete, flushed partial file, whose digests are `facts`, its final name, after a look at its content.
 * Throws `image.refused`; the partial file is gone then.
 */
export async function commitEntry(progress: Progress, path: string, facts: EntryFacts): Promise<CacheRecord> {
  try {
    await requireAcceptable(partialPath(path), facts.name)
  } catch (error) {
    await dropPartial(progress, path)
    throw error
  }
  await moveDurably(progress, partialPath(path), path)
  await dropPartial(progress, path)
  return describeEntry(progress, path, facts)
}

async function describeEntry(progress: Progress, path: string, facts: EntryFacts): Promise<CacheRecord> {
  const { format, virtualSizeBytes } = await requireAcceptable(path, facts.name)
  const stamp = await stampOf(path)
  if (stamp === undefined) throw new Error(`${path} vanished`)
  const record: CacheRecord = {
    ...facts.provenance,
    digest: facts.digest,
    sha256: facts.sha256,
    format,
    virtualSizeBytes,
    ...stamp,
    verifiedAt: new Date(progress.seam.nowMs()).toISOString(),
  }
  await writeRecord(progress, recordPath(path), record)
  return record
}
