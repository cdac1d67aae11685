import { rankTest, smallestProbability } from './rank-test.ts'
import type { StoredRun, StoredSet } from './read.ts'

/** Two sets of repetitions side by side. */
export interface Comparison {
  readonly a: SideFacts
  readonly b: SideFacts
  /** The wall clock first, then the stages, longest in A first. */
  readonly rows: readonly ComparisonRow[]
  /** What speaks against comparing these, or limits what can be said. */
  readonly cautions: readonly string[]
}

export interface SideFacts {
  readonly directory: string
  readonly repetitions: number
}

export interface ComparisonRow {
  readonly what: 'wall clock' | 'stage'
  /** Of the stage. */
  readonly stage: string | undefined
  readonly a: Spread
  readonly b: Spread
  /** Median of B to median of A; `undefined` where A has none. */
  readonly ratio: number | undefined
  /** Probability of a difference like this between runs that are alike; `undefined` with one run on a side. */
  readonly probability: number | undefined
  readonly verdict: Verdict
}

export interface Spread {
  readonly median: number
  readonly least: number
  readonly most: number
}

/**
 * `slower`, `faster`: B is, outside the noise. `perhaps-…`: no run of one side overlaps the other, but there are too
 * few runs to be sure. `noise`: no difference that the noise does not make. `unknown`: one run on a side, so its
 * noise is not known.
 */
export type Verdict = 'slower' | 'faster' | 'perhaps-slower' | 'perhaps-faster' | 'noise' | 'unknown'

/** Differences rarer than this among like runs are outside the noise. */
export const significance = 0.05

/** Pure. */
export function compareSets(a: StoredSet, b: StoredSet): Comparison {
  const wall = (run: StoredRun): number => run.summary.total_wall_seconds
  const ofStage = (stage: string) => (run: StoredRun) => run.summary.stage_totals_seconds[stage] ?? 0
  const stages = new Set(
    [...a.runs, ...b.runs].flatMap((run) => Object.keys(run.summary.stage_totals_seconds)),
  )
  const row = (stage: string | undefined): ComparisonRow => {
    const measure = stage === undefined ? wall : ofStage(stage)
    return {
      what: stage === undefined ? 'wall clock' : 'stage',
      stage,
      ...compareValues(a.runs.map(measure), b.runs.map(measure)),
    }
  }
  return {
    a: { directory: a.directory, repetitions: a.runs.length },
    b: { directory: b.directory, repetitions: b.runs.length },
    rows: [row(undefined), ...[...stages].map(row).toSorted((one, two) => two.a.median - one.a.median)],
    cautions: cautionsOf(a, b),
  }
}

/** Compares the seconds of the runs of two sides. */
export function compareValues(
  a: readonly number[],
  b: readonly number[],
): Pick<ComparisonRow, 'a' | 'b' | 'ratio' | 'probability' | 'verdict'> {
  const [one, two] = [spreadOf(a), spreadOf(b)]
  const isKnown = a.length > 1 && b.length > 1
  const probability = isKnown ? rankTest(a, b) : undefined
  const direction = two.median > one.median ? 'slower' : 'faster'
  return {
    a: one,
    b: two,
    ratio: one.median > 0 ? two.median / one.median : undefined,
    probability,
    verdict:
      probability === undefined
        ? 'unknown'
        : probability <= significance
          ? direction
          : smallestProbability(a.length, b.length) > significance && areApart(one, two)
            ? `perhaps-${direction}`
            : 'noise',
  }
}

const areApart = (a: Spread, b: Spread): boolean => a.most < b.least || b.most < a.least

export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (index: number): number => sorted[index] ?? Number.NaN
  const middle = (sorted.length - 1) / 2
  return {
    median: (at(Math.floor(middle)) + at(Math.ceil(middle))) / 2,
    least: at(0),
    most: at(sorted.length - 1),
  }
}

function cautionsOf(a: StoredSet, b: StoredSet): readonly string[] {
  const [stepsA, stepsB] = [a, b].map(({ runs }) => [...new Set(runs.map((run) => run.summary.task_count))])
  const sizes = [a.runs.length, b.runs.length] as const
  const cautions = [...a.leftOut, ...b.leftOut].map(
    ({ directory, because }) => `${directory} is left out: ${because}.`,
  )
  if (stepsA?.join() !== stepsB?.join())
    cautions.push(
      `A has ${stepsA?.join(' or ')} steps and B has ${stepsB?.join(' or ')}: this is not the same work.`,
    )
  if (sizes.includes(1))
    cautions.push(
      'One run alone tells nothing of its noise: measure with `--repeat 4` or more on both sides.',
    )
  else if (smallestProbability(...sizes) > significance)
    cautions.push(
      `With ${sizes[0]} and ${sizes[1]} runs no difference can be told from noise for sure: 4 on both sides can.`,
    )
  return cautions
}
