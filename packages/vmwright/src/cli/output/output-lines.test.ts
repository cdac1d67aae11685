import type { RunEvent } from '@vmwright/contract'
import { expect, it, test } from 'vitest'
import { linesOf, openOutputLines } from './output-lines.ts'

type OutputEvent = Extract<RunEvent, { kind: 'output' }>

const print = (instance: string, text: string): OutputEvent => ({
  atMs: 0,
  kind: 'output',
  instance,
  phase: 'main',
  stream: 'stdout',
  text,
})

it('G10: gives each guest a colour of its own and keeps it', () => {
  const lines = openOutputLines(true)
  lines.announce(['web', 'db'])
  const colorsOf = (instance: string) =>
    // oxlint-disable-next-line no-control-regex -- these are colours
    /^\u001b\[(\d+)m/.exec(lines.render(print(instance, 'x'))[0] ?? '')?.[1]
  expect(colorsOf('db')).not.toBe(colorsOf('web'))
  expect(colorsOf('web')).toBe(colorsOf('web'))
  for (let count = 0; count < 20; count++) expect(colorsOf(`vm-${count}`)).toMatch(/^\d+$/)
})

it('G10: colours no text of a guest, and lets none through', () => {
  const [line] = openOutputLines(true).render(print('web', '\u001b[41mred\u001b[2J'))
  expect(line).toMatch(/ red$/)
  expect(line).not.toContain('\u001b[41m')
})

test.each([
  ['a\nb\n', ['a', 'b']],
  ['a\r\n', ['a']],
  ['10%\r20%', ['10%', '20%']],
  ['', ['']],
  ['a\tb\u0000\u009bc', ['a\tb']],
])('takes %j apart', (text, want) => expect(linesOf(text)).toEqual(want))
