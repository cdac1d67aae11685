import { describe, expect, it } from 'vitest'
import { changedInputs } from './changes.ts'
import { layerKeys } from './keys.ts'
import type { LayerNote } from './layers.ts'
import { readNote, writeNote } from './note.ts'
import { layerInputs, phaseInputs } from './testing/values.ts'

const noteOf = (inputs: Readonly<Record<string, string>>): LayerNote => ({
  project: 'shop',
  layer: 'init',
  key: 'a'.repeat(64),
  revision: '7',
  inputs,
  on: 'clean',
})

const manyFiles = (count: number, change: Readonly<Record<string, string>> = {}) =>
  layerInputs({
    phases: {
      init: phaseInputs({
        ...Object.fromEntries(
          Array.from({ length: count }, (_, index) => [
            `roles/r${index % 20}/files/${index}.conf`,
            `${index}`,
          ]),
        ),
        ...change,
      }),
    },
  })

describe('notes of layers', () => {
  it('G8: are read as they were written', () => {
    const note = noteOf(layerKeys(layerInputs()).init.inputs)
    expect(readNote(writeNote(note))).toEqual(note)
    expect(readNote(writeNote({ ...note, on: undefined }))).toEqual({ ...note, on: undefined })
  })

  it.each([
    undefined,
    '',
    '{',
    'null',
    '[]',
    '{}',
    '{"vmwright":"layer"}',
    writeNote({ ...noteOf({}), key: 'short' }),
    writeNote(noteOf({})).replace('"layer":"init"', '"layer":"main"'),
    writeNote(noteOf({})).replace('"vmwright":"layer"', '"vmwright":"fork"'),
  ])('G8: %j is none', (text) => {
    expect(readNote(text)).toBeUndefined()
  })

  it.each([1, 500, 4_000])('G8: with %i files fits into 16 KiB and still tells what changed', (count) => {
    const noted = readNote(writeNote(noteOf(layerKeys(manyFiles(count)).init.inputs)))
    expect(writeNote(noteOf(layerKeys(manyFiles(count)).init.inputs)).length).toBeLessThan(16 * 1024)
    expect(changedInputs(noted?.inputs ?? {}, layerKeys(manyFiles(count)).init.inputs)).toEqual([])
    const changed = layerKeys(manyFiles(count, { 'roles/r0/files/0.conf': 'other' })).init.inputs
    expect(changedInputs(noted?.inputs ?? {}, changed)).toEqual([
      count === 1
        ? 'the file roles/r0/files/0.conf changed'
        : 'something in the folder roles/r0/files changed',
    ])
  })

  it('G8: with thousands of variables fits too', () => {
    const variables = Object.fromEntries(
      Array.from({ length: 3_000 }, (_, index) => [`name-${index}`, index]),
    )
    const { inputs } = layerKeys(layerInputs({ variables })).init
    expect(writeNote(noteOf(inputs)).length).toBeLessThan(16 * 1024)
    const changed = layerKeys(layerInputs({ variables: { ...variables, 'name-7': 'x' } })).init.inputs
    expect(changedInputs(readNote(writeNote(noteOf(inputs)))?.inputs ?? {}, changed)).toEqual([
      'a variable changed',
    ])
  })
})
