import { type FileHandle, open, readFile, rm } from 'node:fs/promises'
import { ProvisionError } from '../lib/errors.ts'
import type { Progress } from '../lib/progress.ts'
import { formatBytes, MiB } from '../lib/units.ts'
import type { ImageSpec } from '../spec/resolved.ts'
import { type BundledImage, formatIndex, memberOf } from './bundle-index.ts'
import { makeHasher } from './digest.ts'
import type { CachedImage, ImageContext } from './ensure.ts'
import { changeFile, moveDurably, requireSpace } from './files.ts'
import { manifestPath, packagesPath, sameDigest, signaturePath } from './layout.ts'
import { peekBuild, peekUrl } from './peek.ts'
import { stampOf } from './record.ts'
import { tarEnd, tarHeader, tarPadding } from './tar.ts'
import { expandUrlSource } from './url-source.ts'

/** An image of the cache with the files that say what it is. */
export interface BundlePick {
  readonly image: CachedImage
  readonly source: BundledImage['source']
  readonly companions: readonly { readonly part: Companion; readonly path: string }[]
}

type Companion = Exclude<Parameters<typeof memberOf>[1], 'image'>

/**
 * What `ensureImage` would take from the cache now; `undefined`: nothing, or a local file, which no cache holds.
 * Throws `image.refused` for a built image of which nobody knows what it was built from.
 */
export async function pickForBundle(
  progress: Progress,
  image: ImageSpec,
  context: ImageContext,
): Promise<BundlePick | undefined> {
  for (const given of image.sources) {
    if (given.kind === 'url') {
      const source = expandUrlSource(given)
      const found = await peekUrl(image.id, source, context, progress.seam.nowMs())
      if (found === undefined) continue
      const manifest = manifestPath(context.cacheDir, source.fileName, source.checksums.url)
      const signature = { part: 'manifest.sig', path: signaturePath(manifest) } as const
      const companions = [
        { part: 'manifest.json', path: manifest } as const,
        ...(source.signature === undefined ? [] : [signature]),
      ]
      return { image: found, source: 'url', companions }
    }
    if (given.kind === 'build') {
      const found = await peekBuild(image.id, given, context)
      if (found === undefined) continue
      const path = packagesPath(found.path)
      if ((await stampOf(path)) === undefined) throw unknownInputs(found)
      return { image: found, source: 'build', companions: [{ part: 'packages.json', path }] }
    }
  }
  return undefined
}

const unknownInputs = ({ id, path }: CachedImage): ProvisionError =>
  new ProvisionError('image.refused', {
    message: `The image ${id} cannot be bundled: nothing tells what ${path} was built from.`,
    hint: `Remove the file, then run \`vmwright images build --image ${id}\`.`,
    details: { path },
  })

/**
 * Writes the archive, replacing one at `path` when it is complete; each image is compared with its digest on the way.
 * Returns its size in bytes. Throws `image.digest-mismatch` and `cache.full`. Safe to repeat.
 */
export async function writeBundle(
  progress: Progress,
  picks: readonly BundlePick[],
  path: string,
): Promise<number> {
  const partial = `${path}.partial`
  const index = formatIndex({
    format: 1,
    images: picks.map(({ image, source }) => ({
      id: image.id,
      source,
      digest: image.digest,
      sizeBytes: image.sizeBytes,
    })),
  })
  await requireSpace(
    path,
    picks.reduce((sum, { image }) => sum + image.sizeBytes, 0),
  )
  try {
    const size = await changeFile(progress, 'write', partial, async () => {
      await using archive = await open(partial, 'w', 0o644)
      await appendSmall(archive, 'index.json', Buffer.from(index))
      for (const [number, pick] of picks.entries()) {
        for (const { part, path } of pick.companions) {
          // A download whose digest is in the spec has no manifest.
          const content = await readFile(path).catch(() => undefined)
          if (content !== undefined) await appendSmall(archive, memberOf(number, part), content)
        }
        await appendImage(progress, archive, memberOf(number, 'image'), pick.image)
      }
      await archive.writeFile(tarEnd)
      await archive.sync()
      return (await archive.stat()).size
    })
    await moveDurably(progress, partial, path)
    return size
  } catch (error) {
    await rm(partial, { force: true })
    throw error
  }
}

async function appendSmall(archive: FileHandle, name: string, content: Buffer): Promise<void> {
  const sizeBytes = content.length
  await archive.writeFile(Buffer.concat([tarHeader({ name, sizeBytes }), content, tarPadding(sizeBytes)]))
}

async function appendImage(
  progress: Progress,
  archive: FileHandle,
  name: string,
  image: CachedImage,
): Promise<void> {
  const { sizeBytes } = image
  await archive.writeFile(tarHeader({ name, sizeBytes }))
  await using file = await open(image.path, 'r')
  const hasher = makeHasher(image.digest.algorithm)
  const buffer = Buffer.allocUnsafe(MiB)
  for (let done = 0; done < sizeBytes;) {
    progress.check()
    const { bytesRead } = await file.read(buffer, 0, Math.min(MiB, sizeBytes - done), done)
    if (bytesRead === 0) break
    hasher.update(buffer.subarray(0, bytesRead))
    await archive.writeFile(buffer.subarray(0, bytesRead))
    done += bytesRead
    if (done % (64 * MiB) === 0)
      progress.report({
        what: `writing ${image.fileName} (${formatBytes(done)})`,
        done,
        total: sizeBytes,
        unit: 'bytes',
      })
  }
  const { digest } = hasher.finish()
  if (!sameDigest(digest, image.digest))
    throw new ProvisionError('image.digest-mismatch', {
      message: `The cached image ${image.path} does not have its ${digest.algorithm} any more.`,
      details: { path: image.path, expected: image.digest.hex, actual: digest.hex },
    })
  await archive.writeFile(tarPadding(sizeBytes))
}
