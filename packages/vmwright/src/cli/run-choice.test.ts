import { expect, it, test } from 'vitest'
import { instanceSpec, resolvedSpec } from '../testing/specs.ts'
import { asAsked, type RunChoice } from './run-choice.ts'

const instances = [
  instanceSpec('a', { matrix: { platform: 'debian', target: 'amd64' } }),
  instanceSpec('b', { matrix: { platform: 'debian', target: 'arm64' } }),
  instanceSpec('c'),
]
const spec = resolvedSpec(instances)

test.each<[string, RunChoice, readonly string[]]>([
  ['all', {}, ['a', 'b', 'c']],
  ['a platform', { platform: 'debian' }, ['a', 'b']],
  ['a target of it', { platform: 'debian', target: 'arm64' }, ['b']],
])('G7: the command line may choose %s', (_title, choice, wanted) => {
  expect(asAsked({ spec, instances }, choice).instances.map(({ name }) => name)).toEqual(wanted)
})

it('G7: what no guest is of is refused, with what there is', () => {
  expect(() => asAsked({ spec, instances }, { platform: 'arch' })).toThrow(
    expect.objectContaining({
      code: 'spec.unknown-name',
      hint: 'There are debian/amd64, debian/arm64.',
    }),
  )
})

test.each<[string, RunChoice, readonly string[]]>([
  ['in place of the spec', { allow: ['startup', 'main'] }, ['startup', 'main']],
  ['without some', { allow: ['startup', 'main'], skip: ['main'] }, ['startup']],
])('G6: actions are chosen %s, in the spec too', (_title, choice, wanted) => {
  const asked = asAsked({ spec, instances }, choice)
  expect(asked.instances[0]?.lifecycle.allowed).toEqual(wanted)
  expect(asked.spec.instances[0]?.lifecycle.allowed).toEqual(wanted)
})

test.each([
  ['auto', { kind: 'auto' }],
  ['7', { kind: 'fixed', value: '7' }],
])('G8: the revision %s is taken as it is meant', (revision, wanted) => {
  expect(asAsked({ spec, instances }, { revision }).instances[0]?.lifecycle.revision).toEqual(wanted)
})
