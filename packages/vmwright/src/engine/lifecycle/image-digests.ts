import type { Progress } from '../../lib/progress.ts'
import type { InstanceSpec, ResolvedSpec } from '../../spec/resolved.ts'
import { hostOf } from '../host-facts.ts'
import type { SessionServices } from '../session.ts'

/**
 * SHA-256 of the image that an instance would be made of now, which is fetched where the cache lacks it or its policy
 * wants it; each image once a run and host. `undefined`: it is made of a template.
 */
export function imageDigests(
  spec: ResolvedSpec,
  { ensureImage }: Pick<SessionServices, 'ensureImage'>,
): (progress: Progress, instance: InstanceSpec) => Promise<string | undefined> {
  const asked = new Map<string, Promise<string>>()
  return async (progress, { host, source }) => {
    const image = spec.images.find(({ id }) => source.kind === 'image' && id === source.id)
    if (image === undefined) return undefined
    const key = `${host}/${image.id}`
    const digest =
      asked.get(key) ??
      ensureImage(progress, hostOf(spec, host), image, 'policy').then(({ sha256 }) => sha256)
    asked.set(key, digest)
    return digest
  }
}
