/**
 * How probable it is that two groups of measurements that are really alike differ at least as much as these do: the
 * two-sided test of Mann and Whitney, exact for any size, with mean ranks for equal values. 1 for empty groups.
 */
export function rankTest(a: readonly number[], b: readonly number[]): number {
  // Twice the rank is a whole number also for mean ranks.
  const ranks = doubledRanks([...a, ...b])
  const total = ranks.reduce((sum, rank) => sum + rank, 0)
  const observed = ranks.slice(0, a.length).reduce((sum, rank) => sum + rank, 0)
  const expected = (total * a.length) / ranks.length
  const ways = waysToSum(ranks, a.length)
  let all = 0
  let extreme = 0
  for (const [sum, count] of ways) {
    all += count
    if (Math.abs(sum - expected) >= Math.abs(observed - expected) - 1e-9) extreme += count
  }
  return all === 0 || ranks.length === 0 ? 1 : extreme / all
}

/** The smallest probability that groups of these sizes can show: none of one overlaps the other. */
export const smallestProbability = (a: number, b: number): number =>
  rankTest(
    Array.from({ length: a }, (_, index) => index),
    Array.from({ length: b }, (_, index) => a + index),
  )

function doubledRanks(values: readonly number[]): readonly number[] {
  return values.map((value) => {
    const below = values.filter((other) => other < value).length
    const equal = values.filter((other) => other === value).length
    return 2 * below + equal + 1
  })
}

/** In how many ways `count` of the ranks add up to each sum. */
function waysToSum(ranks: readonly number[], count: number): ReadonlyMap<number, number> {
  const bySize = Array.from({ length: count + 1 }, () => new Map<number, number>())
  bySize[0]?.set(0, 1)
  for (const rank of ranks) {
    for (let size = count; size >= 1; size--) {
      for (const [sum, ways] of bySize[size - 1] ?? [])
        bySize[size]?.set(sum + rank, (bySize[size]?.get(sum + rank) ?? 0) + ways)
    }
  }
  return bySize[count] ?? new Map()
}
