import { ProvisionError } from '../lib/errors.ts'
import type { Progress } from '../lib/progress.ts'
import { httpGet } from './http.ts'
import { retrying } from './retry.ts'
import { statusFailure } from './status.ts'
import { shownUrl } from './url.ts'

/** Fetches a small file. Throws as `httpGet` does, and `image.manifest-failed` when it is larger than `maxBytes`. */
export function fetchSmall(
  progress: Progress,
  url: string,
  options: { readonly maxBytes: number; readonly httpHosts: readonly string[] },
): Promise<Buffer> {
  const what = `fetching ${shownUrl(url)}`
  progress.report({ what })
  return retrying(progress, what, () =>
    httpGet(progress, { url, headers: {}, httpHosts: options.httpHosts }, async (response) => {
      if (response.status !== 200) throw statusFailure(response.status, url)
      const chunks: Uint8Array[] = []
      let bytes = 0
      for await (const chunk of response.body) {
        bytes += chunk.length
        if (bytes > options.maxBytes) {
          throw new ProvisionError('image.manifest-failed', {
            message: `${shownUrl(url)} is larger than ${options.maxBytes} bytes: it is not a list of digests.`,
          })
        }
        chunks.push(chunk)
      }
      return Buffer.concat(chunks)
    }),
  )
}
