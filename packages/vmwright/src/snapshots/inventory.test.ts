import { describe, expect, it } from 'vitest'
import { lifecycleActions } from '../spec/resolved-lifecycle.ts'
import { decide } from './decide.ts'
import { layerRows } from './inventory.ts'
import { layerKeys } from './keys.ts'
import { layerInputs, observedSnapshot, phaseInputs } from './testing/values.ts'

const keys = layerKeys(layerInputs())
const layersOf = (project: string, value: string) =>
  decide({
    project,
    revision: value === 'auto' ? { kind: 'auto' } : { kind: 'fixed', value },
    allowed: lifecycleActions,
    keys,
    phases: ['dependencies', 'init', 'main'],
    observed: [],
    memory: true,
  }).create.map(({ snapshot, note }, index) =>
    observedSnapshot(snapshot, note, { createdAtMs: index, memory: true, parent: note.on }),
  )

const request = {
  guest: 'web',
  host: 'fake',
  project: 'shop',
  revision: { kind: 'auto' },
  observed: layersOf('shop', 'auto'),
  keys,
} as const

const outline = (overrides: Partial<Parameters<typeof layerRows>[0]> = {}) =>
  layerRows({ ...request, ...overrides }).map(({ layer, state, because }) => `${layer} ${state}: ${because}`)

describe('layerRows', () => {
  it('G8: tells of each layer what it is and what was made on it, oldest first', () => {
    expect(layerRows({ ...request, observed: request.observed.toReversed() })).toMatchObject([
      {
        snapshot: 'clean',
        layer: 'clean',
        memory: true,
        carries: [request.observed[1]?.name],
        state: 'current',
      },
      { layer: 'dependencies', carries: [request.observed[2]?.name], state: 'current' },
      { layer: 'init', project: 'shop', revision: `auto-${keys.init.key.slice(0, 12)}`, carries: [] },
    ])
  })

  it('G8: tells what a layer is outdated by', () => {
    const changed = layerKeys(
      layerInputs({ phases: { ...layerInputs().phases, init: phaseInputs({ 'init.yaml': 'i2' }) } }),
    )
    expect(outline({ keys: changed }).map((line) => line.replace(/auto-\w+/, 'auto'))).toEqual([
      expect.stringContaining('clean current'),
      expect.stringContaining('dependencies current'),
      'init outdated: Since the snapshot shop.auto.init was made the file init.yaml changed.',
    ])
  })

  it('G2: layers of another revision of hand are outdated, those of the same are current whatever changed', () => {
    const other = layerKeys(layerInputs({ variables: {} }))
    const states = (value: string) =>
      layerRows({
        ...request,
        observed: layersOf('shop', '7'),
        keys: other,
        revision: { kind: 'fixed', value },
      }).map(({ state }) => state)
    expect(states('7')).toEqual(['current', 'current', 'current'])
    expect(states('8')).toEqual(['current', 'outdated', 'outdated'])
  })

  it('G2: those of other projects are foreign', () => {
    expect(outline({ observed: layersOf('other', '7').slice(2) })).toEqual([
      'init foreign: It belongs to the project other.',
    ])
  })

  it('G8: what the present spec asks for may be unknown', () => {
    expect(outline({ keys: 'The phase file cannot be read.' })).toContain(
      'init unknown: The phase file cannot be read.',
    )
  })

  it('G8: a name without a note is an unfinished layer only where it cannot be anything else', () => {
    const names = [
      'clean',
      'snapshot-a',
      'shop.7.init',
      'shop.init',
      'shop.7.backup',
      'other.7.init',
      'shop.1.2.clean',
    ]
    const rows = layerRows({ ...request, observed: names.map((name) => observedSnapshot(name, undefined)) })
    expect(rows.map(({ snapshot, layer, state }) => `${snapshot} ${layer} ${state}`)).toEqual([
      'shop.7.init init unfinished',
      'shop.1.2.clean clean unfinished',
    ])
  })
})
