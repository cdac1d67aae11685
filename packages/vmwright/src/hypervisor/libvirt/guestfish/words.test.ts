import { expect, it } from 'vitest'
import { parts, quoted } from './words.ts'

it.each([
  ['plain /path', '"plain /path"'],
  ['', '""'],
  ['a"b\\c', '"a\\x22b\\x5cc"'],
  ['two\nlines\t$HOME `id` #', '"two\\x0alines\\x09$HOME `id` #"'],
  ['é', '"\\xc3\\xa9"'],
  [Uint8Array.of(0x7f, 0xff), '"\\x7f\\xff"'],
])('T5: quotes %j so that guestfish reads the same bytes', (value, expected) => {
  expect(quoted(value)).toBe(expected)
})

it.each([
  ['', [0]],
  ['x'.repeat(1024), [1024]],
  ['é'.repeat(1000), [1024, 976]],
])('T5: cuts contents into parts that fit into a line', (content, sizes) => {
  const cut = parts(content)
  expect(cut.map((part) => part.length)).toEqual(sizes)
  expect(Buffer.concat(cut).toString()).toBe(content)
})
