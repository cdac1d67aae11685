import { expect, it, test } from 'vitest'
import { parseChildTicks, parseTimes, renderTimes, startWatch } from './process-times.ts'

const times = { realSeconds: 12.5, userSeconds: 1.25, systemSeconds: 0.5, maxRssKb: 1024 }

it('C21: writes time.txt with the lines of older systems', () => {
  expect(renderTimes(times)).toBe(
    'real_seconds=12.500\nuser_seconds=1.250\nsys_seconds=0.500\nmax_rss_kb=1024\n',
  )
})

test.each([
  ['its own', renderTimes(times), times],
  [
    'of an older system',
    'real_seconds=84.02\nuser_seconds=31.90\nsys_seconds=7\n',
    { realSeconds: 84.02, userSeconds: 31.9, systemSeconds: 7, maxRssKb: undefined },
  ],
  ['without the system time', 'real_seconds=1\nuser_seconds=1\n', undefined],
  ['with no number', 'real_seconds=x\nuser_seconds=1\nsys_seconds=1\n', undefined],
  ['empty', '', undefined],
])('reads a time.txt: %s', (_what, text, want) => expect(parseTimes(text)).toEqual(want))

it('finds the time of children behind any name of the program', () => {
  const before = Array.from({ length: 13 }, (_, index) => index + 100).join(' ')
  expect(parseChildTicks(`4711 (a) b (c)) ${before} 250 31 20 0`)).toEqual({ user: 250, system: 31 })
})

it('measures by the clock it is given', () => {
  let nowMs = 1_000
  const read = startWatch(() => nowMs)
  nowMs = 3_500
  const { realSeconds, userSeconds, systemSeconds, maxRssKb } = read()
  expect(realSeconds).toBe(2.5)
  expect(userSeconds).toBeGreaterThanOrEqual(0)
  expect(systemSeconds).toBeGreaterThanOrEqual(0)
  expect(maxRssKb).toBeGreaterThan(10_000)
})
