import { describe, expect, it } from 'vitest'
import { addTemplate } from '../hypervisor/fake/templates.ts'
import { ProvisionError } from '../lib/errors.ts'
import { createFakeSeam, type FakeSeam } from '../lib/testing/fake-seam.ts'
import { MiB } from '../lib/units.ts'
import type { InstanceSpec } from '../spec/resolved.ts'
import { templateSpec } from '../testing/specs.ts'
import { openBench } from './testing.ts'
import { busy, clone, domain, ordinalsOf, specOf, volumesOf, worldWith } from './testing/templates.ts'

describe('contention and failures', () => {
  it.each(['auto', 'parallel', 'sequential'] as const)(
    'T1: a disk that another job is in the way of is tried again until it works: %s',
    async (mode) => {
      const spec = specOf(
        ['web-1', 'web-2', 'web-3'].map((name) => clone(name)),
        {},
        { mode, parallel: 3 },
      )
      const seam = createFakeSeam()
      await openBench(spec, worldWith(), seam).apply()
      const world = worldWith()
      const hindered = createFakeSeam()
      const [first = 0] = ordinalsOf(seam, 'copyDisk')
      for (const ordinal of [first, first + 1, first + 3, first + 6]) hindered.failAt(ordinal, busy())
      const result = await openBench(spec, world, hindered).apply()
      expect(result.run?.errors).toEqual(new Map())
      expect(hindered.monotonicMs()).toBeGreaterThan(seam.monotonicMs())
    },
  )

  it('T1: contention that does not end fails its clone when the step has no time left', async () => {
    const spec = specOf([clone('web-1'), clone('web-2')], {}, { mode: 'sequential' })
    const world = worldWith()
    const seam = createFakeSeam()
    const patient: FakeSeam = {
      ...seam,
      effect: (effect, run) =>
        effect.kind === 'fake.copyDisk' && effect.object.endsWith('/web-1.qcow2')
          ? Promise.reject(busy())
          : seam.effect(effect, run),
    }
    const { outcome, run } = await openBench(spec, world, patient).apply()
    expect(outcome).toBe('failed')
    expect([...(run?.errors ?? [])].map(([step, { code }]) => [step, code])).toEqual([
      ['web-1/clone-disk:vda', 'host.busy'],
    ])
    expect([world.vms['web-1'], volumesOf(world, 'web-1')]).toEqual([undefined, []])
    expect(world.vms['web-2']?.state).toBe('running')
  })

  it('T1: a pool that is full at the third disk of the fifth clone undoes that clone only', async () => {
    const names = [1, 2, 3, 4, 5].map((number) => `web-${number}`)
    const spec = specOf(
      names.map((name) => clone(name)),
      {},
      { mode: 'sequential' },
    )
    const world = worldWith()
    world.newPoolBytes = 5 * 3 * 512 * MiB - MiB
    const { outcome, run, instances } = await openBench(spec, world, createFakeSeam()).apply()
    expect(outcome).toBe('failed')
    expect([...(run?.errors ?? [])].map(([step, { code }]) => [step, code])).toEqual([
      ['web-5/clone-disk:vdc', 'pool.full'],
    ])
    expect(instances.map(({ state }) => state)).toEqual([
      'running',
      'running',
      'running',
      'running',
      'absent',
    ])
    expect(volumesOf(world, 'web-5')).toEqual([])
  })

  it('T1: disks that cannot be edited undo their clone only', async () => {
    const world = worldWith()
    const spec = specOf([clone('web-1'), clone('web-2')])
    const seam = createFakeSeam()
    await openBench(spec, worldWith(), seam).apply()
    const failing = createFakeSeam()
    failing.failAt(
      ordinalsOf(seam, 'editDisks')[0] ?? 0,
      new ProvisionError('disk.edit-failed', { message: 'No.' }),
    )
    const { run } = await openBench(spec, world, failing).apply()
    expect([...(run?.errors.values() ?? [])].map(({ code }) => code)).toEqual(['disk.edit-failed'])
    expect(Object.keys(world.vms)).toHaveLength(2)
  })
})

describe('a template that runs', () => {
  const template = { whenRunning: 'shut-down', restart: true } as const

  it('T1: is shut down for the copies and started again, also when a clone failed', async () => {
    const world = worldWith('running')
    world.newPoolBytes = 3 * 512 * MiB + MiB
    const spec = specOf([clone('web-1'), clone('web-2')], template, { mode: 'sequential' })
    const seam = createFakeSeam()
    expect((await openBench(spec, world, seam).apply()).outcome).toBe('failed')
    expect(world.vms[domain]?.state).toBe('running')
    expect(Object.keys(world.vms)).toEqual([domain, 'web-1'])
  })

  it('T1: stays off when it is not to be started again', async () => {
    const world = worldWith('running')
    await openBench(
      specOf([clone('web-1')], { ...template, restart: false }),
      world,
      createFakeSeam(),
    ).apply()
    expect([world.vms[domain]?.state, world.vms['web-1']?.state]).toEqual(['stopped', 'running'])
  })

  it('T1: stays off while overlays rest on it', async () => {
    const world = worldWith('running')
    await openBench(specOf([clone('web-1', 'overlay')], template), world, createFakeSeam()).apply()
    expect([world.vms[domain]?.state, world.vms['web-1']?.state]).toEqual(['stopped', 'running'])
  })

  it('T1: that does not shut down fails its own clones, and its power is not cut', async () => {
    const world = worldWith('running')
    world.guests[domain] = { shutdownMs: undefined }
    addTemplate(world, { name: 'other', disks: [{ path: '/srv/other.qcow2' }] })
    const other = clone('db-1')
    const base = specOf([
      clone('web-1'),
      { ...other, source: { ...other.source, id: 'other' } as InstanceSpec['source'] },
    ])
    const templates = [templateSpec(template), templateSpec({ id: 'other', domain: 'other' })]
    const seam = createFakeSeam()
    const { run } = await openBench({ ...base, templates }, world, seam).apply()
    expect([...(run?.errors ?? [])].map(([step, { code }]) => [step, code])).toEqual([
      [`fake/shut-down-template:${domain}`, 'wait.timeout'],
    ])
    expect(ordinalsOf(seam, 'destroyVm')).toEqual([])
    expect([world.vms[domain]?.state, world.vms['web-1'], world.vms['db-1']?.state]).toEqual([
      'running',
      undefined,
      'running',
    ])
  })
})
