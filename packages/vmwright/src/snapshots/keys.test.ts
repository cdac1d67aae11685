import { describe, expect, it } from 'vitest'
import { changedInputs } from './changes.ts'
import { layerKeys } from './keys.ts'
import { layerNames, type LayerInputs, type LayerName } from './layers.ts'
import { layerInputs, phaseInputs } from './testing/values.ts'

const base = layerInputs()
const without = (phase: 'dependencies' | 'init'): LayerInputs['phases'] => ({
  ...base.phases,
  [phase]: undefined,
})

describe('layerKeys', () => {
  const all: readonly LayerName[] = ['clean', 'dependencies', 'init']
  const phases: readonly LayerName[] = ['dependencies', 'init']

  it.each<[string, Partial<LayerInputs>, readonly LayerName[], string]>([
    ['the layout', { layout: 2 }, all, 'the layout of layers went from 1 to 2'],
    ['the image', { base: 'image:sha256:bb' }, all, 'the image or template changed'],
    [
      'the memory',
      { hardware: { ...base.hardware, memory: '2048 MiB' } },
      all,
      'memory went from 1024 MiB to 2048 MiB',
    ],
    ['a new disk', { hardware: { ...base.hardware, 'disk vdb': '1 MiB raw' } }, all, 'disk vdb came in'],
    ['the identity', { identity: 'identity-2' }, all, 'what the machine is told at its creation changed'],
    ['the connection', { connection: 'agent' }, phases, 'the connection went from ssh to agent'],
    ['the login', { login: 'root' }, phases, 'the user of the connection went from debian to root'],
    ['the platform', { platform: 'debian-12' }, phases, 'the platform came in'],
    ['the target', { target: 'arm64' }, phases, 'the target came in'],
    ['a variable', { variables: { suite: 'sid' } }, phases, 'the variable suite changed'],
    [
      'a variable that is null',
      { variables: { ...base.variables, x: null } },
      phases,
      'the variable x came in',
    ],
    ['the environment', { environment: { LANG: 'de' } }, phases, 'the environment variable LANG changed'],
    [
      'a secret reference',
      { secrets: { TOKEN: 'env:T2' } },
      phases,
      'the reference of the secret TOKEN changed',
    ],
    [
      'a file of dependencies',
      { phases: { ...base.phases, dependencies: phaseInputs({ 'dependencies.yaml': 'd2' }) } },
      phases,
      'the file dependencies.yaml changed',
    ],
    ['no dependencies', { phases: without('dependencies') }, phases, 'the phase dependencies went away'],
    [
      'a file of init',
      { phases: { ...base.phases, init: phaseInputs({ 'init.yaml': 'i2' }) } },
      ['init'],
      'the file init.yaml changed',
    ],
    [
      'an executable bit of init',
      {
        phases: {
          ...base.phases,
          init: {
            ...phaseInputs({}),
            files: [{ path: 'init.yaml', sha256: 'i1', executable: true, because: 'phase file' }],
          },
        },
      },
      ['init'],
      'the file init.yaml changed',
    ],
    [
      'another file of init',
      { phases: { ...base.phases, init: phaseInputs({ 'init.yaml': 'i1', 'a b': 'x' }) } },
      ['init'],
      'the file a b came in',
    ],
    [
      'the steps of init',
      { phases: { ...base.phases, init: phaseInputs({ 'init.yaml': 'i1' }, { steps: 's' }) } },
      ['init'],
      'the steps of init in the spec came in',
    ],
  ])(
    'G8: %s changes the keys of the layers that may depend on it, and can be named',
    (_, change, layers, clause) => {
      const [before, after] = [layerKeys(base), layerKeys(layerInputs(change))]
      expect(layerNames.filter((layer) => before[layer].key !== after[layer].key)).toEqual(layers)
      expect(changedInputs(before.init.inputs, after.init.inputs)).toContain(clause)
    },
  )

  it.each<[string, Partial<LayerInputs>]>([
    ['the order of members', { hardware: { machine: 'q35', vcpus: 2, memory: '1024 MiB' } }],
    [
      'why a file counts',
      {
        phases: {
          ...base.phases,
          init: {
            files: [{ path: 'init.yaml', sha256: 'i1', executable: false, because: 'another reason' }],
            steps: undefined,
            notes: ['something to read'],
          },
        },
      },
    ],
  ])('G8: %s changes no key', (_, change) => {
    expect(layerKeys(layerInputs(change))).toEqual(layerKeys(base))
  })

  it('G8: keys of layers differ although their inputs are the same', () => {
    const keys = layerKeys(layerInputs({ phases: {} }))
    expect(new Set(layerNames.map((layer) => keys[layer].key)).size).toBe(3)
  })

  it('G8: an input cannot be mistaken for another one of the same text', () => {
    const one = layerKeys(layerInputs({ variables: { a: 'x' }, environment: {} }))
    const other = layerKeys(layerInputs({ variables: {}, environment: { a: 'x' } }))
    expect(one.init.key).not.toBe(other.init.key)
  })

  it('G8: shows no value of a variable, of the environment or of a secret', () => {
    const keys = layerKeys(
      layerInputs({
        variables: { a: 'hunter-1' },
        environment: { B: 'hunter-2' },
        secrets: { C: 'hunter-3' },
      }),
    )
    expect(JSON.stringify(keys)).not.toContain('hunter')
  })
})
