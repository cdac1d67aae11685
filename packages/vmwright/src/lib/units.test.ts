import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatAge, formatBytes, formatDuration, GiB, KiB, MiB, parseSize } from './units.ts'

describe('sizes', () => {
  it.each([
    ['16GiB', 16 * GiB],
    ['16G', 16 * GiB],
    [' 512 M ', 512 * MiB],
    ['1.5G', 1.5 * GiB],
    ['4KiB', 4 * KiB],
    ['2TiB', 2048 * GiB],
    ['1GB', 1_000_000_000],
    ['0B', 0],
    ['16', undefined],
    ['', undefined],
    ['G', undefined],
    ['-1G', undefined],
    ['1e9B', undefined],
    ['1gib', undefined],
    ['12X', undefined],
    ['1 G B', undefined],
    ['99999999999TiB', undefined],
    ['1constructor', undefined],
  ])('parses %j', (text, bytes) => {
    expect(parseSize(text)).toBe(bytes)
  })

  it.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [1024, '1 KiB'],
    [1.5 * MiB, '1.5 MiB'],
    [10 * GiB, '10 GiB'],
    [3 * 1024 * GiB, '3 TiB'],
    [MiB - 1, '1 MiB'],
    [GiB - 1, '1 GiB'],
  ])('shows %d bytes as %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text)
  })

  it('shows every size in at most four digits before the point and one behind it, and can read it again', () => {
    fc.assert(
      fc.property(fc.nat({ max: 1000 * 1024 * GiB }), (bytes) => {
        const text = formatBytes(bytes)
        expect(text).toMatch(/^\d{1,4}(\.\d)? (B|KiB|MiB|GiB|TiB)$/)
        expect(Math.abs((parseSize(text) ?? Number.NaN) - bytes)).toBeLessThanOrEqual(bytes * 0.06)
      }),
    )
  })
})

describe('durations', () => {
  it.each([
    [0, '0ms'],
    [85.4, '85ms'],
    [999.6, '1s'],
    [4_200, '4.2s'],
    [59_940, '59.9s'],
    [59_960, '1m00s'],
    [93_000, '1m33s'],
    [3_600_000, '60m00s'],
  ])('shows %d ms as %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text)
  })

  it.each([
    [0, '0s'],
    [40_999, '40s'],
    [60_000, '1m'],
    [7_199_999, '1h'],
    [1_209_600_000, '14d'],
  ])('shows an age of %d ms as %s', (ms, text) => {
    expect(formatAge(ms)).toBe(text)
  })
})
