import { describe, expect, it } from 'vitest'
import { MiB } from '../lib/units.ts'
import type { LayerRow } from './inventory.ts'
import { planRetention, type RetentionOptions } from './retention.ts'

const dayMs = 86_400_000
const nowMs = 100 * dayMs

/** `web clean 30d current`: guest, layer, age in days, state. */
function row(text: string, overrides: Partial<LayerRow> = {}): LayerRow {
  const [guest = '', layer = '', age = '', state = ''] = text.split(' ')
  return {
    guest,
    host: 'fake',
    snapshot: layer === 'clean' ? layer : `shop.${age}.${layer}`,
    project: 'shop',
    layer: layer as LayerRow['layer'],
    revision: age,
    createdAtMs: nowMs - Number.parseInt(age) * dayMs,
    sizeBytes: 100 * MiB,
    memory: true,
    isNow: false,
    carries: [],
    under: [],
    state: state as LayerRow['state'],
    because: `It is ${state}.`,
    ...overrides,
  }
}

const rows = [
  row('web clean 30d current'),
  row('web dependencies 29d outdated'),
  row('web init 28d outdated'),
  row('web dependencies 20d current'),
  row('web init 3d current'),
  row('db clean 10d current'),
  row('db init 9d unknown'),
  row('db init 8d unfinished'),
  row('db init 7d foreign'),
]

const plan = (options: Partial<RetentionOptions>, given: readonly LayerRow[] = rows) =>
  planRetention(given, {
    nowMs,
    all: false,
    olderThanMs: undefined,
    keep: undefined,
    maxBytes: undefined,
    layers: [],
    busy: new Set(),
    ...options,
  })
const removed = (options: Partial<RetentionOptions>, given?: readonly LayerRow[]): readonly string[] =>
  plan(options, given).remove.map(({ row: { guest, snapshot } }) => `${guest} ${snapshot}`)

describe('planRetention', () => {
  it.each<[string, Partial<RetentionOptions>, readonly string[]]>([
    ['nothing', {}, ['web shop.28d.init', 'web shop.29d.dependencies']],
    [
      'older than 14 days',
      { olderThanMs: 14 * dayMs },
      ['web shop.20d.dependencies', 'web shop.28d.init', 'web shop.29d.dependencies'],
    ],
    ['older than 60 days', { olderThanMs: 60 * dayMs }, []],
    [
      'all but one',
      { keep: 1 },
      ['web shop.20d.dependencies', 'web shop.28d.init', 'web shop.29d.dependencies'],
    ],
    [
      'all but none',
      { keep: 0 },
      [
        'web shop.3d.init',
        'db shop.9d.init',
        'web shop.20d.dependencies',
        'web shop.28d.init',
        'web shop.29d.dependencies',
      ],
    ],
    ['at most 650 MiB', { maxBytes: 650 * MiB }, ['web shop.28d.init', 'web shop.29d.dependencies']],
    ['at most 900 MiB', { maxBytes: 900 * MiB }, []],
    [
      'two limits',
      { olderThanMs: 28.5 * dayMs, maxBytes: 650 * MiB },
      ['web shop.28d.init', 'web shop.29d.dependencies'],
    ],
    ['outdated ones of one layer', { layers: ['init'] }, ['web shop.28d.init']],
    ['all of one layer', { all: true, layers: ['clean'] }, ['db clean', 'web clean']],
    [
      'all',
      { all: true },
      [
        'web shop.3d.init',
        'db shop.8d.init',
        'db shop.9d.init',
        'db clean',
        'web shop.20d.dependencies',
        'web shop.28d.init',
        'web shop.29d.dependencies',
        'web clean',
      ],
    ],
    [
      'all while a run is under way on `web`',
      { all: true, busy: new Set(['web']) },
      ['db shop.8d.init', 'db shop.9d.init', 'db clean'],
    ],
  ])('G8: asked for %s', (_, options, wanted) => {
    expect(removed(options)).toEqual(wanted)
  })

  it.each<[string, Partial<RetentionOptions>]>([
    ['nothing', {}],
    ['all', { all: true }],
    ['limits', { keep: 0, maxBytes: 0, olderThanMs: 0 }],
  ])('G2: asked for %s, layers of other projects stay', (_, options) => {
    expect(plan(options).keep.map(({ row: { state } }) => state)).toContain('foreign')
  })

  it('G8: judges every layer once, and says why it stays', () => {
    const { remove, keep, freedBytes } = plan({ olderThanMs: 14 * dayMs })
    expect([...remove, ...keep].length).toBe(rows.length)
    expect(freedBytes).toBe(300 * MiB)
    expect(keep.map(({ row: { guest, snapshot }, because }) => `${guest} ${snapshot}: ${because}`)).toEqual([
      'web clean: The other layers are made on it. Only --all removes it.',
      'web shop.3d.init: It is within the limits.',
      'db clean: The other layers are made on it. Only --all removes it.',
      'db shop.9d.init: It is within the limits.',
      'db shop.8d.init: It is unfinished. Only --all removes it.',
      'db shop.7d.init: It is foreign.',
    ])
  })

  it('G8: what lies under a snapshot that stays stays, what goes is removed from the top', () => {
    const web = rows.filter(({ guest }) => guest === 'web')
    const stacked = web.map((each, index) => ({
      ...each,
      under: web.slice(index + 1).map(({ snapshot }) => snapshot),
    }))
    expect(removed({ olderThanMs: 14 * dayMs }, stacked)).toEqual([])
    expect(plan({ keep: 0 }, stacked).remove.map(({ row: { createdAtMs } }) => createdAtMs)).toEqual(
      [3, 20, 28, 29].map((age) => nowMs - age * dayMs),
    )
    expect(plan({}, stacked).keep[1]?.because).toBe(
      'Its files lie under those of shop.20d.dependencies, which stays.',
    )
  })

  it('G8: what has no known size is not removed for its size', () => {
    const unknown = rows.map((each) => ({ ...each, sizeBytes: undefined }))
    expect(removed({ maxBytes: 0 }, unknown)).toEqual([])
    expect(plan({ all: true }, unknown).freedBytes).toBe(0)
  })
})
