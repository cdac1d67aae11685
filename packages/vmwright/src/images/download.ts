import { isProvisionError, ProvisionError } from '../lib/errors.ts'
import type { Progress } from '../lib/progress.ts'
import { GiB } from '../lib/units.ts'
import type { Digests } from './digest.ts'
import { changeFile, requireSpace } from './files.ts'
import { httpGet, type HttpResponse } from './http.ts'
import { type Digest, sameDigest } from './layout.ts'
import { dropPartial, openPartial, type Partial } from './partial.ts'
import { retrying } from './retry.ts'
import { statusFailure } from './status.ts'
import { shownUrl } from './url.ts'

export interface DownloadRequest {
  readonly url: string
  readonly expected: Digest
  /** The image's final path; the partial file lies beside it. */
  readonly path: string
  readonly httpHosts: readonly string[]
}

/** No cloud image is near this; a server that sends more is stopped. */
const maxImageBytes = 256 * GiB
const reportEveryMs = 250

/**
 * Fetches `url` into the partial file beside `path`, going on from what an earlier run left there, and returns the
 * digests of the whole, which are those expected, with the file flushed. Nothing is renamed. The bytes are hashed
 * as they come.
 *
 * Throws `image.digest-mismatch` (the partial file is gone then), `image.not-found`, `image.unreachable`,
 * `image.download-failed`, `cache.full`; after these the partial file is kept. Safe to repeat.
 */
export async function downloadVerified(progress: Progress, request: DownloadRequest): Promise<Digests> {
  const partial = await openPartial(progress, request.path, { url: request.url, digest: request.expected })
  try {
    const wasContinued = partial.offset > 0
    const digests = await fetchWhole(progress, partial, request)
    if (sameDigest(digests.digest, request.expected)) return digests
    // A server without validators may have changed the file since the beginning was fetched: once more, whole.
    if (wasContinued) {
      await partial.startOver(progress, undefined)
      const again = await fetchWhole(progress, partial, request)
      if (sameDigest(again.digest, request.expected)) return again
    }
    throw new ProvisionError('image.digest-mismatch', {
      message: `What ${shownUrl(request.url)} sent does not have the ${request.expected.algorithm} that was expected.`,
      details: {
        url: shownUrl(request.url),
        algorithm: request.expected.algorithm,
        expected: request.expected.hex,
        actual: digests.digest.hex,
      },
    })
  } catch (error) {
    const isWorthless = isProvisionError(error, 'image.digest-mismatch') || partial.offset === 0
    if (isProvisionError(error) && isWorthless) await dropPartial(progress, request.path)
    throw error
  } finally {
    await partial.close()
  }
}

async function fetchWhole(progress: Progress, partial: Partial, request: DownloadRequest): Promise<Digests> {
  let before = partial.offset
  await retrying(
    progress,
    `download of ${shownUrl(request.url)}`,
    async () => {
      before = partial.offset
      if ((await fetchRest(progress, partial, request)) === 'done') return
      await partial.startOver(progress, undefined)
      before = 0
      await fetchRest(progress, partial, request)
    },
    () => partial.offset > before,
  )
  return partial.finish(progress)
}

/** One request. `start again`: the server cannot continue the beginning that is there. */
function fetchRest(
  progress: Progress,
  partial: Partial,
  request: DownloadRequest,
): Promise<'done' | 'start again'> {
  const isContinuing = partial.offset > 0
  const headers = {
    ...(isContinuing && { range: `bytes=${partial.offset}-` }),
    ...(isContinuing && partial.validator !== undefined && { 'if-range': partial.validator }),
  }
  const target = { url: request.url, headers, httpHosts: request.httpHosts }
  return httpGet(progress, target, async (response) => {
    const { start, total } = extentOf(response)
    if (response.status === 200) {
      await partial.startOver(progress, validatorOf(response))
      await receive(progress, partial, request, { body: response.body, total })
      return 'done'
    }
    if (response.status === 206 && isContinuing) {
      const isSame = partial.validator === undefined || partial.validator === validatorOf(response)
      if (start !== partial.offset || !isSame) return 'start again'
      await receive(progress, partial, request, { body: response.body, total })
      return 'done'
    }
    if (response.status === 416 && isContinuing) return total === partial.offset ? 'done' : 'start again'
    throw statusFailure(response.status, request.url)
  })
}

async function receive(
  progress: Progress,
  partial: Partial,
  request: DownloadRequest,
  response: { readonly body: HttpResponse['body']; readonly total: number | undefined },
): Promise<void> {
  const { total } = response
  const limit = Math.min(total ?? maxImageBytes, maxImageBytes)
  if (total !== undefined && total > maxImageBytes) throw tooLarge(request, maxImageBytes)
  if (total !== undefined) await requireSpace(partial.path, total - partial.offset)
  const tell = byteTeller(progress, `download of ${shownUrl(request.url)}`, total)
  const copy = async (): Promise<void> => {
    for await (const chunk of response.body) {
      if (partial.offset + chunk.length > limit) throw tooLarge(request, limit)
      await partial.append(chunk)
      tell(partial.offset)
    }
  }
  await changeFile(progress, 'append', partial.path, copy, () =>
    total === undefined ? undefined : total - partial.offset,
  )
  if (total === undefined || partial.offset === total) return
  throw new ProvisionError('image.download-failed', {
    message: `${shownUrl(request.url)} ended after ${partial.offset} of ${total} bytes.`,
    retryable: true,
  })
}

const tooLarge = (request: DownloadRequest, limit: number): ProvisionError =>
  new ProvisionError('image.download-failed', {
    message: `${shownUrl(request.url)} sends more than ${limit} bytes.`,
    details: { url: shownUrl(request.url), limit },
  })

/** Reports bytes four times a second, and the last one. */
function byteTeller(progress: Progress, what: string, total: number | undefined): (done: number) => void {
  let toldMs = Number.NEGATIVE_INFINITY
  return (done) => {
    const nowMs = progress.seam.monotonicMs()
    if (nowMs - toldMs < reportEveryMs && done !== total) return
    toldMs = nowMs
    progress.report({ what, done, ...(total !== undefined && { total }), unit: 'bytes' })
  }
}

/** Where the body begins in the file, and how long the file is: from Content-Range, else Content-Length. */
function extentOf(response: HttpResponse): { readonly start: number; readonly total: number | undefined } {
  const [, start, total] =
    /^bytes (?:(\d+)-\d+|\*)\/(\d+|\*)$/.exec(response.headers['content-range'] ?? '') ?? []
  if (response.status !== 200) return { start: Number(start ?? -1), total: count(total) }
  return { start: 0, total: count(response.headers['content-length']) }
}

const count = (text: string | undefined): number | undefined =>
  text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined

/** A weak ETag promises only that two files mean the same, not that their bytes fit together. */
function validatorOf(response: HttpResponse): string | undefined {
  const { etag, 'last-modified': lastModified } = response.headers
  return etag?.startsWith('"') === true ? etag : lastModified
}
