import { describe, expect, it } from 'vitest'
import type { Cache } from '../../engine/cache/guest-layers.ts'
import type { PruneResult } from '../../engine/cache/prune.ts'
import { MiB } from '../../lib/units.ts'
import type { LayerRow } from '../../snapshots/inventory.ts'
import { renderCache } from '../commands/cache-list.ts'
import { renderPrune } from '../commands/cache-prune.ts'

const hourMs = 3_600_000
const row = (overrides: Partial<LayerRow>): LayerRow => ({
  guest: 'web',
  host: 'rack1',
  snapshot: 'clean',
  project: 'shop',
  layer: 'clean',
  revision: '7',
  createdAtMs: 0,
  sizeBytes: 210 * MiB,
  memory: true,
  isNow: false,
  carries: ['shop.7.init'],
  under: [],
  state: 'current',
  because: 'The snapshot clean is there and its inputs are unchanged.',
  ...overrides,
})
const clean = row({})
const init = row({
  snapshot: 'shop.7.init',
  layer: 'init',
  createdAtMs: 48 * hourMs,
  sizeBytes: undefined,
  memory: false,
  isNow: true,
  carries: [],
  state: 'outdated',
  because: 'No snapshot has the revision 8; the newest of this layer is shop.7.init.',
})

const cacheOf = (...layers: readonly LayerRow[]): Cache => ({
  guests: [{ guest: 'web', host: 'rack1', state: 'there', busy: false, layers }],
  unreachable: new Map(),
})

describe('renderCache', () => {
  it('G8: shows layers with what they take, what was made on them and whether they hold', () => {
    expect(renderCache(cacheOf(clean, init), 50 * hourMs)).toBe(
      `GUEST  LAYER  SNAPSHOT       AGE  SIZE     MEMORY  CARRIES  STATE
web    clean  clean          2d   210 MiB  yes     1        current
web    init   shop.7.init *  2h   ?        no      -        outdated: No snapshot has the revision 8; the newest of this layer is shop.7.init.

2 layers, 210 MiB and what 1 of them takes inside of disks. * is what the guest was last restored from or kept as.
`,
    )
  })

  it.each([
    ['no guest has any', cacheOf(), 'Nothing is kept of these guests.\n'],
    ['all sizes are known', cacheOf(clean), /\n\n1 layer, 210 MiB\.\n$/],
    [
      'no size is known',
      cacheOf(init, init),
      /\n\n2 layers, 0 B and what all of them take inside of disks\./,
    ],
  ])('G8: says so when %s', (_, cache, text) => {
    expect(renderCache(cache, 50 * hourMs)).toMatch(text)
  })
})

const result = (overrides: Partial<PruneResult> = {}): PruneResult => ({
  plan: {
    remove: [{ row: init, because: init.because }],
    keep: [{ row: clean, because: 'The other layers are made on it. Only --all removes it.' }],
    freedBytes: 0,
  },
  failed: new Map(),
  unreachable: new Map(),
  ...overrides,
})

describe('renderPrune', () => {
  it('G8: tells what would go and what stays, each with why', () => {
    expect(renderPrune(result(), false)).toBe(
      `1 of 2 layers would be removed, 0 B freed.
- web shop.7.init: No snapshot has the revision 8; the newest of this layer is shop.7.init.
  web clean stays: The other layers are made on it. Only --all removes it.
`,
    )
  })

  it('G8: tells of what could not be removed, and does not count it', () => {
    const error = {
      code: 'host.connection-lost',
      message: 'rack1 is gone.',
      hint: '',
      details: {},
      retryable: true,
    } as const
    expect(renderPrune(result({ failed: new Map([[init, error]]) }), true)).toContain(
      '0 of 2 layers removed, 0 B freed.\n! web shop.7.init is still there: rack1 is gone.\n',
    )
  })

  it('G8: says so when there is nothing', () => {
    const nothing = result({ plan: { remove: [], keep: [], freedBytes: 0 } })
    expect(renderPrune(nothing, true)).toBe('Nothing is kept of these guests.\n')
  })
})
