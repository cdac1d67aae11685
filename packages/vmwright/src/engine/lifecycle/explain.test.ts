import { describe, expect, it } from 'vitest'
import { census } from '../../hypervisor/fake/census.ts'
import { createFakeWorld, type FakeWorld } from '../../hypervisor/fake/world.ts'
import { Progress } from '../../lib/progress.ts'
import { createFakeSeam } from '../../lib/testing/fake-seam.ts'
import type { InstanceSpec } from '../../spec/resolved.ts'
import { explainLifecycles } from './explain.ts'
import { farmServices, farmSpec, guestSpec, openFarm } from './testing.ts'

const phases = { dependencies: 'deps', init: 'init', main: 'main', terminate: 'bye' }

async function explain(world: FakeWorld, instance: InstanceSpec) {
  const spec = farmSpec([instance])
  const seam = createFakeSeam()
  const before = census(world)
  const services = farmServices({ fake: world }, seam)
  const [guest] = await explainLifecycles(new Progress(seam), {
    spec,
    instances: spec.instances,
    services,
    rebuild: new Set(),
  })
  expect(census(world)).toEqual(before)
  expect(seam.mutations).toEqual([])
  return guest
}

async function ran(instance: InstanceSpec): Promise<FakeWorld> {
  const world = createFakeWorld()
  await openFarm(farmSpec([instance]), world, createFakeSeam()).run()
  return world
}

describe('run --explain', () => {
  it('G3, G8: tells of a guest that is not there what serves its phases and what would be done', async () => {
    const guest = await explain(createFakeWorld(), guestSpec('web', { ...phases, init: 'init' }))
    expect(guest).toMatchObject({ name: 'web', machine: 'made: it was not there', problem: undefined })
    expect(guest?.phases.map(({ phase, from }) => `${phase}: ${from}`)).toEqual([
      'dependencies: spec',
      'init: spec',
      'main: spec',
      'terminate: spec',
    ])
    expect(guest?.layers.map(({ layer, outcome }) => `${layer}: ${outcome}`)).toEqual([
      'clean: miss',
      'dependencies: miss',
      'init: miss',
    ])
    expect(guest?.actions).toEqual([
      'create',
      'connect',
      'create-clean',
      'dependencies',
      'create-dependencies',
      'init',
      'create-init',
      'main',
      'terminate',
      'shutdown',
    ])
  })

  it('G8: tells where a layer is kept, and that nothing below it is needed', async () => {
    const instance = guestSpec('web', phases)
    const guest = await explain(await ran(instance), instance)
    expect(guest?.layers).toMatchObject([
      { layer: 'clean', outcome: 'not-looked-at' },
      { layer: 'dependencies', outcome: 'not-looked-at' },
      { layer: 'init', outcome: 'hit', because: expect.stringContaining('lab.auto-') },
    ])
    expect(guest?.actions).toEqual(['restore-init', 'connect', 'clock', 'main', 'terminate', 'shutdown'])
  })

  it('G8: names what changed', async () => {
    const guest = await explain(
      await ran(guestSpec('web', phases)),
      guestSpec('web', { ...phases, init: 'other' }),
    )
    expect(guest?.layers[2]).toMatchObject({
      outcome: 'miss',
      because: expect.stringContaining('the steps of init in the spec changed'),
    })
    expect(guest?.actions[0]).toBe('restore-dependencies')
  })

  it('G3: tells where a phase was looked for that has no file', async () => {
    const guest = await explain(
      createFakeWorld(),
      guestSpec('web', {}, { phasesFolder: '/p' }, { matrix: { platform: 'debian', target: 'arm64' } }),
    )
    expect(guest?.phases[1]).toMatchObject({
      phase: 'init',
      from: undefined,
      searched: [
        '/p/debian/arm64/init.yaml',
        '/p/debian/arm64/init.yml',
        '/p/debian/init.yaml',
        '/p/debian/init.yml',
        '/p/init.yaml',
        '/p/init.yml',
      ],
    })
  })

  it('G1: says that a machine would be made anew, or why it would not', async () => {
    const world = await ran(guestSpec('web', phases))
    const larger = { memoryMib: 2048 }
    const anew = await explain(world, guestSpec('web', phases, {}, larger))
    expect(anew).toMatchObject({ machine: 'made anew: memory: 1024 MiB → 2048 MiB' })
    const refused = await explain(world, guestSpec('web', phases, {}, { ...larger, disposable: false }))
    expect(refused).toMatchObject({ actions: [], problem: expect.stringContaining('may not be made anew') })
  })
})
