import { expect, it } from 'vitest'
import type { StoredRun } from '../../results/read.ts'
import { guest, runOf, sampleRun } from '../../results/testing/sample-run.ts'
import { renderRunList } from './run-list.ts'

const stored = (id: string, content: StoredRun['content']): StoredRun => ({ id, folder: `/r/${id}`, content })

it('G10: lists runs with their outcome and who failed', () => {
  const many = ['a', 'b', 'c', 'd', 'e'].map((name) => guest(name, { outcome: 'failed' }))
  const runs = [
    stored('20261121T101500Z-4711', { kind: 'run', run: sampleRun }),
    stored('20261121T091500Z-12', {
      kind: 'run',
      run: runOf([guest('web')], { outcome: 'passed', durationMs: 900 }),
    }),
    stored('20261121T081500Z-9', { kind: 'run', run: runOf(many) }),
    stored('20261121T071500Z-8', { kind: 'unreadable', because: 'it has no results.json' }),
  ]
  expect(renderRunList(runs, ['/r'])).toMatchInlineSnapshot(`
    "RUN                    STARTED (UTC)        OUTCOME     TIME   GUESTS
    20261121T101500Z-4711  2026-11-21 10:15:00  failed      4m11s  4, failed: debian-12-arm64
    20261121T091500Z-12    2026-11-21 10:15:00  passed      900ms  1
    20261121T081500Z-9     2026-11-21 10:15:00  failed      4m11s  5, failed: a, b, c and 2 more
    20261121T071500Z-8     -                    unreadable  -      it has no results.json
    "
  `)
  expect(renderRunList([], ['/r', '/s'])).toBe('No runs in /r, /s.\n')
})
