import type { CacheRecord } from './record.ts'

/** An instance that rests on an image, as its host tells. */
export interface Dependent {
  readonly instance: string
  readonly host: string
  /** The file under its disk, when the host's path is on this machine. */
  readonly backingPath: string | undefined
  /** Hex digest of the image it was made from: SHA-256, or the publisher's; all of it, or its first 16 digits. */
  readonly digest: string | undefined
}

/** An image file, in the ways that a dependent may name it. */
export interface DependedOn {
  readonly path: string
  readonly fileName: string
  readonly record: Pick<CacheRecord, 'sha256' | 'digest'> | undefined
}

/** Who depends on an image. */
export const dependentsOf = (file: DependedOn, dependents: readonly Dependent[]): readonly Dependent[] =>
  dependents.filter(
    ({ backingPath, digest }) =>
      backingPath === file.path || (digest !== undefined && hasDigest(file, digest)),
  )

function hasDigest({ record, fileName }: DependedOn, text: string): boolean {
  const digest = text.replace(/^sha(256|512):/, '').toLowerCase()
  if (digest.length < 16) return false
  return (
    record?.sha256.startsWith(digest) === true ||
    record?.digest.hex.startsWith(digest) === true ||
    fileName.includes(`-${digest.slice(0, 16)}`)
  )
}
