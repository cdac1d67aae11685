import { ProvisionError } from '../lib/errors.ts'

/** A URL for messages and records: without user, password and query, which may be secrets. */
export function shownUrl(text: string): string {
  if (!URL.canParse(text)) return text.slice(0, 200)
  const url = new URL(text)
  return `${url.protocol}//${url.host}${url.pathname}`
}

/**
 * The URL, if it may be fetched: https, or http to loopback or to one of `httpHosts`. Throws
 * `image.download-failed` for the rest.
 */
export function checkUrl(text: string, httpHosts: readonly string[]): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url?.protocol === 'https:') return url
  if (url?.protocol === 'http:' && (isLoopback(url.hostname) || httpHosts.includes(url.hostname))) return url
  if (url?.protocol === 'http:') {
    throw refused(text, `plain http from ${url.host} is not safe`, 'Use https.')
  }
  if (url?.protocol === 'file:')
    throw refused(text, 'it is a local file', 'Use a `file` source of the image.')
  throw refused(text, 'it is not an https URL', 'Correct the URL in the spec.')
}

/** Where a redirect leads, if it may be followed: as `checkUrl`, and not from https to http. */
export function checkRedirect(from: URL, location: string, httpHosts: readonly string[]): URL {
  const text = URL.canParse(location, from.href) ? new URL(location, from).href : location
  const url = checkUrl(text, httpHosts)
  if (from.protocol === 'https:' && url.protocol !== 'https:') {
    throw refused(from.href, `it redirects to plain http at ${url.host}`, 'Use a mirror that stays on https.')
  }
  return url
}

/** The WHATWG parser has turned every spelling of an IPv4 address into four decimal numbers. */
const isLoopback = (hostname: string): boolean =>
  hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname)

const refused = (text: string, reason: string, hint: string): ProvisionError =>
  new ProvisionError('image.download-failed', {
    message: `${shownUrl(text)} is not fetched: ${reason}.`,
    hint,
    details: { url: shownUrl(text) },
  })
