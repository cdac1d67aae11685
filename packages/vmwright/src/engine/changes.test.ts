import { describe, expect, it } from 'vitest'
import { census } from '../hypervisor/fake/census.ts'
import { createFakeWorld, type FakeWorld } from '../hypervisor/fake/world.ts'
import { createFakeSeam } from '../lib/testing/fake-seam.ts'
import type { InstanceSpec } from '../spec/resolved.ts'
import { extraDisk, instanceSpec, resolvedSpec } from '../testing/specs.ts'
import { openBench } from './testing.ts'

const base = instanceSpec('web-1', { extraDisks: [extraDisk('vdb')] })

async function worldWith(...instances: readonly InstanceSpec[]): Promise<FakeWorld> {
  const world = createFakeWorld()
  await openBench(resolvedSpec(instances), world, createFakeSeam()).apply()
  return world
}

let seed = 100

/** Each run is a process of its own, with randomness of its own. */
const bench = (world: FakeWorld, ...instances: readonly InstanceSpec[]) =>
  openBench(resolvedSpec(instances), world, createFakeSeam({ seed: seed++ }))

describe('X2: a change to an existing machine is shown as what it is', () => {
  it.each<[string, Partial<InstanceSpec>, string, string]>([
    ['more CPUs', { vcpus: 4 }, 'vcpus', 'restart'],
    ['more memory', { memoryMib: 2048 }, 'memory', 'restart'],
    ['another topology', { singleSocket: false }, 'singleSocket', 'restart'],
    ['autostart', { autostart: true }, 'autostart', 'in-place'],
    ['another firmware', { firmware: 'bios' }, 'firmware', 'replacement'],
    ['a larger root disk', { rootDisk: { ...base.rootDisk, sizeMib: 20_480 } }, 'disk vda', 'in-place'],
    ['a new extra disk', { extraDisks: [extraDisk('vdb'), extraDisk('vdc')] }, 'disk vdc', 'restart'],
    [
      'another MAC',
      { interfaces: [{ ...base.interfaces[0], mac: '52:54:00:00:00:01' }] },
      'interfaces[0]',
      'restart',
    ],
    ['another package', { cloudInit: { ...base.cloudInit, packages: ['nginx'] } }, 'cloudInit', 'cloud-init'],
  ])('%s', async (_what, change, field, how) => {
    const world = await worldWith(base)
    const plan = await bench(world, { ...base, ...change }).plan()
    expect(plan.changes[0]?.fields.map((each) => [each.field, each.how])).toContainEqual([field, how])
  })

  it.each<[string, Partial<InstanceSpec>]>([
    ['CPUs and memory', { vcpus: 4, memoryMib: 2048 }],
    [
      'disks',
      {
        rootDisk: { ...base.rootDisk, sizeMib: 20_480 },
        extraDisks: [extraDisk('vdb', 2048), extraDisk('vdc')],
      },
    ],
    ['autostart', { autostart: true }],
  ])('%s are brought to the spec once, and then there is nothing to do', async (_what, change) => {
    const world = await worldWith(base)
    const changed = { ...base, ...change }
    expect((await bench(world, changed).apply()).outcome).toBe('done')
    expect((await bench(world, changed).plan()).steps).toEqual([])
    expect(world.vms['web-1']?.state).toBe('running')
  })

  it('a change that needs a restart does not restart the machine unless asked', async () => {
    const world = await worldWith(base)
    const startedMs = world.vms['web-1']?.startedAtMs
    await bench(world, { ...base, vcpus: 4 }).apply()
    expect(world.vms['web-1']?.startedAtMs).toBe(startedMs)
    const plan = await bench(world, { ...base, vcpus: 6 }).plan({ restart: new Set(['web-1']) })
    expect(plan.steps.map((step) => step.kind)).toEqual(['stop-vm', 'define-vm', 'start-vm', 'await-ready'])
  })

  it.each(['full', 'runtime'] as const)(
    'a restart that is asked for is done when the definition is as the spec says already, at stage %s',
    async (stage) => {
      const world = await worldWith(base)
      const result = await bench(world, base).apply({ stage, restart: new Set(['web-1']) })
      expect(result.plan.changes[0]).toMatchObject({ action: 'restart', reason: 'asked for by --restart' })
      expect(result.plan.steps.map((step) => step.kind)).toEqual(['stop-vm', 'start-vm', 'await-ready'])
      expect(result.outcome).toBe('done')
      expect(world.vms['web-1']?.state).toBe('running')
    },
  )

  it('a stage that does not start machines does not shut them down', async () => {
    const world = await worldWith(base)
    const plan = await bench(world, base).plan({ stage: 'provision', restart: new Set(['web-1']) })
    expect(plan.steps).toEqual([])
  })

  it('a replacement is never done without being asked for', async () => {
    const world = await worldWith(base)
    const changed = { ...base, firmware: 'bios' as const }
    const before = census(world)
    expect((await bench(world, changed).apply()).outcome).toBe('unchanged')
    expect(census(world)).toEqual(before)
    expect((await bench(world, changed).apply({ replace: new Set(['web-1']) })).outcome).toBe('done')
    expect(world.vms['web-1']?.firmware).toBe('bios')
    expect((await bench(world, changed).plan()).steps).toEqual([])
  })

  it('changed cloud-init is left alone, or run again when asked', async () => {
    const world = await worldWith(base)
    const changed = { ...base, cloudInit: { ...base.cloudInit, timezone: 'Europe/Paris' } }
    expect((await bench(world, changed).plan()).steps).toEqual([])
    const before = world.vms['web-1']?.mark
    expect((await bench(world, changed).apply({ reseed: new Set(['web-1']) })).outcome).toBe('done')
    const after = world.vms['web-1']?.mark
    expect(after?.seed.instanceId).not.toBe(before?.seed.instanceId)
    expect(after?.hostKeys).not.toEqual(before?.hostKeys)
    expect(after?.stage).toBe('provisioned')
    expect((await bench(world, changed).plan()).changes[0]?.fields).toEqual([])
  })

  it('a reseed makes the snapshot of the spec anew, and leaves other snapshots', async () => {
    const world = await worldWith(base)
    const name = base.snapshot?.name ?? ''
    world.vms['web-1']?.snapshots.push({
      name: 'mine',
      description: '',
      kind: 'internal',
      disks: {},
      createdAtMs: 0,
      parent: undefined,
      note: undefined,
      memory: undefined,
    })
    const { plan, outcome } = await bench(world, base).apply({ reseed: new Set(['web-1']) })
    expect(outcome).toBe('done')
    expect(plan.steps.map((step) => step.kind)).toEqual([
      'stop-vm',
      'delete-snapshot',
      'define-vm',
      'write-seed',
      'start-vm',
      'await-ready',
      'stop-vm',
      'seal-seed',
      'create-snapshot',
      'mark-vm',
      'start-vm',
      'await-ready',
    ])
    expect(world.vms['web-1']?.snapshots.map((snapshot) => snapshot.name)).toEqual(['mine', name])
  })

  it('shrinking a disk is refused', async () => {
    const world = await worldWith(base)
    const result = await bench(world, { ...base, rootDisk: { ...base.rootDisk, sizeMib: 5120 } }).apply()
    expect(result.outcome).toBe('blocked')
    expect(result.plan.findings.map((finding) => finding.code)).toEqual(['disk.shrink-refused'])
  })
})

describe('X4: what disappears behind our back is named', () => {
  it('a machine that was removed is made again, without taking its disks silently', async () => {
    const world = await worldWith(base)
    delete world.vms['web-1']
    const plan = await bench(world, base).plan()
    expect(plan.findings.map((finding) => finding.code)).toEqual(['disk.conflict'])
  })

  it('a data disk that was removed is not made again empty', async () => {
    const world = await worldWith(base)
    delete world.pools['vmwright-instances']?.volumes['web-1-vdb.qcow2']
    const plan = await bench(world, base).plan()
    expect(plan.steps).toEqual([])
    expect(plan.changes[0]?.fields).toEqual([
      { field: 'disk vdb', from: 'missing', to: 'there', how: 'replacement' },
    ])
  })

  it('a seed that was removed is written again without secrets', async () => {
    const world = await worldWith(base)
    delete world.pools['vmwright-instances']?.volumes['web-1-seed.iso']
    expect((await bench(world, base).plan()).steps.map((step) => step.kind)).toEqual(['seal-seed'])
    await bench(world, base).apply()
    const seed = world.pools['vmwright-instances']?.volumes['web-1-seed.iso']?.bytes
    expect(Buffer.from(seed ?? []).toString('latin1')).not.toContain('PRIVATE KEY')
  })

  it('a machine that was stopped is started', async () => {
    const world = await worldWith(base)
    const vm = world.vms['web-1']
    if (vm !== undefined) vm.state = 'stopped'
    expect((await bench(world, base).plan()).steps.map((step) => step.kind)).toEqual([
      'start-vm',
      'await-ready',
    ])
  })
})

describe('C35: machines that others made', () => {
  const foreign = async (): Promise<FakeWorld> => {
    const world = createFakeWorld()
    await openBench(resolvedSpec([base], { project: 'other' }), world, createFakeSeam()).apply()
    const vm = world.vms['web-1']
    if (vm !== undefined) vm.mark = undefined
    return world
  }

  it('C35: are refused by apply and left alone by destroy', async () => {
    const world = await foreign()
    const before = census(world)
    const applied = await bench(world, base).apply()
    expect(applied.outcome).toBe('blocked')
    expect(applied.plan.findings.map((finding) => finding.code)).toContain('vm.foreign')
    const destroyed = await bench(world, base).destroy()
    expect(destroyed.plan.changes[0]?.action).toBe('keep-foreign')
    expect(census(world)).toEqual(before)
  })

  it('C35: are taken over when asked, and are ours from then on', async () => {
    const world = await foreign()
    expect((await bench(world, base).apply({ adopt: new Set(['web-1']) })).outcome).toBe('done')
    expect(world.vms['web-1']?.mark?.project).toBe('lab')
    expect((await bench(world, base).plan()).steps).toEqual([])
  })
})
