import { isProvisionError, ProvisionError } from '../lib/errors.ts'
import type { Progress } from '../lib/progress.ts'
import type { ImagePolicy, ImageSource, ImageSpec } from '../spec/resolved.ts'
import { ensureFromBuild } from './ensure-build.ts'
import { ensureFromFile } from './ensure-file.ts'
import { ensureFromUrl } from './ensure-url.ts'
import type { Digest } from './layout.ts'
import type { LockFile } from './lockfile.ts'

/** A verified image on this machine. */
export interface CachedImage {
  readonly id: string
  readonly path: string
  /** Differs between contents: fit to name a volume by. */
  readonly fileName: string
  readonly format: 'qcow2' | 'raw'
  readonly sha256: string
  readonly sizeBytes: number
  readonly virtualSizeBytes: number
  /** How it was come by now: `cache` if it was there. */
  readonly source: 'download' | 'file' | 'build' | 'cache'
  /** The version directory of a download. */
  readonly version: string | undefined
  /** As the publisher, the spec or the lock file gives it. */
  readonly digest: Digest
}

/** Builds an image from packages; injected, because it needs programs that only a Linux build machine has. */
export interface BuildImage {
  /** Writes a qcow2 to `targetPath`, which does not exist, and what it was built from to `<targetPath>.json`. */
  (progress: Progress, source: BuildSource, targetPath: string): Promise<void>
  /** Hex SHA-256 of all that decides what is built: the key under which it is cached. Fast, without effects. */
  readonly inputsDigest: (source: BuildSource) => Promise<string>
}

export type BuildSource = Extract<ImageSource, { kind: 'build' }>

export interface ImageContext {
  readonly cacheDir: string
  readonly policy: ImagePolicy
  /** Ask the publisher again whatever the policy says, read cached files in full, and replace wrong ones. */
  readonly force: boolean
  readonly lock: LockFile
  readonly build: BuildImage
  /** Hosts from which plain http is accepted, such as a mirror in the machine room. */
  readonly httpHosts?: readonly string[]
}

/**
 * Makes sure that the image is on this machine, complete, verified and inspected, and says where. Sources are tried
 * in order; the next one only when the publisher of the one before cannot be reached at all, never after a
 * verification failed. One process at a time works on an image; the others wait and find it done.
 *
 * Throws `image.*` and `cache.full`. Safe to repeat, also after being killed: a download goes on where it was.
 */
export async function ensureImage(
  progress: Progress,
  image: ImageSpec,
  context: ImageContext,
): Promise<CachedImage> {
  const [first, ...others] = image.sources
  let current: ImageSource = first
  for (const next of others) {
    try {
      return await ensureFrom(progress, image.id, current, context)
    } catch (error) {
      if (!isProvisionError(error, 'image.unreachable')) throw error
      progress.report({ what: `image ${image.id} from its next source: ${error.message}` })
      current = next
    }
  }
  return ensureFrom(progress, image.id, current, context)
}

function ensureFrom(
  progress: Progress,
  id: string,
  source: ImageSource,
  context: ImageContext,
): Promise<CachedImage> {
  switch (source.kind) {
    case 'url':
      return ensureFromUrl(progress, id, source, context)
    case 'file':
      return ensureFromFile(progress, id, source, context)
    case 'build':
      return ensureFromBuild(progress, id, source, context)
    case 'host':
      throw new ProvisionError('image.not-found', {
        message: `The image ${id} is one that a host has already (${source.name}), so it cannot be fetched.`,
        hint: 'Use it on a host that has it, or give it a `url`, `file` or `build`.',
        details: { image: id, name: source.name },
      })
  }
}
