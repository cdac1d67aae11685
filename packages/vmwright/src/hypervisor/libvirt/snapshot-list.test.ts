import { expect, it } from 'vitest'
import { overlaysOver, sizesOf } from './snapshot-list.ts'
import { leftOverXml, parseSnapshot, snapshotXml } from './snapshot-xml.ts'

it('G8: the memory of a snapshot is what all disks hold of it', () => {
  const disk = (...snapshots: readonly (readonly [string, number])[]): string =>
    JSON.stringify({ snapshots: snapshots.map(([name, bytes]) => ({ name, 'vm-state-size': bytes })) })
  const output = `${disk(['init', 5], ['clean', 0])}\u001e${disk(['init', 2])}\u001e{"format":"qcow2"}\u001e`
  expect(Object.fromEntries(sizesOf(output))).toEqual({ init: 7, clean: 0 })
})

it.each<[string, readonly ('external' | 'internal')[], readonly (readonly string[])[]]>([
  ['internal ones', ['internal', 'internal', 'internal'], [[], [], []]],
  ['external ones', ['external', 'external', 'external'], [['1', '2'], ['2'], []]],
  ['internal ones in an overlay', ['external', 'internal', 'internal'], [['1', '2'], [], []]],
  ['an external one over internal ones', ['internal', 'internal', 'external'], [['2'], ['2'], []]],
  ['an overlay between', ['internal', 'external', 'internal'], [['1', '2'], ['2'], []]],
])('G2: what lies over what of %s', (_, kinds, over) => {
  const chain = kinds.map((kind, index) => ({
    name: `${index}`,
    parent: index === 0 ? undefined : `${index - 1}`,
    overlays: kind === 'external' ? [{ device: 'vda', path: '/x' }] : [],
  }))
  expect(chain.map(({ name }) => overlaysOver(chain, name))).toEqual(over)
})

it.each([
  ['', ''],
  ['', '{"layer":"init"}'],
  ['of\nlines', 'of\nlines too'],
  ['<&"', '<&\'" \u0000 \u0007 \r \ufffe \uffff 😀'],
  ['vmwright-note:"of the description"', 'vmwright-note:'],
])('G8: a note is read as it was written, and the description beside it: %j %j', (description, note) => {
  const xml = snapshotXml({ name: 'init', description, memory: true, note }, undefined)
  expect(parseSnapshot(xml)).toMatchObject({ name: 'init', description, note, memory: true })
})

it('G8: a snapshot without a note has none, whatever its description says', () => {
  const parse = (description: string) => parseSnapshot(snapshotXml({ name: 'x', description }, undefined))
  expect(parse('made by hand')).toMatchObject({ note: undefined, memory: false })
  expect(parse('vmwright-note:{not json').note).toBeUndefined()
  expect(parse('vmwright-note:{"not":"a text"}').note).toBeUndefined()
})

it('C17: what is left over is told to libvirt as a snapshot of the machine', () => {
  const xml = leftOverXml('clean', '<domain><name>web-1</name></domain>')
  expect(parseSnapshot(xml)).toMatchObject({ name: 'clean', memory: false, note: undefined })
  expect(xml).toContain('<name>web-1</name>')
})
