import { describe, expect, it } from 'vitest'
import { census } from '../hypervisor/fake/census.ts'
import { createFakeWorld, type FakeWorld } from '../hypervisor/fake/world.ts'
import { createFakeSeam } from '../lib/testing/fake-seam.ts'
import { extraDisk, instanceSpec, resolvedSpec } from '../testing/specs.ts'
import { censusWithoutRecord, openBench } from './testing.ts'
import { killEverywhere } from './testing/kills.ts'

const spec = resolvedSpec([
  instanceSpec('web-1'),
  instanceSpec('web-2', { firmware: 'bios', extraDisks: [extraDisk('vdb')] }),
  instanceSpec('web-3', {
    snapshot: undefined,
    autostart: true,
    rootDisk: { sizeMib: 4096, mode: 'copy', format: 'qcow2', extension: 'qcow2' },
  }),
])

/** A host that other people use too. */
async function sharedWorld(): Promise<FakeWorld> {
  const world = createFakeWorld()
  const strangers = resolvedSpec([instanceSpec('web-10'), instanceSpec('web')], { project: 'other' })
  await openBench(strangers, world, createFakeSeam()).apply()
  return world
}

const withoutIds = (lines: readonly string[]): readonly string[] =>
  lines.map((line) => line.replaceAll(/iid-\w+/g, 'iid'))

async function converge(world: FakeWorld): Promise<void> {
  const result = await openBench(spec, world, createFakeSeam()).apply()
  expect(result.run?.errors ?? new Map()).toEqual(new Map())
  const again = await openBench(spec, world, createFakeSeam()).plan()
  expect(again.steps).toEqual([])
  expect(again.findings.filter((finding) => finding.severity === 'error')).toEqual([])
}

describe('X4: killed at any moment and run again', () => {
  it('X4: an apply killed around every effect converges, leaves nothing over and touches nothing foreign', async () => {
    const start = await sharedWorld()
    const clean = structuredClone(start)
    await converge(clean)
    const wanted = withoutIds(census(clean))
    const kills = await killEverywhere(
      start,
      (world, seam) => openBench(spec, world, seam).apply(),
      async (world) => {
        await converge(world)
        expect(withoutIds(census(world))).toEqual(wanted)
      },
    )
    expect(kills).toBeGreaterThan(70)
  })

  it('X4: a destroy killed around every effect converges to a host as it was', async () => {
    const start = await sharedWorld()
    const before = censusWithoutRecord(start)
    await converge(start)
    const kills = await killEverywhere(
      start,
      (world, seam) => openBench(spec, world, seam).destroy(),
      async (world) => {
        await openBench(spec, world, createFakeSeam()).destroy()
        const again = await openBench(spec, world, createFakeSeam()).destroy()
        expect(again.plan.steps).toEqual([])
        expect(censusWithoutRecord(world)).toEqual(before)
      },
    )
    expect(kills).toBeGreaterThan(30)
  })

  it('X4: a destroy of all that is there, killed around every effect, leaves the base images alone', async () => {
    const start = createFakeWorld()
    const before = census(start)
    await converge(start)
    await killEverywhere(
      start,
      (world, seam) => openBench(spec, world, seam).destroy(),
      async (world) => {
        await openBench(spec, world, createFakeSeam()).destroy()
        expect((await openBench(spec, world, createFakeSeam()).destroy()).plan.steps).toEqual([])
        expect(censusWithoutRecord(world).filter((line) => !line.includes('vmwright-images'))).toEqual(before)
      },
    )
  })

  it('X4: a reseed killed around every effect is finished by a plain apply, with one identity everywhere', async () => {
    const start = await sharedWorld()
    await converge(start)
    const idOf = (world: FakeWorld) => world.vms['web-1']?.mark?.seed.instanceId ?? ''
    const hasOwnSeed = (world: FakeWorld): boolean => {
      const seed = world.pools['vmwright-instances']?.volumes['web-1-seed.iso']
      return Buffer.from(seed?.bytes ?? []).includes(idOf(world))
    }
    const snapshot = spec.instances[0]?.snapshot?.name
    let seed = 500
    const kills = await killEverywhere(
      start,
      (world, seam) => openBench(spec, world, seam).apply({ reseed: new Set(['web-1']) }),
      async (world) => {
        const isNew = idOf(world) !== idOf(start)
        const bootsOwnSeed = hasOwnSeed(world)
        const second = await openBench(spec, world, createFakeSeam({ seed: seed++ })).apply()
        expect(second.run?.errors ?? new Map()).toEqual(new Map())
        expect(bootsOwnSeed || second.plan.steps.some((step) => step.kind === 'write-seed')).toBe(true)
        await converge(world)
        expect(hasOwnSeed(world)).toBe(true)
        expect(world.vms['web-1']?.mark).toMatchObject({ stage: 'provisioned', seed: { sealed: true } })
        // Killed before the new identity was given, only the snapshot may be gone.
        const snapshots = world.vms['web-1']?.snapshots.map((each) => each.name) ?? []
        expect(isNew ? snapshots : [snapshot]).toEqual([snapshot])
      },
    )
    expect(kills).toBeGreaterThan(15)
  })

  it('X4: an apply whose every effect in turn happened but looked like a time-out converges', async () => {
    const start = await sharedWorld()
    for (let ordinal = 1; ; ordinal++) {
      const world = structuredClone(start)
      const seam = createFakeSeam()
      seam.timeoutAfterAt(ordinal)
      const result = await openBench(spec, world, seam).apply()
      if (seam.mutations.length < ordinal) break
      expect(result.outcome === 'done' || result.outcome === 'failed').toBe(true)
      await converge(world)
    }
  })
})

describe('C16: a second run', () => {
  it('C16: changes nothing and says so', async () => {
    const world = createFakeWorld()
    await openBench(spec, world, createFakeSeam()).apply()
    const before = census(world)
    const seam = createFakeSeam()
    const second = await openBench(spec, world, seam).apply()
    expect(second.outcome).toBe('unchanged')
    expect(seam.mutations).toEqual([])
    expect(census(world)).toEqual(before)
  })
})
