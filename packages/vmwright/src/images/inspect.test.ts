import { describe, expect, it } from 'vitest'
import { createRandom } from '../lib/testing/random.ts'
import { declaredFormat, inspectedBytes, inspectImage, type Inspection } from './inspect.ts'
import { qcow2, type Qcow2Field, qcow2Fields, withExtension } from './testing/qcow2-image.ts'

const inspect = (image: Buffer, declared?: 'qcow2' | 'raw'): Inspection =>
  inspectImage(image.subarray(0, inspectedBytes), image.length, declared)

const at = (offset: number, mark: string): Buffer =>
  Buffer.concat([Buffer.alloc(offset), Buffer.from(mark, 'latin1'), Buffer.alloc(1024)])

describe('accepted images', () => {
  it.each<[string, Buffer, 'qcow2' | 'raw' | undefined, 'qcow2' | 'raw']>([
    ['a qcow2 of version 3', qcow2(), 'qcow2', 'qcow2'],
    ['a qcow2 of version 2', qcow2({ version: 2, headerLength: 0, refcountOrder: 0 }), undefined, 'qcow2'],
    ['a qcow2 compressed with zstd', qcow2({ incompatible: 8, compression: 1 }), 'qcow2', 'qcow2'],
    ['a qcow2 with extended L2 tables', qcow2({ incompatible: 16, l1Size: 4 }), 'qcow2', 'qcow2'],
    [
      'a qcow2 with a table of feature names',
      withExtension(qcow2(), 0x6803f857, Buffer.alloc(384, 1)),
      'qcow2',
      'qcow2',
    ],
    ['a qcow2 with unknown compatible bits', qcow2({ compatible: 0xff, autoclear: 0xff }), 'qcow2', 'qcow2'],
    ['a raw disk', at(510, '\x55\xaa'), 'raw', 'raw'],
    ['a raw disk that nothing is declared of', at(510, '\x55\xaa'), undefined, 'raw'],
  ])('%s', (_name, image, declared, format) => {
    expect(inspect(image, declared)).toMatchObject({ kind: 'accepted', format })
  })

  it('the size of the disk is read off the header', () => {
    expect(inspect(qcow2())).toMatchObject({ virtualSizeBytes: 1024 ** 3 })
  })
})

const backing = Buffer.from('/etc/shadow')
const json = Buffer.from('json:{"driver":"file","filename":"/etc/shadow"}')
const v2 = { version: 2, headerLength: 0, refcountOrder: 0 }
const hostile: readonly [string, Buffer, ('qcow2' | 'raw')?][] = [
  ['a backing file (v3)', qcow2({ backingFileOffset: 512, backingFileSize: 11 })],
  ['a backing file (v2)', qcow2({ ...v2, backingFileOffset: 512, backingFileSize: 11 })],
  ['a backing file without a length', qcow2({ backingFileOffset: 512 })],
  ['a length of a backing file without a place', qcow2({ backingFileSize: 11 })],
  ['a backing file far away', qcow2({ backingFileOffset: 2n ** 63n, backingFileSize: 11 })],
  ['a json: backing file', withName(qcow2({ backingFileOffset: 512, backingFileSize: json.length }), json)],
  [
    'an nbd: backing file',
    withName(qcow2({ backingFileOffset: 512, backingFileSize: 20 }), Buffer.from('nbd://10.0.0.1/secret')),
  ],
  ['a named format of a backing file', withExtension(qcow2(), 0xe2792aca, Buffer.from('raw\0\0\0\0\0'))],
  [
    'a named format of a backing file (v2)',
    withExtension(qcow2(v2), 0xe2792aca, Buffer.from('raw\0\0\0\0\0')),
  ],
  ['an external data file', qcow2({ incompatible: 4 })],
  ['a named external data file', withExtension(qcow2({ incompatible: 4 }), 0x44415441, backing)],
  ['a name of a data file without its bit', withExtension(qcow2(), 0x44415441, backing)],
  ['the dirty bit', qcow2({ incompatible: 1 })],
  ['the corrupt bit', qcow2({ incompatible: 2 })],
  ['an unknown incompatible bit (5)', qcow2({ incompatible: 32 })],
  ['an unknown incompatible bit (63)', qcow2({ incompatible: 2n ** 63n })],
  ['AES encryption', qcow2({ cryptMethod: 1 })],
  ['LUKS encryption', qcow2({ cryptMethod: 2 })],
  ['an encryption header', withExtension(qcow2(), 0x0537be77, Buffer.alloc(16, 1))],
  ['version 0', qcow2({ version: 0 })],
  ['version 1', qcow2({ version: 1 })],
  ['version 4', qcow2({ version: 4 })],
  ['clusters of 256 bytes', qcow2({ clusterBits: 8 })],
  ['clusters of 4 MiB', qcow2({ clusterBits: 22 })],
  ['clusters of 2^4294967295 bytes', qcow2({ clusterBits: 0xffff_ffff })],
  ['no bytes in its disk', qcow2({ size: 0 })],
  ['a disk larger than 64 TiB', qcow2({ size: 2n ** 46n + 512n, l1Size: 200_000 })],
  ['a disk of 2^64 - 1 bytes', qcow2({ size: 2n ** 64n - 1n, l1Size: 0xffff_ffff })],
  ['an L1 table too small for its disk', qcow2({ l1Size: 1 })],
  ['no L1 table', qcow2({ l1Size: 0 })],
  ['an L1 table of 32 GiB', qcow2({ l1Size: 0xffff_ffff })],
  ['an L1 table in its header', qcow2({ l1Offset: 0 })],
  ['an L1 table between clusters', qcow2({ l1Offset: 65_537 })],
  ['an L1 table beyond the end', qcow2({ l1Offset: 2n ** 40n })],
  ['an L1 table whose end overflows', qcow2({ l1Offset: 2n ** 64n - 65_536n })],
  ['no refcount table', qcow2({ refcountClusters: 0 })],
  ['a huge refcount table', qcow2({ refcountClusters: 0xffff_ffff })],
  ['a refcount table in its header', qcow2({ refcountOffset: 0 })],
  ['a refcount table beyond the end', qcow2({ refcountOffset: 2n ** 50n })],
  ['too wide reference counts', qcow2({ refcountOrder: 7 })],
  ['2^32 - 1 snapshots', qcow2({ snapshots: 0xffff_ffff, snapshotsOffset: 65_536 })],
  ['snapshots beyond the end', qcow2({ snapshots: 1, snapshotsOffset: 2n ** 40n })],
  ['a header of 0 bytes', qcow2({ headerLength: 0 })],
  ['a header of 4 GiB', qcow2({ headerLength: 0xffff_fff8 })],
  ['a header of an odd length', qcow2({ headerLength: 107 })],
  ['an unknown compression', qcow2({ incompatible: 8, compression: 9 })],
  ['a compression without its bit', qcow2({ compression: 1 })],
  ['the bit of a compression without one', qcow2({ incompatible: 8 })],
  ['extended L2 tables in tiny clusters', qcow2({ incompatible: 16, clusterBits: 9 })],
  ['an extension of 4 GiB', withExtension(qcow2(), 0x1234, Buffer.alloc(0), 0xffff_ffff)],
  ['a cut header', qcow2().subarray(0, 60)],
  ['a cut header (v3)', qcow2().subarray(0, 80)],
  ['nothing but its header', qcow2().subarray(0, 512)],
  ['a qcow2 header, declared as raw', qcow2(), 'raw'],
  ['a qcow2 magic alone, declared as raw', Buffer.from('QFI\xfb', 'latin1'), 'raw'],
  ['no header, declared as qcow2', at(510, '\x55\xaa'), 'qcow2'],
  ['nothing', Buffer.alloc(0)],
  ['a sparse VMDK', at(0, 'KDMV\x01\0\0\0')],
  ['a VMDK of ESX', at(0, 'COWD')],
  ['a VMDK descriptor with an extent', at(0, '# Disk DescriptorFile\nRW 4 FLAT "/etc/shadow" 0')],
  ['a VHDX', at(0, 'vhdxfile')],
  ['a dynamic VHD', at(0, 'conectix')],
  ['a VDI', at(0x40, '\x7f\x10\xda\xbe')],
  ['a QED', at(0, 'QED\0')],
  ['a Parallels disk', at(0, 'WithoutFreeSpace')],
  ['an encrypted disk', at(0, 'LUKS\xba\xbe')],
  ['an ISO', at(0x8001, 'CD001'), 'raw'],
  ['a gzip file', at(0, '\x1f\x8b\x08')],
  ['an xz file', at(0, '\xfd7zXZ\0')],
  ['a zstd file', at(0, '\x28\xb5\x2f\xfd')],
  ['a tar archive', at(257, 'ustar')],
  ['a web page', at(0, '<!DOCTYPE html>')],
]

function withName(image: Buffer, name: Buffer): Buffer {
  name.copy(image, 512)
  return image
}

describe('hostile and foreign images', () => {
  it.each<(typeof hostile)[number]>([...hostile])('with %s is refused', (_name, image, declared) => {
    expect(inspect(image, declared)).toMatchObject({
      kind: 'refused',
      reason: expect.any(String),
    })
  })

  it('there are at least 40 of them', () => {
    expect(hostile.length).toBeGreaterThanOrEqual(40)
  })

  it.each(['vmdk', 'vhdx', 'vpc', 'vdi'])(
    'of the format %s come with the command that converts them',
    (format) => {
      const marks = {
        vmdk: at(0, 'KDMV'),
        vhdx: at(0, 'vhdxfile'),
        vpc: at(0, 'conectix'),
        vdi: at(0x40, '\x7f\x10\xda\xbe'),
      }
      expect(inspect(marks[format as keyof typeof marks])).toMatchObject({
        hint: expect.stringContaining(`qemu-img convert -f ${format} -O qcow2`),
      })
    },
  )

  it('1,000 mutated headers never crash, and none that is accepted reaches outside itself', () => {
    const random = createRandom(42)
    const below = (limit: number): number => Math.floor(random() * limit)
    const fields = Object.keys(qcow2Fields) as Qcow2Field[]
    let accepted = 0
    for (let round = 0; round < 1000; round++) {
      const image = qcow2()
      if (round % 2 === 0)
        for (let flips = 1 + below(8); flips > 0; flips--) image[4 + below(140)] = below(256)
      else {
        const [offset, bytes] = qcow2Fields[fields[below(fields.length)] as Qcow2Field]
        image.fill(below(2) === 0 ? 0xff : 1 << below(8), offset + below(bytes), offset + bytes)
      }
      const outcome = inspect(round % 7 === 0 ? image.subarray(0, below(200)) : image, 'qcow2')
      if (outcome.kind === 'refused') continue
      accepted++
      expect(image.readBigUInt64BE(8)).toBe(0n)
      expect(image.readUInt32BE(4) === 2 || (image.readBigUInt64BE(72) & 6n) === 0n).toBe(true)
      expect(outcome.virtualSizeBytes).toBeLessThanOrEqual(2 ** 46)
    }
    expect(accepted).toBeGreaterThan(0)
    expect(accepted).toBeLessThan(900)
  })
})

it.each([
  ['disk.qcow2', 'qcow2'],
  ['DISK.QCOW2', 'qcow2'],
  ['disk.raw', 'raw'],
  ['disk.img', undefined],
  ['disk', undefined],
])('the name %s promises %s', (name, format) => {
  expect(declaredFormat(name)).toBe(format)
})
