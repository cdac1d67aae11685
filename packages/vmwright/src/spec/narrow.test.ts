import { expect, it, test } from 'vitest'
import { ProvisionError } from '../lib/errors.ts'
import { narrow } from './narrow.ts'
import { hintForUnknown, nearest } from './nearest.ts'
import { loadSound, withHead } from './testing/load.ts'

const spec = await loadSound(
  withHead('defaults: { image: debian-12 }\ninstances: { web: { count: 2 }, db: {} }\n'),
)

test.each([
  [[], ['web-1', 'web-2', 'db']],
  [['web'], ['web-1', 'web-2']],
  [
    ['db', 'web-2'],
    ['web-2', 'db'],
  ],
])('%j leaves %j', (names, left) => {
  expect(narrow(spec, names).instances.map(({ name }) => name)).toEqual(left)
})

it('refuses an unknown name with the nearest that exists', () => {
  expect(() => narrow(spec, ['wbe-1'])).toThrow(ProvisionError)
  expect(() => narrow(spec, ['wbe-1'])).toThrow(
    expect.objectContaining({
      code: 'spec.unknown-name',
      hint: 'Did you mean `web-1`? There are: web-1, web, web-2, db.',
    }),
  )
})

test.each([
  ['memroy', ['memory', 'machine'], 'memory'],
  ['Memory', ['memory'], 'memory'],
  ['hsot', ['host', 'hosts'], 'host'],
  ['zzz', ['memory'], undefined],
  ['', ['memory'], undefined],
])('the name nearest to %j in %j is %j', (name, candidates, want) => {
  expect(nearest(name, candidates)).toBe(want)
})

it('does not list more than a dozen', () => {
  expect(
    hintForUnknown(
      'x',
      Array.from({ length: 30 }, (_, index) => `name-${index}`),
    ),
  ).toContain('(30 in all)')
})
