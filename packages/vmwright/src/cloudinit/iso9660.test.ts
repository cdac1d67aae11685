import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { sha256Hex } from '../lib/hash.ts'
import { writeIso, writeSeedImage } from './iso9660.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const seed = { userData: '#cloud-config\n{}\n', metaData: 'instance-id: a\n', networkConfig: 'version: 2\n' }

describe('a seed image', () => {
  it('holds the three files under the label cidata in both trees', () => {
    const image = writeSeedImage(seed)
    for (const tree of ['rock-ridge', 'joliet'] as const) {
      expect(readIso(image, tree)).toEqual({
        label: 'cidata',
        files: new Map([
          ['meta-data', seed.metaData],
          ['network-config', seed.networkConfig],
          ['user-data', seed.userData],
        ]),
      })
    }
  })

  it('is byte for byte the same each time, and different for a different seed', () => {
    expect(sha256Hex(writeSeedImage(seed))).toBe(sha256Hex(writeSeedImage({ ...seed })))
    expect(sha256Hex(writeSeedImage({ ...seed, metaData: 'instance-id: b\n' }))).not.toBe(
      sha256Hex(writeSeedImage(seed)),
    )
  })

  it('is whole sectors, as many as its descriptor says', () => {
    const image = writeSeedImage(seed)
    expect(image.length % 2048).toBe(0)
    expect(new DataView(image.buffer).getUint32(16 * 2048 + 80, true)).toBe(image.length / 2048)
  })
})

it('a folder of many sectors is read back whole', () => {
  const paths = Array.from({ length: 300 }, (_, index) => `file-${String(index).padStart(3, '0')}.text`)
  const image = writeIso(
    'x',
    paths.map((path) => ({ path, data: bytes(path) })),
  )
  expect([...readIso(image, 'rock-ridge').files]).toEqual(paths.map((path) => [path, path]))
  expect([...readIso(image, 'joliet').files]).toEqual(paths.map((path) => [path, path]))
})

it('the order of the entries does not matter', () => {
  const entries = ['b', 'a/x', 'a/b/c', 'z'].map((path) => ({ path, data: bytes(path) }))
  expect(writeIso('x', entries.toReversed())).toEqual(writeIso('x', entries))
})

it.each([
  ['an empty part', 'a//b'],
  ['a parent part', '../x'],
  ['a name of more than 64 characters', 'x'.repeat(65)],
  ['a name of more than 160 bytes', '€'.repeat(54)],
  ['a forbidden character', 'a:b'],
  ['too deep a path', 'a/b/c/d/e/f/g/h/i'],
])('%s is refused', (_what, path) => {
  expect(() => writeIso('x', [{ path, data: bytes('') }])).toThrow(RangeError)
})

it('the same path twice, or as file and folder, is refused', () => {
  const entry = (path: string): { path: string; data: Uint8Array } => ({ path, data: bytes('') })
  expect(() => writeIso('x', [entry('a'), entry('a')])).toThrow(RangeError)
  expect(() => writeIso('x', [entry('a'), entry('a/b')])).toThrow(RangeError)
})

it('any tree of files is read back from the plain, the Rock Ridge and the Joliet names', () => {
  const name = fc.stringMatching(/^[A-Za-z0-9äß€ ._-]{1,20}$/).filter((text) => text !== '.' && text !== '..')
  const tree = fc.dictionary(name, fc.dictionary(name, fc.string({ maxLength: 5000 }), { maxKeys: 40 }), {
    maxKeys: 8,
  })
  fc.assert(
    fc.property(tree, (folders) => {
      const wanted = new Map(
        Object.entries(folders).flatMap(([folder, files]) =>
          Object.entries(files).map(([file, text]) => [`${folder}/${file}`, text] as const),
        ),
      )
      const image = writeIso(
        'any',
        [...wanted].map(([path, text]) => ({ path, data: bytes(text) })),
      )
      expect(sorted(readIso(image, 'rock-ridge').files)).toEqual(sorted(wanted))
      expect(sorted(readIso(image, 'joliet').files)).toEqual(sorted(wanted))
      const plain = [...readIso(image, 'plain').files.keys()]
      expect(plain).toHaveLength(wanted.size)
      for (const path of plain) expect(path).toMatch(/^[A-Z0-9_]{1,8}\/[A-Z0-9_]{0,8}\.[A-Z0-9_]{0,3}$/)
    }),
    { numRuns: 60 },
  )
})

const sorted = (files: ReadonlyMap<string, string>): unknown =>
  [...files].toSorted(([a], [b]) => (a < b ? -1 : 1))

/** As much of a reader as the tests need; the contract test has real ones. */
function readIso(
  image: Uint8Array,
  tree: 'plain' | 'rock-ridge' | 'joliet',
): { label: string; files: Map<string, string> } {
  const view = new DataView(image.buffer, image.byteOffset)
  const descriptor = (tree === 'joliet' ? 17 : 16) * 2048
  const files = new Map<string, string>()
  const decode = (from: number, length: number): string =>
    tree === 'joliet'
      ? new TextDecoder('utf-16be').decode(image.subarray(from, from + length))
      : new TextDecoder().decode(image.subarray(from, from + length))
  const walk = (record: number, prefix: string): void => {
    const start = view.getUint32(record + 2, true) * 2048
    const end = start + view.getUint32(record + 10, true)
    for (let at = start; at < end;) {
      const length = image[at] ?? 0
      if (length === 0) at = Math.ceil((at + 1) / 2048) * 2048
      else {
        if ((at % 2048) + length > 2048)
          throw new Error('a directory record crosses a sector (ECMA-119 6.8.1.1)')
        const idLength = image[at + 32] ?? 0
        const isDot = idLength === 1 && (image[at + 33] ?? 0) <= 1
        const id = decode(at + 33, idLength).replace(/;1$/, '')
        const name = tree === 'rock-ridge' ? rockRidgeName(image, at) : id
        if (!isDot && ((image[at + 25] ?? 0) & 2) !== 0) walk(at, `${prefix}${name}/`)
        else if (!isDot) {
          const from = view.getUint32(at + 2, true) * 2048
          const data = image.subarray(from, from + view.getUint32(at + 10, true))
          files.set(prefix + name, new TextDecoder('utf-8', { ignoreBOM: true }).decode(data))
        }
        at += length
      }
    }
  }
  walk(descriptor + 156, '')
  return { label: decode(descriptor + 40, 32).replace(/[ \0]+$/, ''), files }
}

function rockRidgeName(image: Uint8Array, record: number): string {
  const idLength = image[record + 32] ?? 0
  for (let at = record + 33 + idLength + ((33 + idLength) % 2); at + 4 < record + (image[record] ?? 0);) {
    const length = image[at + 2] ?? 4
    if (image[at] === 0x4e && image[at + 1] === 0x4d) {
      return new TextDecoder().decode(image.subarray(at + 5, at + length))
    }
    at += length
  }
  return ''
}
