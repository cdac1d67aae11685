import { expect, it } from 'vitest'
import { readSaveImage, saveHeaderBytes, writeSaveHeader } from './save-image.ts'

/** The first 92 bytes of a file that libvirt 9.0 wrote: 71726 bytes of data, the cookie at 6153, not running. */
const header = Buffer.from(
  `4c69627669727451656d756453617665 020000002e180100 0000000000000000 09180000 ${'00'.repeat(56)}`.replaceAll(
    ' ',
    '',
  ),
  'hex',
)

const asWritten = (xml: string, cookie: string): Uint8Array => {
  const bytes = new Uint8Array(saveHeaderBytes + 71_726)
  bytes.set(header)
  bytes.set(new TextEncoder().encode(xml), saveHeaderBytes)
  bytes.set(new TextEncoder().encode(cookie), saveHeaderBytes + 6153)
  return bytes
}

it('X9: reads what libvirt wrote: the definition, the cookie, and where the stream of QEMU begins', () => {
  const bytes = asWritten('<domain/>', '<cookie/>')
  expect(header.length).toBe(saveHeaderBytes)
  expect(readSaveImage(bytes)).toEqual({
    xml: '<domain/>',
    cookie: '<cookie/>',
    streamOffset: 71_818,
    compression: 0,
  })
})

it.each([
  ['with a cookie', { xml: '<domain name="ä"/>', cookie: '<cookie/>' }],
  ['without one', { xml: '<domain/>', cookie: undefined }],
])('X9: what is written %s reads the same', (_what, description) => {
  const bytes = writeSaveHeader(description)
  expect(readSaveImage(bytes)).toEqual({ ...description, streamOffset: bytes.length, compression: 0 })
})

it('X9: a header can take the place of another one of the same length', () => {
  expect(writeSaveHeader({ xml: '<domain/>', cookie: undefined }, 71_726).length).toBe(71_818)
  expect(() => writeSaveHeader({ xml: '<domain/>', cookie: undefined }, 5)).toThrow(RangeError)
})

it.each([
  ['nothing', () => new Uint8Array(), 'shorter than a header'],
  ['a file that libvirt was still writing', () => withMagic('LibvirtQemudPart'), 'complete'],
  ['another version', () => withVersion(3), 'version 3'],
  ['half a description', () => asWritten('<domain/>', '').subarray(0, 5_000), 'within'],
])('X9: %s is refused', (_what, bytes, words) => {
  expect(() => readSaveImage(bytes())).toThrow(words)
})

function withMagic(text: string): Uint8Array {
  const bytes = asWritten('<domain/>', '')
  bytes.set(new TextEncoder().encode(text))
  return bytes
}

function withVersion(version: number): Uint8Array {
  const bytes = asWritten('<domain/>', '')
  bytes[16] = version
  return bytes
}
