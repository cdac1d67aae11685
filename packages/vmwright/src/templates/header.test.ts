import { describe, expect, it } from 'vitest'
import { diskHeader } from './header.ts'

/** Offsets of QEMU's docs/interop/qcow2. */
function qcow2(change: (view: DataView, bytes: Uint8Array) => void = () => {}): Uint8Array {
  const bytes = new Uint8Array(4096)
  const view = new DataView(bytes.buffer)
  bytes.set([0x51, 0x46, 0x49, 0xfb])
  view.setUint32(4, 3)
  view.setUint32(100, 104)
  change(view, bytes)
  return bytes
}

const backedBy = (name: string, at = 512, length = name.length): Uint8Array =>
  qcow2((view, bytes) => {
    view.setBigUint64(8, BigInt(at))
    view.setUint32(16, length)
    bytes.set(new TextEncoder().encode(name), 512)
  })

const fine = { kind: 'qcow2', backingFile: undefined, problem: undefined }

describe('T3: the header of a disk', () => {
  it.each<[string, Uint8Array, unknown]>([
    ['anything else', new Uint8Array(4096), { kind: 'raw' }],
    ['an empty file', new Uint8Array(), { kind: 'raw' }],
    ['a qcow2', qcow2(), fine],
    ['one with a backing file', backedBy('/srv/base.qcow2'), { ...fine, backingFile: '/srv/base.qcow2' }],
    [
      'one with the name of its backing file out of sight',
      backedBy('/srv/base.qcow2', 65_536),
      { ...fine, problem: expect.stringContaining('not readable') },
    ],
    [
      'one with a name that is longer than QEMU takes',
      backedBy('/srv/base.qcow2', 512, 1024),
      { ...fine, problem: expect.stringContaining('not readable') },
    ],
    ['an encrypted one', qcow2((view) => view.setUint32(32, 2)), { ...fine, problem: 'is encrypted' }],
    [
      'one with its data elsewhere',
      qcow2((view) => view.setBigUint64(72, 4n)),
      { ...fine, problem: 'keeps its data in another file' },
    ],
    [
      'a corrupt one',
      qcow2((view) => view.setBigUint64(72, 2n)),
      { ...fine, problem: 'is marked as corrupt' },
    ],
    ['a cut one', qcow2().subarray(0, 80), { ...fine, problem: 'has a header that is cut' }],
    [
      'an unknown version',
      qcow2((view) => view.setUint32(4, 9)),
      { ...fine, problem: expect.stringContaining('version 9') },
    ],
  ])('is read from %s', (_title, head, wanted) => {
    expect(diskHeader(head)).toEqual(wanted)
  })
})
