import { dirname } from 'node:path'
import type { Progress } from '../lib/progress.ts'
import type { ImagePolicy } from '../spec/resolved.ts'
import { fetchSmall } from './fetch-text.ts'
import { makeFolder, readJson, writeDurably } from './files.ts'
import { type Digest, manifestPath, signaturePath } from './layout.ts'
import { findDigest, maxManifestBytes } from './manifest.ts'
import { verifySignature } from './signature.ts'
import type { UrlSource } from './url-source.ts'

/** What a publisher's manifest said about one file, and when. */
export interface StoredManifest {
  readonly url: string
  readonly fetchedAtMs: number
  readonly digest: Digest
  /** Who signed the manifest, and by which key ring that was found; `undefined` when it was not asked for. */
  readonly signedBy:
    { readonly url: string; readonly keyring: string; readonly fingerprint: string } | undefined
  /** The whole manifest. */
  readonly text: string
}

const maxSignatureBytes = 64 * 1024

/** The manifest as last kept; `undefined` when there is none, or none verified in the way the spec now asks for. */
export async function readStoredManifest(
  cacheDir: string,
  source: UrlSource,
): Promise<StoredManifest | undefined> {
  const stored = (await readJson(pathOf(cacheDir, source))) as Partial<StoredManifest> | undefined | null
  const { algorithm, url } = source.checksums
  if (stored?.url !== url || typeof stored.text !== 'string' || typeof stored.fetchedAtMs !== 'number')
    return undefined
  const { signedBy } = stored
  if (signedBy?.url !== source.signature?.url || signedBy?.keyring !== source.signature?.keyring)
    return undefined
  try {
    const digest = findDigest(stored.text, source.fileName, algorithm)
    return { url, fetchedAtMs: stored.fetchedAtMs, digest, signedBy, text: stored.text }
  } catch {
    return undefined
  }
}

/**
 * Fetches the manifest, checks its signature if the source has one, and finds the image's line. Does not keep it:
 * the manifest kept is that of an image in place. Throws `image.unreachable`, `image.manifest-failed`,
 * `image.signature-invalid`, and as `httpGet` does.
 */
export async function fetchManifest(
  progress: Progress,
  source: UrlSource,
  options: { readonly cacheDir: string; readonly httpHosts: readonly string[] },
): Promise<StoredManifest> {
  const { httpHosts } = options
  const data = await fetchSmall(progress, source.checksums.url, { maxBytes: maxManifestBytes, httpHosts })
  let signedBy: StoredManifest['signedBy']
  if (source.signature !== undefined) {
    const { url, keyring } = source.signature
    const signature = signaturePath(pathOf(options.cacheDir, source))
    const content = await fetchSmall(progress, url, { maxBytes: maxSignatureBytes, httpHosts })
    await makeFolder(progress, dirname(signature))
    await writeDurably(progress, signature, content)
    signedBy = { url, keyring, fingerprint: await verifySignature(progress, data, { signature, keyring }) }
  }
  const text = data.toString('utf8')
  return {
    url: source.checksums.url,
    fetchedAtMs: progress.seam.nowMs(),
    digest: findDigest(text, source.fileName, source.checksums.algorithm),
    signedBy,
    text,
  }
}

export async function keepManifest(
  progress: Progress,
  cacheDir: string,
  source: UrlSource,
  manifest: StoredManifest,
): Promise<void> {
  const path = pathOf(cacheDir, source)
  await makeFolder(progress, dirname(path))
  await writeDurably(progress, path, `${JSON.stringify(manifest, undefined, 2)}\n`)
}

/** C2: whether the policy wants the manifest fetched, given when it last was. */
export function isStale(
  policy: ImagePolicy['refresh'],
  fetchedAtMs: number | undefined,
  nowMs: number,
): boolean {
  switch (policy.kind) {
    case 'always':
      return true
    case 'never':
      return false
    case 'older-than':
      // A time in the future is a clock that was set back: it says nothing.
      return fetchedAtMs === undefined || fetchedAtMs > nowMs || nowMs - fetchedAtMs > policy.maxAgeMs
  }
}

const pathOf = (cacheDir: string, source: UrlSource): string =>
  manifestPath(cacheDir, source.fileName, source.checksums.url)
