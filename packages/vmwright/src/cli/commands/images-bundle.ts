import { resolve } from 'node:path'
import { type BundlePick, pickForBundle, writeBundle } from '../../images/bundle.ts'
import type { CachedImage } from '../../images/ensure.ts'
import { openBundle, takeFromBundle } from '../../images/unbundle.ts'
import { ProvisionError } from '../../lib/errors.ts'
import { formatBytes } from '../../lib/units.ts'
import { hintForUnknown } from '../../spec/nearest.ts'
import type { ResolvedSpec } from '../../spec/resolved.ts'
import { attempt, show, withView } from '../attempt.ts'
import type { CliContext } from '../context.ts'
import { exitCode } from '../exit-codes.ts'
import { imageCaches, type ImageCache } from '../image-caches.ts'
import { load } from '../load.ts'
import type { SpecOptions } from '../options.ts'
import { formatTable } from '../output/table.ts'

export interface UnbundleOptions extends SpecOptions {
  readonly host?: string
}

export interface BundleOptions extends UnbundleOptions {
  readonly output: string
}

/** Writes the cached images of the spec, with what tells where they are from, into one archive. No host is asked. */
export const bundleImages = (
  context: CliContext,
  ids: readonly string[],
  options: BundleOptions,
): Promise<number> =>
  attempt(context, options, async () => {
    const { spec } = await load(context, options)
    const picks = new Map<string, BundlePick>()
    for (const cache of await cachesOf(context, spec, ids, options))
      for (const image of cache.images) {
        const pick = await pickForBundle(context.progress(), image, cache.context)
        if (pick !== undefined) picks.set(image.id, picks.get(image.id) ?? pick)
        else if (image.sources.some(({ kind }) => kind !== 'file')) throw notCached(image.id)
        else if (ids.includes(image.id)) throw localFile(image.id)
      }
    if (picks.size === 0)
      throw new ProvisionError('image.not-found', {
        message: `The spec ${options.file} has no image to bundle.`,
        hint: 'Local files go without a bundle: copy them to the other machine.',
      })
    const path = resolve(context.currentDirectory, options.output)
    const list = [...picks.values()]
    const sizeBytes = await withView(context, {}, (progress) => writeBundle(progress, list, path))
    const images = list.map(({ image }) => image)
    show(context, options.json, { path, sizeBytes, images }, () => render(images))
    context.stderr.write(`${path}: ${formatBytes(sizeBytes)}\n`)
    return exitCode.done
  })

/** Puts the images of the spec that an archive has into the cache of this machine. What is there is kept. */
export const unbundleImages = (
  context: CliContext,
  file: string,
  options: UnbundleOptions,
): Promise<number> =>
  attempt(context, options, async () => {
    const { spec } = await load(context, options)
    await using bundle = await openBundle(resolve(context.currentDirectory, file))
    const taken: CachedImage[] = []
    await withView(context, {}, async (progress) => {
      for (const cache of await cachesOf(context, spec, [], options))
        for (const image of cache.images)
          taken.push(...[(await takeFromBundle(progress, image, bundle, cache.context)) ?? []].flat())
    })
    const known = new Set(taken.map(({ id }) => id))
    const others = bundle.images.map(({ id }) => id).filter((id) => !known.has(id))
    show(context, options.json, { images: taken, others }, () => render(taken))
    if (others.length > 0 && !options.json)
      context.stderr.write(`Left out, because the spec does not have them: ${others.join(', ')}\n`)
    return exitCode.done
  })

async function cachesOf(
  context: CliContext,
  spec: ResolvedSpec,
  ids: readonly string[],
  { host }: UnbundleOptions,
): Promise<readonly ImageCache[]> {
  const known = spec.hosts.map(({ name }) => name)
  if (host !== undefined && !known.includes(host))
    throw new ProvisionError('spec.unknown-name', {
      message: `${spec.file} has no host ${host}.`,
      hint: hintForUnknown(host, known),
    })
  const caches = await imageCaches(context, spec, { image: ids })
  return caches.filter(({ hosts }) => host === undefined || hosts.includes(host))
}

const notCached = (id: string): ProvisionError =>
  new ProvisionError('image.not-cached', {
    message: `The image ${id} is not in the cache of this machine.`,
    hint: `Run \`vmwright images pull --image ${id}\` first.`,
  })

const localFile = (id: string): ProvisionError =>
  new ProvisionError('image.refused', {
    message: `The image ${id} is a local file, which no cache holds.`,
    hint: 'Copy the file itself to the other machine.',
  })

const render = (images: readonly CachedImage[]): string =>
  formatTable(
    ['IMAGE', 'SIZE', 'DIGEST', 'FILE'],
    images.map((image) => [
      image.source === 'cache' ? image.id : `${image.id} (new)`,
      formatBytes(image.sizeBytes),
      `${image.digest.algorithm}:${image.digest.hex.slice(0, 16)}`,
      image.path,
    ]),
  )
