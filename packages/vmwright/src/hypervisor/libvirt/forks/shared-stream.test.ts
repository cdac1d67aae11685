import { expect, it } from 'vitest'
import { asPrivateStream } from './shared-stream.ts'

/** The beginning of a stream of QEMU 7.2: a q35 with 512 MiB, saved with `x-ignore-shared`. */
const stream = Buffer.from(
  `UUVWTQAAAAMHAAAACnBjLXEzNS03LjIFGmNvbmZpZ3VyYXRpb24vY2FwYWJpbGl0aWVzAAAAAQAAAAEPeC1pZ25vcmUtc2hhcmVkAQAAAAMDcmFtAAAAAAAAAAQAAAAAIEYgBAZwYy5yYW0AAAAAIAAAAAAAAAAAAAAADXN5c3RlbS5mbGFzaDAAAAAAADfAAAAAAAD/yEAAFC9yb21AZXRjL2FjcGkvdGFibGVzAAAAAAACAAAAAAAAAAAAAA1zeXN0ZW0uZmxhc2gxAAAAAAAIQAAAAAAA/8AAAAhpc2EtYmlvcwAAAAAAAgAAAAAAAAAOAAAGcGMucm9tAAAAAAACAAAAAAAAAAwAABUvcm9tQGV0Yy90YWJsZS1sb2FkZXIAAAAAAAAQAAAAAAAAAAAAEi9yb21AZXRjL2FjcGkvcnNkcAAAAAAAABAAAAAAAAAAAAAAAAAAAAAAEH4AAAADAgAAAAM=`,
  'base64',
)
const block = { from: 'pc.ram', to: 'vc.ram' }

it('X9: takes the capability and the addresses out, and gives the memory of the file its other name', () => {
  const { head, consumed, sizeBytes } = asPrivateStream(stream, block)
  const text = Buffer.from(head).toString('latin1')
  expect(sizeBytes).toBe(512 * 1024 * 1024)
  expect(text).not.toContain('x-ignore-shared')
  expect(text).not.toContain('pc.ram')
  expect(text).toContain('\x06vc.ram\0\0\0\0\x20\0\0\0\x0dsystem.flash0')
  // A capability with its subsection, and eight addresses.
  expect(consumed - head.length).toBe(1 + 27 + 4 + 4 + 16 + 8 * 8)
  // What follows is the end of the section, as QEMU wrote it.
  expect(stream.subarray(consumed).toString('hex')).toBe('7e000000030200000003')
})

it.each([
  ['another file', Buffer.from('LibvirtQemudSave'), 'first bytes'],
  ['one that ends early', stream.subarray(0, 150), 'too early'],
  ['one with another capability', replaced('x-ignore-shared', 'background-snap'), 'background-snap'],
  ['one whose first section is not the memory', replaced('\x03ram\0', '\x03tom\0'), 'first section'],
  ['one without that memory', replaced('\x06pc.ram', '\x06xx.ram'), 'no memory named pc.ram'],
])('X9: %s is refused', (_what, bytes, words) => {
  expect(() => asPrivateStream(bytes, block)).toThrow(words)
})

function replaced(from: string, to: string): Uint8Array {
  return Buffer.from(stream.toString('latin1').replace(from, to), 'latin1')
}
