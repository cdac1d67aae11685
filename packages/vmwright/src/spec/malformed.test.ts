import { expect, it } from 'vitest'
import type { Problem } from './problem.ts'
import { load } from './testing/load.ts'
import { type Mutated, mutate } from './testing/malformed.ts'
import { sound } from './testing/sound-spec.ts'

const count = 2000

it(`X1: ${count} malformed specs are told with file, line and column, without a crash and in time`, async () => {
  const unplaced: string[] = []
  const misplaced: string[] = []
  let placed = 0
  // Processor time: the clock would measure what else the machine does.
  let slowestMs = 0
  for (let seed = 1; seed <= count; seed++) {
    const mutated = mutate(seed)
    const started = process.cpuUsage()
    const { spec, problems } = await load(mutated.bytes)
    const used = process.cpuUsage(started)
    slowestMs = Math.max(slowestMs, (used.user + used.system) / 1000)
    const label = `seed ${seed} (${mutated.kind})`
    const refused = problems.some(({ severity }) => severity === 'error')
    if (refused === (spec !== undefined) || !problems.every(hasPlace)) unplaced.push(label)
    if (mutated.place === undefined) continue
    placed++
    if (!problems.some((problem) => isInside(problem, mutated.place))) {
      misplaced.push(`${label}: ${JSON.stringify(mutated.place)} ${JSON.stringify(problems[0])}`)
    }
  }
  expect(placed).toBeGreaterThan(count / 4)
  expect(unplaced).toEqual([])
  expect(misplaced).toEqual([])
  expect(slowestMs).toBeLessThan(1000)
}, 120_000)

it('the spec that is mutated is a sound one', async () => {
  const { problems } = await load(sound)
  expect(problems.filter(({ severity }) => severity === 'error')).toEqual([])
})

const hasPlace = ({ file, line, column }: Problem): boolean =>
  file === 'vmwright.yaml' && Number.isInteger(line) && line >= 1 && Number.isInteger(column) && column >= 1

/** The column points into the token: its first character, or any other of it. */
const isInside = (
  { line, column }: { readonly line: number; readonly column: number },
  place: Mutated['place'],
): boolean =>
  place !== undefined &&
  line === place.line &&
  column >= place.column &&
  column <= place.column + Math.max(place.length, 1)
