import { imageContexts } from '../compose.ts'
import type { ImageContext } from '../images/ensure.ts'
import { ProvisionError } from '../lib/errors.ts'
import { hintForUnknown } from '../spec/nearest.ts'
import type { ImageSpec, ResolvedSpec } from '../spec/resolved.ts'
import type { CliContext } from './context.ts'

/** A cache folder on this machine and the images that the instances of its hosts need. */
export interface ImageCache {
  /** The hosts that it is for. */
  readonly hosts: readonly string[]
  readonly context: ImageContext
  readonly images: readonly ImageSpec[]
}

/**
 * Hosts often share a cache folder; each is worked on once. Images that no instance uses are counted to the first
 * host, so that `pull` fetches all that the spec names.
 */
export async function imageCaches(
  context: CliContext,
  spec: ResolvedSpec,
  options: { readonly image: readonly string[]; readonly force?: boolean },
): Promise<readonly ImageCache[]> {
  const wanted = chooseImages(spec, options.image)
  const contextFor = imageContexts(spec, context)
  const caches = new Map<string, ImageCache>()
  for (const host of spec.hosts) {
    const own = await contextFor(host, { force: options.force === true })
    const known = caches.get(own.cacheDir)
    const images = wanted.filter(
      (image) => known?.images.includes(image) === true || isFor(spec, image, host.name),
    )
    caches.set(own.cacheDir, { hosts: [...(known?.hosts ?? []), host.name], context: own, images })
  }
  return [...caches.values()]
}

function isFor(spec: ResolvedSpec, image: ImageSpec, host: string): boolean {
  const users = spec.instances.filter(
    (instance) => instance.source.kind === 'image' && instance.source.id === image.id,
  )
  return users.length === 0 ? spec.hosts[0]?.name === host : users.some((instance) => instance.host === host)
}

/** Those asked for; else all that instances use or that the spec itself declares. Throws `spec.unknown-name`. */
function chooseImages(spec: ResolvedSpec, ids: readonly string[]): readonly ImageSpec[] {
  const known = spec.images.map((image) => image.id)
  const unknown = ids.find((id) => !known.includes(id))
  if (unknown !== undefined)
    throw new ProvisionError('spec.unknown-name', {
      message: `${spec.file} has no image ${unknown}.`,
      hint: hintForUnknown(unknown, known),
    })
  return ids.length === 0 ? spec.images : spec.images.filter((image) => ids.includes(image.id))
}
