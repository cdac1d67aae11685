import { describe, expect, it } from 'vitest'
import { createFakePool, createFakeVm, createFakeVolume, createFakeWorld } from '../hypervisor/fake/world.ts'
import { createFakeSeam } from '../lib/testing/fake-seam.ts'
import type { PoolSpec } from '../spec/resolved-places.ts'
import { instanceSpec, resolvedSpec } from '../testing/specs.ts'
import { openBench } from './testing.ts'

const share: PoolSpec = {
  id: 'instances',
  kind: 'netfs',
  name: 'lab-share',
  path: '/srv/share',
  server: 'nas.example',
  folder: '/export/vms',
  format: 'nfs',
}
const group: PoolSpec = {
  id: 'instances',
  kind: 'logical',
  name: 'lab-vg',
  volumeGroup: 'vg0',
  devices: ['/dev/sdb'],
}
const folder: PoolSpec = {
  id: 'instances',
  kind: 'path',
  name: 'lab-folder',
  path: '/srv/lab',
  permissions: { mode: 0o711, owner: 0, group: 0 },
}
const specOf = (pool: PoolSpec) => resolvedSpec([instanceSpec('web-1')], { pools: [pool] })

describe('K3: the pool of a cluster', () => {
  it.each<[PoolSpec, object]>([
    [folder, { name: 'lab-folder', path: '/srv/lab', permissions: { mode: 0o711, owner: 0, group: 0 } }],
    [
      group,
      {
        name: 'lab-vg',
        path: '/dev/vg0',
        source: { kind: 'logical', volumeGroup: 'vg0', devices: ['/dev/sdb'] },
      },
    ],
    [
      share,
      {
        name: 'lab-share',
        path: '/srv/share',
        source: { kind: 'netfs', server: 'nas.example', folder: '/export/vms', format: 'nfs' },
      },
    ],
  ])('K3: is made as the spec says, and goes with the last machine: %o', async (pool, definition) => {
    const world = createFakeWorld()
    const { plan } = await openBench(specOf(pool), world, createFakeSeam()).apply()
    expect(plan.steps.find((step) => step.kind === 'ensure-pool')).toMatchObject({ pool: definition })
    expect(world.pools[pool.name]).toMatchObject({ active: true })
    const again = await openBench(specOf(pool), world, createFakeSeam()).plan()
    expect([again.steps, again.findings]).toEqual([[], []])
    const removal = await openBench(specOf(pool), world, createFakeSeam()).destroy()
    expect(removal.plan.resources).toMatchObject([{ kind: 'pool', name: pool.name, action: 'remove' }])
    expect(Object.keys(world.pools)).toEqual(['default', 'vmwright-images'])
  })

  it('K3: a share goes although others have files on it, unless a machine that stays uses one', async () => {
    const world = createFakeWorld()
    await openBench(specOf(share), world, createFakeSeam()).apply()
    const pool = world.pools['lab-share']
    if (pool !== undefined) pool.volumes['other.qcow2'] = createFakeVolume()
    const used = structuredClone(world)
    const disk = { device: 'vda', path: '/srv/share/other.qcow2', kind: 'disk', format: 'qcow2' } as const
    used.vms['other'] = createFakeVm('other', { disks: [disk] })
    await openBench(specOf(share), world, createFakeSeam()).destroy()
    await openBench(specOf(share), used, createFakeSeam()).destroy()
    expect([Object.keys(world.pools), Object.keys(used.pools)]).toEqual([
      ['default', 'vmwright-images'],
      ['default', 'lab-share', 'vmwright-images'],
    ])
  })

  it('K3: one that is off after a restart of the host is started before its machines, which are as they were', async () => {
    const world = createFakeWorld()
    await openBench(specOf(share), world, createFakeSeam()).apply()
    for (const vm of Object.values(world.vms)) vm.state = 'stopped'
    for (const pool of Object.values(world.pools)) pool.active = false
    const { plan, outcome } = await openBench(specOf(share), world, createFakeSeam()).apply()
    expect(outcome).toBe('done')
    expect(plan.resources).toMatchObject([{ kind: 'pool', action: 'start', reason: 'it is not active' }])
    expect(plan.changes).toMatchObject([{ action: 'start', fields: [] }])
  })

  it('C15, K3: a folder that another pool has is refused before anything is done', async () => {
    const world = createFakeWorld({ pools: { vms: createFakePool('/srv/lab') } })
    const { plan, outcome } = await openBench(specOf(folder), world, createFakeSeam()).apply()
    expect(outcome).toBe('blocked')
    expect(plan.findings).toMatchObject([
      { code: 'pool.not-found', hint: expect.stringContaining('use: vms') },
    ])
  })
})
