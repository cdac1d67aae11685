import { ProvisionError } from '../lib/errors.ts'
import { shownUrl } from './url.ts'

/** The error for an HTTP status that brings no content: `image.not-found`, or `image.download-failed`. */
export function statusFailure(status: number, url: string): ProvisionError {
  const details = { url: shownUrl(url), status }
  if (status === 404 || status === 410) {
    return new ProvisionError('image.not-found', {
      message: `${shownUrl(url)} does not exist (HTTP ${status}).`,
      hint: 'Correct `url` or `version` of the image in the spec.',
      details,
    })
  }
  return new ProvisionError('image.download-failed', {
    message: `${shownUrl(url)} could not be fetched: the server answered with HTTP ${status}.`,
    details,
    retryable: status === 408 || status === 425 || status === 429 || status >= 500,
  })
}
