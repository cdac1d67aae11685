import { ProvisionError } from '../lib/errors.ts'
import type { ImagePolicy } from '../spec/resolved.ts'
import { type Digest, sameDigest } from './layout.ts'
import type { Pin } from './lockfile.ts'
import { isStale, type StoredManifest } from './manifest-store.ts'
import { shownUrl } from './url.ts'
import type { UrlSource } from './url-source.ts'

/** Which content of an image is wanted, and who says so. */
export interface Wanted {
  readonly digest: Digest
  readonly by: 'spec' | 'lock file' | 'manifest'
}

/** What is known without asking anybody. The spec wins over the lock file, and that over a manifest kept. */
export function knownWanted(
  source: UrlSource,
  pin: Pin | undefined,
  stored: StoredManifest | undefined,
): Wanted | undefined {
  if (source.pinned !== undefined) return { digest: source.pinned, by: 'spec' }
  if (pin !== undefined) return { digest: pin.digest, by: 'lock file' }
  return stored && { digest: stored.digest, by: 'manifest' }
}

/**
 * Whether the publisher's manifest is to be fetched. A URL with a version is settled by its pin, and only `always`
 * looks whether the publisher agrees. What a moving URL gives is the newest manifest's word; one that disagrees
 * with the pin is not the newest.
 */
export function isRefreshDue(
  source: UrlSource,
  pin: Pin | undefined,
  stored: StoredManifest | undefined,
  now: { readonly policy: ImagePolicy['refresh']; readonly nowMs: number },
): boolean {
  if (source.pinned !== undefined) return false
  if (knownWanted(source, pin, stored) === undefined) return true
  if (!source.isMoving && pin !== undefined) return now.policy.kind === 'always'
  const disagrees = pin !== undefined && stored !== undefined && !sameDigest(pin.digest, stored.digest)
  return isStale(now.policy, disagrees ? undefined : stored?.fetchedAtMs, now.nowMs)
}

/** Throws `image.pin-conflict` when a URL that should give the same for ever has a new digest. */
export function requirePinKept(
  imageId: string,
  source: UrlSource,
  pin: Pin | undefined,
  found: Digest,
): void {
  if (source.isMoving || pin === undefined || sameDigest(pin.digest, found)) return
  throw pinConflict(imageId, source, pin.digest, found)
}

export const pinConflict = (
  imageId: string,
  source: UrlSource,
  pinned: Digest,
  found: Digest,
): ProvisionError =>
  new ProvisionError('image.pin-conflict', {
    message: `The image ${imageId} changed at ${shownUrl(source.url)} since it was pinned.`,
    details: {
      image: imageId,
      url: shownUrl(source.url),
      pinned: `${pinned.algorithm}:${pinned.hex}`,
      found: `${found.algorithm}:${found.hex}`,
    },
  })
