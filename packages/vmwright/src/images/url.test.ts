import { describe, expect, it } from 'vitest'
import { isProvisionError } from '../lib/errors.ts'
import { checkRedirect, checkUrl, shownUrl } from './url.ts'

const outcome = (run: () => URL): string => {
  try {
    return run().href
  } catch (error) {
    return isProvisionError(error) ? error.code : String(error)
  }
}
const refused = 'image.download-failed'

describe('which URLs are fetched', () => {
  it.each([
    ['https://cloud.debian.org/x', 'https://cloud.debian.org/x'],
    ['http://127.0.0.1:8080/x', 'http://127.0.0.1:8080/x'],
    ['http://localhost/x', 'http://localhost/x'],
    ['http://[::1]/x', 'http://[::1]/x'],
    ['http://mirror.lan/x', 'http://mirror.lan/x'],
    ['http://cloud.debian.org/x', refused],
    ['http://127.0.0.1.example.org/x', refused],
    ['http://localhost.example.org/x', refused],
    ['http://0.0.0.0/x', refused],
    ['http://169.254.169.254/latest/meta-data', refused],
    ['http://mirror.lan.example.org/x', refused],
    ['file:///etc/passwd', refused],
    ['ftp://127.0.0.1/x', refused],
    ['data:text/plain,x', refused],
    ['javascript:1', refused],
    ['/etc/passwd', refused],
    ['', refused],
  ])('%s → %s', (url, want) => {
    expect(outcome(() => checkUrl(url, ['mirror.lan']))).toBe(want)
  })

  it.each([
    ['https://a/x', '/y', 'https://a/y'],
    ['https://a/x', 'https://b/y', 'https://b/y'],
    ['https://a/x', '//b/y', 'https://b/y'],
    ['http://127.0.0.1/x', 'https://b/y', 'https://b/y'],
    ['https://a/x', 'http://a/x', refused],
    ['https://a/x', 'http://127.0.0.1/x', refused],
    ['https://a/x', 'http://mirror.lan/x', refused],
    ['https://a/x', 'file:///etc/passwd', refused],
    ['https://a/x', 'http://[', refused],
  ])('%s redirects to %s → %s', (from, location, want) => {
    expect(outcome(() => checkRedirect(new URL(from), location, ['mirror.lan']))).toBe(want)
  })

  it('messages have neither password nor query', () => {
    expect(shownUrl('https://user:secret@host:8443/a/b?token=secret#x')).toBe('https://host:8443/a/b')
  })
})
