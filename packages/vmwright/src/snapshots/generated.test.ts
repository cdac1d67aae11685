import { describe, expect, it } from 'vitest'
import { createRandom } from '../lib/testing/random.ts'
import { guestModel } from './testing/guest-model.ts'

const cases = 300
const stepsOfEach = 10

/**
 * A model of a guest whose content is the list of what was done to it, runs by `decide`, and is edited, pruned,
 * interrupted and restricted at random. What a cold run would have is known, so that no hit can be stale unnoticed.
 */
describe('layers of guests', () => {
  it.each(Array.from({ length: cases }, (_, seed) => seed))(
    'G8: case %i restores nothing stale and repeats nothing needlessly',
    (seed) => {
      const guest = guestModel(createRandom(seed * 7919 + 1))
      for (let step = 0; step < stepsOfEach; step++) {
        guest.disturb()
        const [first, again] = [guest.run(), guest.runAgain()]
        const wrong = [...first.stale, ...again.stale, ...again.needless]
        expect(wrong.length === 0 ? [] : [...wrong, guest.history()]).toEqual([])
      }
    },
  )
})
