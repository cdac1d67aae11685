import { ProvisionError } from '../lib/errors.ts'
import { type Digest, parseDigest } from './layout.ts'

/**
 * A bundle of images, as a tar archive of plain files, `index.json` first:
 *
 *     index.json           what there is: the type below
 *     N.image              the image
 *     N.manifest.json      of a download: the publisher's checksums, as the cache keeps them
 *     N.manifest.sig       the signature of those, if the spec asks for one
 *     N.packages.json      of a built image: what it was built from
 */
export interface BundleIndex {
  readonly format: 1
  readonly images: readonly BundledImage[]
}

export interface BundledImage {
  readonly id: string
  readonly source: 'url' | 'build'
  readonly digest: Digest
  readonly sizeBytes: number
}

export const memberOf = (index: number, part: 'image' | 'manifest.json' | 'manifest.sig' | 'packages.json') =>
  `${index}.${part}`

export const formatIndex = ({ format, images }: BundleIndex): string =>
  `${JSON.stringify(
    {
      format,
      images: images.map((image) => ({ ...image, digest: `${image.digest.algorithm}:${image.digest.hex}` })),
    },
    undefined,
    2,
  )}\n`

/** Throws an `Error` with the reason when it is none. */
export function parseIndex(text: string): BundleIndex {
  const { format, images } = JSON.parse(text) as { readonly format?: unknown; readonly images?: unknown }
  if (format !== 1 || !Array.isArray(images)) throw new Error('its index.json is of an unknown form')
  return { format, images: images.map(parseImage) }
}

function parseImage(value: unknown): BundledImage {
  const { id, source, digest, sizeBytes } = (value ?? {}) as Readonly<Record<string, unknown>>
  const parsed = typeof digest === 'string' ? parseDigest(digest) : undefined
  const isSize = typeof sizeBytes === 'number' && Number.isSafeInteger(sizeBytes) && sizeBytes > 0
  if (typeof id !== 'string' || (source !== 'url' && source !== 'build') || parsed === undefined || !isSize)
    throw new Error('its index.json is of an unknown form')
  return { id, source, digest: parsed, sizeBytes }
}

export const bundleRefused = (path: string, reason: string, cause?: unknown): ProvisionError =>
  new ProvisionError('image.refused', {
    message: `The bundle of images ${path} cannot be taken over: ${reason}.`,
    hint: 'Copy it again, or make it again with `vmwright images bundle`.',
    details: { path, reason },
    cause,
  })
