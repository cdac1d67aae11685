import { expect, it } from 'vitest'
import { Progress } from '../../lib/progress.ts'
import { createFakeSeam, Killed } from '../../lib/testing/fake-seam.ts'
import { MiB } from '../../lib/units.ts'
import { openFakeHost } from './fake-host.ts'
import { createFakeVm, createFakeVolume, createFakeWorld, type FakeWorld } from './world.ts'

const init = { name: 'init', description: '', memory: true, note: 'key' }

function open(world: FakeWorld = machineWorld(), seam = createFakeSeam()) {
  return { world, seam, host: openFakeHost(world, seam), progress: new Progress(seam) }
}

/** A host with a machine `a` of 512 MiB that runs. */
function machineWorld(): FakeWorld {
  const world = createFakeWorld()
  const path = '/var/lib/libvirt/images/a.qcow2'
  const pool = world.pools['default']
  if (pool !== undefined) pool.volumes['a.qcow2'] = createFakeVolume()
  const disks = [{ device: 'vda', path, kind: 'disk' as const, format: 'qcow2' }]
  world.vms['a'] = createFakeVm('a', { state: 'running', disks })
  return world
}

it('G8: a snapshot with memory that was killed half-way has no note, is not restored, and is made anew', async () => {
  const { world, seam, host, progress } = open()
  seam.killAt(1, 'after')
  await expect(host.createSnapshot(progress, 'a', init)).rejects.toBeInstanceOf(Killed)
  const next = open(world)
  expect(await next.host.listSnapshots(next.progress, 'a')).toMatchObject([{ name: 'init', note: undefined }])
  await expect(next.host.restoreSnapshot(next.progress, 'a', 'init')).rejects.toMatchObject({
    code: 'host.operation-failed',
  })
  await next.host.createSnapshot(next.progress, 'a', init)
  expect(await next.host.listSnapshots(next.progress, 'a')).toMatchObject([{ name: 'init', note: 'key' }])
  expect(next.seam.mutations.map(({ kind }) => kind)).toEqual([
    'fake.revertToSnapshot',
    'fake.forgetSnapshot',
    'fake.saveMemory',
    'fake.completeSnapshot',
  ])
})

it('G8: memory takes room in the pool, which a full one does not have and a deleted snapshot gives back', async () => {
  const { world, host, progress } = open()
  const free = async (): Promise<number> => (await host.observe(progress)).pools[0]?.freeBytes ?? 0
  const before = await free()
  await host.createSnapshot(progress, 'a', init)
  expect(before - (await free())).toBe(256 * MiB)
  await host.deleteSnapshot(progress, 'a', 'init')
  expect(await free()).toBe(before)

  const pool = world.pools['default']
  if (pool !== undefined) pool.capacityBytes = 100 * MiB
  await expect(host.createSnapshot(progress, 'a', init)).rejects.toMatchObject({ code: 'pool.full' })
  expect(await host.listSnapshots(progress, 'a')).toEqual([])
  expect(world.vms['a']?.state).toBe('running')
})

it('G8: a guest that is brought back is as old as it was', async () => {
  const { world, seam, host, progress } = open()
  await host.stopVm(progress, 'a', 'force')
  await host.startVm(progress, 'a')
  await seam.sleep(20_000)
  await host.createSnapshot(progress, 'a', init)
  await host.stopVm(progress, 'a', 'force')
  await seam.sleep(60_000)
  await host.restoreSnapshot(progress, 'a', 'init')
  expect(world.vms['a']).toMatchObject({ state: 'running', startedAtMs: seam.nowMs() - 20_000 })
})

const rawDisk = { device: 'vda', path: '/var/lib/libvirt/images/a.raw', kind: 'disk', format: 'raw' }

it.each<[string, (world: FakeWorld) => void, string]>([
  ['a raw disk', (world) => void Object.assign(world.vms['a'] ?? {}, { disks: [rawDisk] }), 'vda'],
  ['a host that cannot', (world) => void (world.whyNoMemory = 'it is too old'), 'it is too old'],
])('G8: says why the memory cannot be saved: %s', async (_what, change, why) => {
  const { world, host, progress } = open()
  expect(await host.whyNoMemorySnapshot(progress, 'a')).toBeUndefined()
  change(world)
  expect(await host.whyNoMemorySnapshot(progress, 'a')).toContain(why)
  await expect(host.createSnapshot(progress, 'a', init)).rejects.toMatchObject({
    code: 'snapshot.unsupported',
  })
})
