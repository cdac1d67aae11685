import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { canonicalJson } from '../lib/hash.ts'
import type { Progress } from '../lib/progress.ts'
import type { ImageSource, ImageSpec } from '../spec/resolved.ts'
import { bundleRefused, type BundledImage, memberOf } from './bundle-index.ts'
import type { BuildSource, ImageContext } from './ensure.ts'
import { manifestPath, packagesPath, sameDigest, signaturePath, versionedName } from './layout.ts'
import { findDigest } from './manifest.ts'
import { builtPath } from './peek.ts'
import { verifySignature } from './signature.ts'
import type { OpenBundle, Vouched } from './unbundle.ts'
import { shownUrl } from './url.ts'
import { expandUrlSource } from './url-source.ts'

interface Entry {
  readonly bundle: OpenBundle
  readonly number: number
  readonly bundled: BundledImage
}

/**
 * Finds the source of the spec that the bundled image is from, and who but the bundle says that it is the right one:
 * the digest in the spec or the lock file, else the publisher's manifest; of a built image, what it was built from.
 * Throws `image.refused` when nobody does, `image.signature-invalid`, `image.manifest-failed`.
 */
export async function vouch(
  progress: Progress,
  image: ImageSpec,
  entry: Entry,
  context: ImageContext,
): Promise<Vouched> {
  const source = image.sources.find((each) => each.kind === entry.bundled.source)
  if (source?.kind === 'url') return vouchDownload(progress, image.id, source, entry, context)
  if (source?.kind === 'build') return vouchBuild(image.id, source, entry, context)
  throw bundleRefused(entry.bundle.path, `the spec has no source of its kind for the image ${image.id}`)
}

async function vouchDownload(
  progress: Progress,
  id: string,
  given: Extract<ImageSource, { kind: 'url' }>,
  { bundle, number, bundled }: Entry,
  context: ImageContext,
): Promise<Vouched> {
  const source = expandUrlSource(given)
  const { digest } = bundled
  const vouched: Vouched = {
    fileName: versionedName(source.fileName, digest.hex),
    name: source.fileName,
    lockName: source.fileName,
    provenance: { origin: 'download', from: shownUrl(source.url), version: source.version },
    before: new Map(),
    after: new Map(),
  }
  const pinned = source.pinned ?? context.lock.get(id, source.url)?.digest
  if (pinned !== undefined && sameDigest(pinned, digest)) return vouched
  if (source.pinned !== undefined)
    throw bundleRefused(bundle.path, `its image ${id} is not the one that the spec pins`)
  const content = await bundle.small(memberOf(number, 'manifest.json'))
  if (content === undefined)
    throw bundleRefused(bundle.path, `nothing vouches for the digest of its image ${id}`)
  const stored = parseManifest(content)
  const { url, algorithm } = source.checksums
  if (stored?.url !== url)
    throw bundleRefused(bundle.path, `the manifest of its image ${id} is from somewhere else`)
  if (!sameDigest(findDigest(stored.text, source.fileName, algorithm), digest))
    throw bundleRefused(bundle.path, `its image ${id} is not the one that the manifest names`)
  const path = manifestPath(context.cacheDir, source.fileName, url)
  const after = new Map<string, string | Uint8Array>()
  let signedBy: object | undefined
  if (source.signature !== undefined) {
    const signature = await bundle.small(memberOf(number, 'manifest.sig'))
    if (signature === undefined)
      throw bundleRefused(bundle.path, `the manifest of its image ${id} is not signed`)
    const { url: from, keyring } = source.signature
    signedBy = { url: from, keyring, fingerprint: await verify(progress, stored.text, signature, keyring) }
    after.set(signaturePath(path), signature)
  }
  const kept = { url, fetchedAtMs: stored.fetchedAtMs, digest, signedBy, text: stored.text }
  return { ...vouched, after: after.set(path, `${JSON.stringify(kept, undefined, 2)}\n`) }
}

function parseManifest(
  content: Buffer,
): { readonly url: string; readonly text: string; readonly fetchedAtMs: number } | undefined {
  const value = parseJson(content)
  const { url, text, fetchedAtMs } = (value ?? {}) as Readonly<Record<string, unknown>>
  if (typeof url !== 'string' || typeof text !== 'string' || typeof fetchedAtMs !== 'number') return undefined
  return { url, text, fetchedAtMs }
}

function parseJson(content: Buffer): unknown {
  try {
    return JSON.parse(content.toString('utf8'))
  } catch {
    return undefined
  }
}

/** gpgv wants the signature as a file. */
async function verify(progress: Progress, text: string, content: Buffer, keyring: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'vmwright-signature-'))
  try {
    const signature = join(folder, 'manifest.sig')
    await writeFile(signature, content)
    return await verifySignature(progress, Buffer.from(text), { signature, keyring })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/**
 * A built image is named by what it would be built from here, where the package sources may be other mirrors. What
 * was asked for must be the same.
 */
async function vouchBuild(
  id: string,
  source: BuildSource,
  { bundle, number }: Entry,
  context: ImageContext,
): Promise<Vouched> {
  const packages = await bundle.small(memberOf(number, 'packages.json'))
  const inputs = packages && (parseJson(packages) as { inputs?: { spec?: unknown } } | null)?.inputs?.spec
  const { distribution, suite } = source
  if (packages === undefined || askedFor(inputs) !== askedFor(source))
    throw bundleRefused(bundle.path, `its image ${id} was built from something else than the spec asks for`)
  const path = await builtPath(source, context)
  return {
    fileName: basename(path),
    name: `${distribution}-${suite}.qcow2`,
    lockName: basename(path),
    provenance: { origin: 'build', from: `${distribution} ${suite}`, version: undefined },
    before: new Map([[packagesPath(path), packages]]),
    after: new Map(),
  }
}

/** Without the mirror: it is a way to the same packages. */
function askedFor(spec: unknown): string {
  const { distribution, suite, extraPackages, sizeMib } = (spec ?? {}) as Partial<BuildSource>
  return canonicalJson({ distribution, suite, extraPackages: [...(extraPackages ?? [])].toSorted(), sizeMib })
}
