import { basename, extname, join } from 'node:path'
import { ProvisionError } from '../lib/errors.ts'
import { sha256Hex } from '../lib/hash.ts'

/**
 * The image cache on disk. `NAME` is the publisher's file name, `D16` the first 16 hex digits of the digest that
 * the publisher's manifest (or the spec) gives; of a built image, of its inputs.
 *
 *     STEM.qcow2                    link to the version in use now, for people; the program does not follow it
 *     STEM-D16.qcow2                a verified image; replaced only by the same content
 *     STEM-D16.qcow2.json           its record: where it came from, digests, and size, mtime and inode when verified
 *                                   (the copy of a local file has the record of that file)
 *     STEM-D16.qcow2.packages.json  of a built image: what was built from what, with the version of each package
 *     STEM-D16.qcow2.partial        what has come so far, never used as an image
 *     STEM-D16.qcow2.partial.json   what it is a part of: URL and validator, to know whether it may be continued
 *     STEM-D16.qcow2.partial.building/  the work folder of a build
 *     manifests/NAME-K16.json       the manifest last verified for a URL, kept once its image is in place
 *     manifests/NAME-K16.sig        the signature that verified it
 *     files/NAME-K16.json           record of a local file, which is used where it lies
 *     *.tmp                         a small file on its way to its name
 *
 * A file has its final name only after its digest was checked, its content was inspected and its bytes were
 * flushed. A file whose size, mtime and inode are those of its record needs no second reading. What a new version
 * replaces stays: instances may rest on it, `images prune` removes it.
 */
export const imagePath = (cacheDir: string, fileName: string): string => join(cacheDir, fileName)
export const recordPath = (path: string): string => `${path}.json`
export const partialPath = (path: string): string => `${path}.partial`
export const partialNotePath = (path: string): string => `${path}.partial.json`
export const packagesPath = (path: string): string => `${path}.packages.json`
/** Where a build works that writes its image to `path`. */
export const buildingPath = (path: string): string => `${path}.building`
export const manifestPath = (cacheDir: string, fileName: string, url: string): string =>
  join(cacheDir, 'manifests', `${fileName}-${sha256Hex(url).slice(0, 16)}.json`)
export const signaturePath = (manifest: string): string => manifest.replace(/json$/, 'sig')
export const fileRecordPath = (cacheDir: string, path: string): string =>
  join(cacheDir, 'files', `${basename(path)}-${sha256Hex(path).slice(0, 16)}.json`)

/** `debian-12.qcow2` → `debian-12-0123456789abcdef.qcow2`. */
export function versionedName(fileName: string, hex: string): string {
  const extension = extname(fileName)
  return `${fileName.slice(0, fileName.length - extension.length)}-${hex.slice(0, 16)}${extension}`
}

/** Throws `image.refused` for a name that could leave the cache or hide in it. */
export function requireSafeFileName(fileName: string): void {
  if (/^[A-Za-z0-9][A-Za-z0-9._+~-]{0,180}$/.test(fileName)) return
  throw new ProvisionError('image.refused', {
    message: `${JSON.stringify(fileName)} cannot be the file name of an image.`,
    hint: 'Use letters, digits, dots, dashes and underscores, without a folder.',
    details: { fileName },
  })
}

export interface Digest {
  readonly algorithm: 'sha256' | 'sha512'
  /** Lower case. */
  readonly hex: string
}

export const digestLength = { sha256: 64, sha512: 128 } as const

/** `sha512:ab…`, or the hex digits alone, whose number tells the algorithm; `undefined` when it is neither. */
export function parseDigest(text: string): Digest | undefined {
  const [, prefix, digits = ''] = /^(?:(sha256|sha512):)?([0-9a-f]+)$/i.exec(text.trim()) ?? []
  for (const algorithm of ['sha256', 'sha512'] as const) {
    if (digits.length !== digestLength[algorithm]) continue
    if (prefix !== undefined && prefix.toLowerCase() !== algorithm) return undefined
    return { algorithm, hex: digits.toLowerCase() }
  }
  return undefined
}

export const sameDigest = (a: Digest, b: Digest): boolean => a.algorithm === b.algorithm && a.hex === b.hex
