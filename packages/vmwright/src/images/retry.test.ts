import { expect, it } from 'vitest'
import { ProvisionError } from '../lib/errors.ts'
import { retrying } from './retry.ts'
import { codeOf, quickSeam, quietProgress } from './testing/setup.ts'

it.each([
  ['asks four times when each try fails at once', 10, 4],
  ['asks once when the first try lasts as long as a network takes to give up', 30_000, 1],
])('T12: with the publisher out of reach it %s', async (_case, tryMs, want) => {
  const seam = quickSeam()
  let tries = 0
  const attempt = async (): Promise<never> => {
    tries++
    seam.clock.nowMs += tryMs
    throw new ProvisionError('image.unreachable', { message: 'No.', retryable: true })
  }
  expect(await codeOf(retrying(quietProgress(seam), 'asking', attempt))).toBe('image.unreachable')
  expect(tries).toBe(want)
})
