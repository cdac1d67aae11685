import type { ActionRun } from '@vmwright/contract'
import { describe, expect, test } from 'vitest'
import { cacheOf, elapsedOf, failedActionOf } from './guest-facts.ts'
import { action, guest } from './testing/sample-run.ts'

describe('what is known of a guest (G10)', () => {
  test.each<[string, readonly ActionRun[], ReturnType<typeof cacheOf>]>([
    ['nothing was done', [], undefined],
    ['it was made anew', [action('create', 0, 1), action('create-init', 1, 1)], 'cold'],
    ['init was restored', [action('restore-init', 0, 1)], 'init'],
    ['dependencies were restored', [action('restore-dependencies', 0, 1)], 'dependencies'],
    ['the clean state was restored', [action('restore-clean', 0, 1)], 'clean'],
    ['it was at the layer already', [action('restore-init', 0, 0, { status: 'cached' })], 'init'],
    ['there was nothing to restore', [action('restore-init', 0, 0, { status: 'skipped' })], 'cold'],
    [
      'one layer could not be restored, but one below it',
      [action('restore-init', 0, 1, { status: 'failed' }), action('restore-clean', 1, 1)],
      'clean',
    ],
  ])('G10: says where it started from when %s', (_what, actions, want) =>
    expect(cacheOf(guest('web', { actions }))).toBe(want),
  )

  test.each<[string, readonly ActionRun[], string | undefined]>([
    ['nothing', [action('main', 0, 1)], undefined],
    [
      'the first of two failures',
      [action('main', 0, 1, { status: 'failed' }), action('terminate', 1, 1, { status: 'failed' })],
      'main',
    ],
    [
      'a failure before a cancellation',
      [action('main', 0, 1, { status: 'cancelled' }), action('shutdown', 1, 1, { status: 'failed' })],
      'shutdown',
    ],
    ['a cancellation', [action('init', 0, 1, { status: 'cancelled' })], 'init'],
  ])('G10: names %s as what went wrong', (_what, actions, want) =>
    expect(failedActionOf(guest('web', { actions }))?.action).toBe(want),
  )

  test.each<[readonly ActionRun[], number]>([
    [[], 0],
    [[action('queue', 5, 40), action('main', 45, 10)], 50_000],
    [[action('main', 0, 100), action('connect', 2, 3)], 100_000],
  ])('takes its time from the first to the last', (actions, want) =>
    expect(elapsedOf(guest('web', { actions }))).toBe(want),
  )
})
