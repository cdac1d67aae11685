import { ProvisionError } from '../lib/errors.ts'
import type { ImagePolicy, ImageSource } from '../spec/resolved.ts'
import { type Digest, parseDigest, requireSafeFileName } from './layout.ts'
import { shownUrl } from './url.ts'

/** A `url` source with its version put in. */
export interface UrlSource {
  readonly url: string
  readonly fileName: string
  readonly version: string
  /** The publisher changes what the URL gives; else it gives the same for ever. */
  readonly isMoving: boolean
  readonly checksums: { readonly url: string; readonly algorithm: Digest['algorithm'] }
  readonly pinned: Digest | undefined
  readonly signature: { readonly url: string; readonly keyring: string } | undefined
}

/** Version directories that publishers move: Debian's `latest`, Ubuntu's `current` and `release`. */
const movingVersions: ReadonlySet<string> = new Set(['latest', 'current', 'release'])

/** Throws `image.refused` for a file name or pinned digest that cannot be one. */
export function expandUrlSource(source: Extract<ImageSource, { kind: 'url' }>): UrlSource {
  const expand = (text: string): string => text.replaceAll('{version}', source.version)
  const fileName = expand(source.fileName)
  requireSafeFileName(fileName)
  return {
    url: expand(source.url),
    fileName,
    version: source.version,
    isMoving: movingVersions.has(source.version),
    checksums: { url: expand(source.checksums.url), algorithm: source.checksums.algorithm },
    pinned: source.pinnedDigest === undefined ? undefined : requireDigest(source.pinnedDigest, source.url),
    signature: source.signature && { ...source.signature, url: expand(source.signature.url) },
  }
}

/**
 * Throws `image.refused` for a nocloud image that was not asked for (C4): its cloud-init looks only for a seed of
 * its own, and it lacks the drivers of many hosts.
 */
export function requireAllowedName(fileName: string, policy: ImagePolicy): void {
  if (policy.allowNocloud || !/nocloud/i.test(fileName)) return
  throw new ProvisionError('image.refused', {
    message: `The image ${fileName} is refused: it is a nocloud image, without cloud-init.`,
    hint: 'Use the genericcloud image of the same release, or set `allowNocloud: true`.',
    details: { fileName },
  })
}

function requireDigest(text: string, url: string): Digest {
  const digest = parseDigest(text)
  if (digest !== undefined) return digest
  throw new ProvisionError('image.refused', {
    message: `The digest pinned for ${shownUrl(url)} is neither a SHA-256 nor a SHA-512.`,
    hint: 'Write `sha256:` and 64 hex digits, or `sha512:` and 128.',
  })
}
