import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { parse } from 'yaml'
import { toYaml } from './yaml11.ts'

const readBack = (text: string): unknown => parse(text, { version: '1.1' })

it.each([
  ['on'],
  ['y'],
  ['0644'],
  ['12:30'],
  ['52:54:00:12:34:56'],
  ['2001-01-01'],
  ['='],
  ['<<'],
  ['~'],
  ['1_000'],
  [' leading'],
  ['#cloud-config'],
  ['a: b'],
  ['- a'],
  ['tab\tand\r\nwindows\r\n'],
  ['no line end'],
  ['two\n\n'],
  ['\u0000\u0007\u007f'],
  ['next\u0085line\u2028and\u2029paragraph'],
  ['\ufeffmark'],
  ['half \ud800 pair'],
  ['whole 😀 pair'],
])('the text %j stays text', (text) => {
  expect(readBack(toYaml({ key: text, list: ['x', text] }))).toEqual({ key: text, list: ['x', text] })
})

it('a plain `=` is quoted, which YAML 1.1 readers take for a type of its own', () => {
  expect(toYaml({ a: '=' })).toBe('a: "="\n')
})

it('any text is read back as it was, and only printable characters are written', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const yaml = toYaml({ text })
      expect(readBack(yaml)).toEqual({ text })
      // oxlint-disable-next-line no-control-regex
      expect(yaml).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029\ufeff]/)
    }),
  )
})
