import { type FileHandle, open, realpath } from 'node:fs/promises'
import { dirname } from 'node:path'
import { acquireExclusive } from '../lib/exclusive.ts'
import { ProvisionError } from '../lib/errors.ts'
import type { Progress } from '../lib/progress.ts'
import { MiB } from '../lib/units.ts'
import type { ImageSpec } from '../spec/resolved.ts'
import { bundleRefused, type BundledImage, memberOf, parseIndex } from './bundle-index.ts'
import { checkEntry, commitEntry, type Provenance } from './cache-entry.ts'
import { makeHasher } from './digest.ts'
import type { CachedImage, ImageContext } from './ensure.ts'
import { changeFile, makeFolder, pointLink, requireSpace, writeDurably } from './files.ts'
import { imagePath, partialPath, sameDigest } from './layout.ts'
import { dropPartial } from './partial.ts'
import { cachedImage } from './peek.ts'
import { tarMembers, type TarMember } from './tar.ts'
import { vouch } from './vouch.ts'

/** An open bundle: what it has, and where in the file. */
export interface OpenBundle extends AsyncDisposable {
  readonly path: string
  readonly images: readonly BundledImage[]
  /** The content of a small member; `undefined` when it is not there. */
  small(name: string): Promise<Buffer | undefined>
  readonly archive: FileHandle
  readonly members: ReadonlyMap<string, TarMember & { readonly offset: number }>
}

/** Indexes, manifests and signatures are far below this. */
const maxSmallBytes = 16 * MiB

/**
 * Where a bundled image goes, and who says that it is the right one. Nothing of this is taken from the bundle but
 * what was verified: names are those that the spec gives.
 */
export interface Vouched {
  readonly fileName: string
  /** Name at the source: what the link is called, and the promise about the format. */
  readonly name: string
  /** What one process at a time works on, as `ensureImage` has it. */
  readonly lockName: string
  readonly provenance: Provenance
  /** Small files that go with the image, by their paths; the image is not visible before these are there. */
  readonly before: ReadonlyMap<string, string | Uint8Array>
  /** Those that tell of an image in place. */
  readonly after: ReadonlyMap<string, string | Uint8Array>
}

/** Reads the index of a bundle. Throws `image.refused` for whatever is not one. Close it after use. */
export async function openBundle(path: string): Promise<OpenBundle> {
  const archive = await open(path, 'r').catch((cause: unknown) => {
    throw bundleRefused(path, 'it cannot be read', cause)
  })
  try {
    const members = await tarMembers(archive)
    const small: OpenBundle['small'] = async (name) => {
      const member = members.get(name)
      if (member === undefined) return undefined
      if (member.sizeBytes > maxSmallBytes) throw bundleRefused(path, `its ${name} is too large`)
      const buffer = Buffer.alloc(member.sizeBytes)
      await archive.read(buffer, 0, buffer.length, member.offset)
      return buffer
    }
    const index = await small('index.json')
    if (index === undefined) throw new Error('it has no index.json')
    const { images } = parseIndex(index.toString('utf8'))
    for (const [number, image] of images.entries())
      if (members.get(memberOf(number, 'image'))?.sizeBytes !== image.sizeBytes)
        throw new Error(`the size of its image ${image.id} is not that of its index`)
    return { path, images, small, archive, members, [Symbol.asyncDispose]: () => archive.close() }
  } catch (error) {
    await archive.close()
    if (error instanceof ProvisionError) throw error
    throw bundleRefused(path, error instanceof Error ? error.message : String(error), error)
  }
}

/**
 * Puts the image of the spec that the bundle has into the cache, or finds it there: then `source` is `cache`.
 * `undefined` when the bundle does not have it. The content is compared with a digest that the spec, the lock file or
 * the publisher's manifest (with its signature, if the spec asks for one) gives, before it has its name.
 *
 * Throws `image.refused`, `image.digest-mismatch`, `image.signature-invalid`, `image.manifest-failed`, `cache.full`.
 * Safe to repeat.
 */
export async function takeFromBundle(
  progress: Progress,
  image: ImageSpec,
  bundle: OpenBundle,
  context: ImageContext,
): Promise<CachedImage | undefined> {
  const number = bundle.images.findIndex(({ id }) => id === image.id)
  const bundled = bundle.images[number]
  if (bundled === undefined) return undefined
  await makeFolder(progress, context.cacheDir)
  const vouched = await vouch(progress, image, { bundle, number, bundled }, context)
  const path = imagePath(context.cacheDir, vouched.fileName)
  const key = `image ${await realpath(context.cacheDir)}/${vouched.lockName}`
  await using _lock = await acquireExclusive(progress, key, `taking over image ${image.id}`)
  const present = await checkEntry(progress, path, {
    expected: bundled.digest,
    name: vouched.name,
    provenance: vouched.provenance,
    depth: 'stamp',
    onMismatch: 'fail',
  })
  if (present === undefined)
    for (const [file, content] of vouched.before) await writeDurably(progress, file, content)
  const record =
    present ?? (await copyOut(progress, bundle, memberOf(number, 'image'), { path, bundled, vouched }))
  await pointLink(progress, imagePath(context.cacheDir, vouched.name), vouched.fileName)
  for (const [file, content] of vouched.after) {
    await makeFolder(progress, dirname(file))
    await writeDurably(progress, file, content)
  }
  return cachedImage(image.id, path, record, present === undefined ? 'file' : 'cache')
}

async function copyOut(
  progress: Progress,
  { archive, members, path: bundlePath }: OpenBundle,
  name: string,
  to: { readonly path: string; readonly bundled: BundledImage; readonly vouched: Vouched },
) {
  const { offset = 0, sizeBytes = 0 } = members.get(name) ?? {}
  const { path, bundled, vouched } = to
  const partial = partialPath(path)
  await dropPartial(progress, path)
  await requireSpace(path, sizeBytes)
  const hasher = makeHasher(bundled.digest.algorithm)
  await changeFile(progress, 'write', partial, async () => {
    await using file = await open(partial, 'wx', 0o644)
    const buffer = Buffer.allocUnsafe(MiB)
    for (let done = 0; done < sizeBytes;) {
      progress.check()
      const { bytesRead } = await archive.read(buffer, 0, Math.min(MiB, sizeBytes - done), offset + done)
      if (bytesRead === 0) throw bundleRefused(bundlePath, 'it became shorter while it was read')
      hasher.update(buffer.subarray(0, bytesRead))
      await file.writeFile(buffer.subarray(0, bytesRead))
      done += bytesRead
      if (done % (64 * MiB) === 0)
        progress.report({ what: `taking over ${vouched.fileName}`, done, total: sizeBytes, unit: 'bytes' })
    }
    await file.sync()
  })
  const found = hasher.finish()
  if (!sameDigest(found.digest, bundled.digest)) {
    await dropPartial(progress, path)
    throw new ProvisionError('image.digest-mismatch', {
      message: `The image ${bundled.id} in ${bundlePath} does not have the ${found.digest.algorithm} that it should.`,
      hint: 'Copy the bundle again, or make it again with `vmwright images bundle`.',
      details: { path: bundlePath, expected: bundled.digest.hex, actual: found.digest.hex },
    })
  }
  return commitEntry(progress, path, { name: vouched.name, provenance: vouched.provenance, ...found })
}
