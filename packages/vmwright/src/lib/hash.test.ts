import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { canonicalJson, sha256Hex, uuidFromNames } from './hash.ts'

describe('sha256Hex', () => {
  it('is that of FIPS 180-2, for text and bytes alike', () => {
    const digest = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'
    expect(sha256Hex('abc')).toBe(digest)
    expect(sha256Hex(Uint8Array.of(97, 98, 99))).toBe(digest)
  })
})

describe('uuidFromNames', () => {
  it('X3: is a valid UUID of version 8 that stays the same for ever', () => {
    expect(uuidFromNames('project', 'web-1')).toBe(uuidFromNames('project', 'web-1'))
    fc.assert(
      fc.property(fc.array(fc.string()), (names) => {
        expect(uuidFromNames(...names)).toMatch(
          /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
        )
      }),
    )
  })

  it('tells names apart wherever they are cut', () => {
    const ids = [['ab', 'c'], ['a', 'bc'], ['abc'], ['abc', ''], ['', 'abc']].map((names) =>
      uuidFromNames(...names),
    )
    expect(new Set(ids).size).toBe(ids.length)
  })
})

describe('canonicalJson', () => {
  it('is the same text for equal data, whatever the order of keys', () => {
    expect(canonicalJson({ b: 1, a: { d: [2, { z: 1, y: 2 }], c: undefined } })).toBe(
      '{"a":{"d":[2,{"y":2,"z":1}]},"b":1}',
    )
  })

  it('keeps the order of lists, and all data', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)))
      }),
    )
  })
})
