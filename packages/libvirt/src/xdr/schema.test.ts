import { describe, expect, it, test, vi } from 'vitest'
import { typedParameters, type TypedParameter } from '../protocol/types.ts'
import { XdrReader } from './reader.ts'
import * as xdr from './schema.ts'
import { XdrError, XdrWriter } from './writer.ts'

const params: readonly TypedParameter[] = [
  { field: 'cpu.time', type: 'ullong', value: 2n ** 64n - 1n },
  { field: 'balloon', type: 'llong', value: -1n },
  { field: 'state', type: 'int', value: -5 },
  { field: 'count', type: 'uint', value: 4_000_000_000 },
  { field: 'load', type: 'double', value: 0.25 },
  { field: 'readonly', type: 'boolean', value: true },
  { field: 'name', type: 'string', value: 'vda' },
]

describe('XDR', () => {
  test.each<readonly [string, xdr.Codec<never>, unknown, string]>([
    ['a negative int', xdr.int as xdr.Codec<never>, -2, 'fffffffe'],
    ['the largest uint', xdr.uint as xdr.Codec<never>, 0xffff_ffff, 'ffffffff'],
    ['a hyper', xdr.hyper as xdr.Codec<never>, -1n, 'ffffffffffffffff'],
    ['an unsigned hyper', xdr.uhyper as xdr.Codec<never>, 2n ** 63n, '8000000000000000'],
    ['a double', xdr.double as xdr.Codec<never>, 1, '3ff0000000000000'],
    ['yes', xdr.bool as xdr.Codec<never>, true, '00000001'],
    ['padded text', xdr.text as xdr.Codec<never>, 'vm-ä', '00000005766d2dc3a4000000'],
    ['empty text', xdr.text as xdr.Codec<never>, '', '00000000'],
    ['NULL', xdr.optional(xdr.text) as xdr.Codec<never>, undefined, '00000000'],
    ['a pointer', xdr.optional(xdr.int) as xdr.Codec<never>, 7, '0000000100000007'],
    ['a list', xdr.list(xdr.int) as xdr.Codec<never>, [1, 2], '000000020000000100000002'],
    ['bytes', xdr.opaque(9) as xdr.Codec<never>, new Uint8Array([1, 2, 3]), '0000000301020300'],
    [
      'a UUID',
      xdr.uuid as xdr.Codec<never>,
      '6695eb01-f6a4-8304-79aa-97f2502e193f',
      '6695eb01f6a4830479aa97f2502e193f',
    ],
    ['an array of char', xdr.charArray(3) as xdr.Codec<never>, 'x', '000000780000000000000000'],
  ])('writes and reads %s', (_, codec, value, hex) => {
    expect(written(codec, value as never).toString('hex')).toBe(hex)
    expect(codec.decode(new XdrReader(Buffer.from(hex, 'hex')))).toEqual(value)
  })

  it('writes and reads every type of typed parameter', () => {
    expect(typedParameters.decode(new XdrReader(written(typedParameters, params)))).toEqual(params)
  })

  it('keeps the order of fields, and takes flags that are left out as 0', () => {
    const codec = xdr.struct({ b: xdr.int, a: xdr.flags })
    expect(written(codec, { a: undefined, b: 1 }).toString('hex')).toBe('0000000100000000')
  })

  test.each<readonly [string, () => unknown]>([
    ['an int out of range', () => written(xdr.int, 2 ** 31)],
    ['a fraction', () => written(xdr.uint, 0.5)],
    ['a negative uint', () => written(xdr.uint, -1)],
    ['a hyper out of range', () => written(xdr.hyper, 2n ** 63n)],
    ['a negative unsigned hyper', () => written(xdr.uhyper, -1n)],
    ['text with NUL', () => written(xdr.text, 'a\0b')],
    ['text above the limit', () => written(xdr.text, 'x'.repeat(4 * 1024 * 1024 + 1))],
    ['what is not a UUID', () => written(xdr.uuid, 'domain')],
    ['a list above the limit', () => written(xdr.list(xdr.int, 1), [1, 2])],
    ['bytes above the limit', () => written(xdr.opaque(1), new Uint8Array(2))],
    ['an array of char that is full', () => written(xdr.charArray(2), 'xx')],
  ])('does not write %s', (_, write) => expect(write).toThrow(XdrError))

  test.each<readonly [string, xdr.Codec<unknown>, string]>([
    ['text longer than what is there', xdr.text, '0000000561620000'],
    ['text longer than the limit', xdr.text, 'ffffffff'],
    ['a list of more elements than bytes', xdr.list(xdr.uuid), '000000021111111111111111111111111111111111'],
    ['a list above the limit', xdr.list(xdr.int, 1), '000000020000000100000001'],
    ['a pointer that is neither 0 nor 1', xdr.optional(xdr.int), '0000000200000001'],
    ['a number cut short', xdr.hyper, '00000001'],
    ['a typed parameter of an unknown type', typedParameters, '0000000100000001610000000000000900000000'],
    ['nothing at all', xdr.uuid, ''],
  ])('does not read %s', (_, codec, hex) => {
    expect(() => codec.decode(new XdrReader(Buffer.from(hex, 'hex')))).toThrow(XdrError)
  })

  it('believes no count that cannot be, before it reads the first element', () => {
    const announced = Buffer.from('00003fff', 'hex')
    expect(() => xdr.list(xdr.uuid).decode(new XdrReader(announced))).toThrow(
      '16383 elements announced, 0 bytes left',
    )
  })

  it('pads with zeros whatever was in the memory before', () => {
    const dirty = vi.spyOn(Buffer, 'allocUnsafe').mockImplementation((size) => Buffer.alloc(size, 0xff))
    expect(written(xdr.text, 'a').toString('hex')).toBe('0000000161000000')
    expect(written(xdr.opaque(9), new Uint8Array([1])).toString('hex')).toBe('0000000101000000')
    dirty.mockRestore()
  })

  it('names the field that is wrong', () => {
    const codec = xdr.struct({ name: xdr.text, uuid: xdr.uuid })
    expect(() => written(codec, { name: 'x', uuid: 'y' })).toThrow('uuid: not a UUID: "y"')
    expect(() => codec.decode(new XdrReader(Buffer.alloc(8)))).toThrow('uuid: 16 bytes needed, 4 left')
  })
})

function written<T>(codec: xdr.Codec<T>, value: T): Buffer {
  const writer = new XdrWriter(0, 4)
  codec.encode(writer, value)
  return writer.finish()
}
