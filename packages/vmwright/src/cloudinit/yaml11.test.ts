import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { parse } from 'yaml'
import { toYaml } from './yaml11.ts'

// oxlint-disable-next-line no-control-regex
const unprintable = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029\ufeff]/

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
])('the text %j stays text, written in printable characters', (text) => {
  const yaml = toYaml({ key: text, list: ['x', text] })
  expect(readBack(yaml)).toEqual({ key: text, list: ['x', text] })
  expect(yaml).not.toMatch(unprintable)
})

it('what PyYAML would take for something else, or not at all, is quoted', () => {
  expect(toYaml({ a: '=', '<<': 'x\ty' })).toBe('a: "="\n"<<": "x\\ty"\n')
})

it('any text is read back as it was, and only printable characters are written', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const yaml = toYaml({ text })
      expect(readBack(yaml)).toEqual({ text })
      expect(yaml).not.toMatch(unprintable)
    }),
  )
})
