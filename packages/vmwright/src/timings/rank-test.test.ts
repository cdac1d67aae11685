import * as fc from 'fast-check'
import { expect, it, test } from 'vitest'
import { rankTest, smallestProbability } from './rank-test.ts'

/** Values from the tables of the exact test, two-sided. */
test.each([
  ['nothing at all', [], [], 1],
  ['one and one', [1], [2], 1],
  ['two and two, apart', [1, 2], [3, 4], 2 / 6],
  ['three and three, apart', [1, 2, 3], [4, 5, 6], 2 / 20],
  ['four and four, apart', [1, 2, 3, 4], [5, 6, 7, 8], 2 / 70],
  ['four and four, but for one exchange', [1, 2, 3, 5], [4, 6, 7, 8], 4 / 70],
  ['five and five, U = 2', [1, 2, 3, 4, 7], [5, 6, 8, 9, 10], 8 / 252],
  ['all the same', [1, 1, 1], [1, 1, 1], 1],
  ['ties across', [1, 2, 2], [2, 3, 3], 6 / 20],
])('the probability of %s', (_what, a, b, want) => expect(rankTest(a, b)).toBeCloseTo(want, 12))

it('does not depend on the order of runs, on which side is which, or on the unit', () => {
  const runs = fc.array(fc.integer({ min: 0, max: 20 }), { minLength: 1, maxLength: 7 })
  fc.assert(
    fc.property(runs, runs, (a, b) => {
      const probability = rankTest(a, b)
      expect(probability).toBeGreaterThan(0)
      expect(probability).toBeLessThanOrEqual(1)
      expect(rankTest(b.toReversed(), a)).toBeCloseTo(probability, 9)
      expect(
        rankTest(
          a.map((value) => value * 1000),
          b.map((value) => value * 1000),
        ),
      ).toBe(probability)
    }),
  )
})

it('counts all orders: the same as going through each of them', () => {
  const values = fc.array(fc.integer({ min: 0, max: 6 }), { minLength: 6, maxLength: 6 })
  fc.assert(
    fc.property(values, (all) => {
      expect(rankTest(all.slice(0, 3), all.slice(3))).toBeCloseTo(byHand(all), 9)
    }),
    { numRuns: 50 },
  )
})

/** All 20 ways to choose three of six. */
function byHand(all: readonly number[]): number {
  const rank = (value: number): number =>
    all.filter((other) => other < value).length + (all.filter((other) => other === value).length + 1) / 2
  const distance = (chosen: readonly number[]): number =>
    Math.abs(chosen.reduce((sum, index) => sum + rank(all[index] ?? 0), 0) - 10.5)
  const choices = all.flatMap((_a, i) =>
    all.flatMap((_b, j) => all.flatMap((_c, k) => (i < j && j < k ? [[i, j, k]] : []))),
  )
  const observed = distance([0, 1, 2])
  return choices.filter((choice) => distance(choice) >= observed - 1e-9).length / choices.length
}

test.each([
  [1, 5, 2 / 6],
  [3, 3, 0.1],
  [4, 4, 2 / 70],
])('groups of %d and %d can show no less', (a, b, want) =>
  expect(smallestProbability(a, b)).toBeCloseTo(want, 12),
)
