import { describe, expect, it, test } from 'vitest'
import { renderComparison } from '../cli/output/benchmark-text.ts'
import { compareSets, compareValues, spreadOf } from './compare.ts'
import type { StoredRun, StoredSet } from './read.ts'

const run = (seconds: number, stages: Readonly<Record<string, number>>, task_count = 7): StoredRun => ({
  directory: 'run',
  summary: {
    total_wall_seconds: seconds,
    stage_totals_seconds: stages,
    task_count,
    top_20_slowest_tasks: [],
  },
  times: undefined,
  records: [],
  hasAllRecords: true,
})

const set = (directory: string, runs: readonly StoredRun[]): StoredSet => ({ directory, runs, leftOut: [] })

describe('C21: noise is not read as progress', () => {
  test.each<[string, readonly number[], readonly number[], string]>([
    ['one run each', [10], [5], 'unknown'],
    ['one run on a side', [10, 10.1, 10.2, 10.1, 10.3], [5], 'unknown'],
    ['two runs each, apart', [10, 11], [5, 6], 'perhaps-faster'],
    ['three runs each, apart', [10, 11, 10.5], [12, 13, 12.5], 'perhaps-slower'],
    ['three runs each, overlapping', [10, 11, 12], [11.5, 13, 14], 'noise'],
    ['four runs each, apart', [10, 11, 10.5, 10.2], [5, 6, 5.5, 5.9], 'faster'],
    ['four runs each, apart by little', [10, 10.1, 10.2, 10.3], [10.4, 10.5, 10.6, 10.7], 'slower'],
    ['four runs each, one of which overlaps', [10, 11, 12, 13.5], [13, 14, 15, 16], 'noise'],
    ['the same', [10, 10, 10, 10], [10, 10, 10, 10], 'noise'],
    ['nothing and nothing', [0, 0], [0, 0], 'noise'],
  ])('%s', (_what, a, b, verdict) => expect(compareValues(a, b).verdict).toBe(verdict))
})

test.each([
  [[3, 1, 2], { median: 2, least: 1, most: 3 }],
  [[4, 1, 2, 3], { median: 2.5, least: 1, most: 4 }],
  [[7], { median: 7, least: 7, most: 7 }],
])('the spread of %j', (values, want) => expect(spreadOf(values)).toEqual(want))

test.each([
  [[10], [12], 1.2],
  [[0], [3], undefined],
])('the ratio of %j and %j is %s', (a, b, want) => expect(compareValues(a, b).ratio).toBe(want))

describe('a comparison', () => {
  const before = set('logs/benchmark/before', [
    run(20, { provision: 4, runtime: 30 }),
    run(21, { provision: 4.5, runtime: 31 }),
    run(19.5, { provision: 4.2, runtime: 29 }),
    run(20.5, { provision: 4.1, runtime: 30.5 }),
  ])
  const after = set('logs/benchmark/after', [
    run(15, { provision: 4.3, runtime: 22, cleanup: 0.25 }),
    run(15.5, { provision: 4, runtime: 23, cleanup: 0.25 }),
    run(14.75, { provision: 4.25, runtime: 22.5, cleanup: 0.25 }),
    run(16, { provision: 4.4, runtime: 21, cleanup: 0.25 }),
  ])

  it('C21: shows the ratio in all and for each stage, and what is outside the noise', async () => {
    await expect(renderComparison(compareSets(before, after))).toMatchFileSnapshot(
      'golden/compare.golden.txt',
    )
  })

  it('C21: of single runs says that their noise is not known', async () => {
    const [a, b] = [before, after].map((each) => ({ ...each, runs: each.runs.slice(0, 1) }))
    if (a === undefined || b === undefined) throw new Error('there are two')
    await expect(renderComparison(compareSets(a, b))).toMatchFileSnapshot('golden/compare-single.golden.txt')
  })

  it('says when it is not the same work, and what is left out', () => {
    const other = set('other', [run(30, { runtime: 1 }, 9), run(31, { runtime: 1 }, 9)])
    const leftOut = [{ directory: 'other/run-3', because: 'the run ended as failed' }]
    expect(compareSets(before, { ...other, leftOut }).cautions).toEqual([
      'other/run-3 is left out: the run ended as failed.',
      'A has 7 steps and B has 9: this is not the same work.',
      'With 4 and 2 runs no difference can be told from noise for sure: 4 on both sides can.',
    ])
  })
})
