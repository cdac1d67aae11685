import { expect, it } from 'vitest'
import { Progress } from '../../lib/progress.ts'
import { createFakeSeam, Killed } from '../../lib/testing/fake-seam.ts'
import { GiB } from '../../lib/units.ts'
import type { DiskClone } from '../disks.ts'
import { census } from './census.ts'
import { openFakeHost } from './fake-host.ts'
import { addTemplate } from './templates.ts'
import { createFakeWorld, type FakeWorld } from './world.ts'

const outside = '/srv/golden/root.qcow2'

function open(world: FakeWorld = createFakeWorld(), seam = createFakeSeam()) {
  if (world.vms['golden'] === undefined) addTemplate(world, { name: 'golden', disks: [{ path: outside }] })
  return { world, seam, host: openFakeHost(world, seam), progress: new Progress(seam) }
}

const clone = (changes: Partial<DiskClone> = {}): DiskClone => ({
  pool: 'default',
  name: 'web-1-vda.qcow2',
  from: { path: outside, format: 'qcow2' },
  mode: 'copy',
  sizeBytes: undefined,
  workspace: undefined,
  existing: 'replace',
  ...changes,
})

it('T1: a killed clone is done again, wherever it was killed', async () => {
  const whole = open()
  await whole.host.cloneDisk(whole.progress, clone())
  const wanted = census(whole.world)
  expect(whole.seam.mutations.map(({ kind }) => kind)).toEqual(['fake.copyDisk', 'fake.refreshPool'])
  for (const when of ['before', 'after'] as const) {
    for (let ordinal = 1; ordinal <= whole.seam.mutations.length; ordinal++) {
      const { world, seam, host, progress } = open()
      seam.killAt(ordinal, when)
      await expect(host.cloneDisk(progress, clone())).rejects.toBeInstanceOf(Killed)
      const again = open(world)
      await again.host.cloneDisk(again.progress, clone())
      expect(census(world)).toEqual(wanted)
      await again.host.deleteVolume(again.progress, clone())
      expect(census(world)).toEqual(census(open().world))
    }
  }
})

it('T1: a deleted volume is gone too when the pool was never told of it', async () => {
  const { world, seam, host, progress } = open()
  seam.failAt(2, new Error('lost'))
  await expect(host.cloneDisk(progress, clone())).rejects.toThrow('lost')
  expect(world.pools['default']?.volumes).toEqual({})
  await host.deleteVolume(progress, clone())
  expect(census(world)).toEqual(census(open().world))
})

it('T2: a pool that is full has nothing of the clone', async () => {
  const { world, host, progress } = open()
  const pool = world.pools['default']
  if (pool !== undefined) pool.capacityBytes = GiB / 4
  await expect(host.cloneDisk(progress, clone())).rejects.toMatchObject({ code: 'pool.full' })
  expect(census(world)).toEqual(census(open().world))
})

it('T1: only a pool with reflinks shares blocks', async () => {
  const { world, host, progress } = open()
  const reflink = clone({ mode: 'reflink' })
  await expect(host.cloneDisk(progress, reflink)).rejects.toMatchObject({ code: 'disk.no-reflink' })
  const pool = world.pools['default']
  if (pool !== undefined) pool.reflinks = true
  await host.cloneDisk(progress, reflink)
  expect(pool?.volumes[reflink.name]?.allocationBytes).toBeLessThan(GiB / 4)
})

it('T8: a template’s content identity changes with its content, not with its protection', async () => {
  const { world, host, progress } = open()
  const look = async () => (await host.files.inspect(progress, [outside], { sha256: true }))[0]
  const before = await look()
  await host.files.protect(progress, [outside])
  const { mode: _mode, ...known } = before ?? {}
  expect(await look()).toMatchObject(known)
  await host.files.release(progress, [outside])
  await host.startVm(progress, 'golden')
  const after = await look()
  expect([after?.modifiedNs, after?.sha256]).not.toEqual([before?.modifiedNs, before?.sha256])
  expect(world.files[outside]?.disk?.mode).toBe(0o644)
})

it('T9: what the user cannot reach is blocked until it is repaired, and again when that is undone', async () => {
  const { world, host, progress } = open()
  world.access.denied = [{ path: '/srv/golden', permissions: '--x' }]
  const request = { user: undefined, needs: [{ path: outside, need: 'read' as const }] }
  const { user, blocked } = await host.files.checkAccess(progress, request)
  expect(blocked).toMatchObject([{ path: outside, at: '/srv/golden', noRepair: undefined }])
  await expect(host.startVm(progress, 'golden')).rejects.toThrow('Permission denied')
  const repairs = blocked.flatMap((block) => block.repairs)
  expect(repairs).toEqual([{ path: '/srv/golden', user, permissions: '--x' }])
  await host.files.repairAccess(progress, repairs)
  expect((await host.files.checkAccess(progress, request)).blocked).toEqual([])
  expect(await host.files.undoAccess(progress)).toMatchObject(repairs)
  expect((await host.files.checkAccess(progress, request)).blocked).toHaveLength(1)
})

it('T5: edits are recorded, need a system and libguestfs, and go with the disk', async () => {
  const { world, host, progress } = open()
  await host.cloneDisk(progress, clone())
  const changes = [{ kind: 'write', path: '/etc/hostname', content: 'web-1\n', mode: 0o644 }] as const
  const edit = {
    vm: 'web-1',
    disks: [{ volume: clone(), format: 'qcow2' }],
    acceleration: 'emulation',
    changes,
  } as const
  await host.editDisks(progress, edit)
  const path = '/var/lib/libvirt/images/web-1-vda.qcow2'
  expect(world.edits).toEqual({ [path]: changes })
  await host.deleteVolume(progress, clone())
  expect(world.edits).toEqual({})
  world.hasGuestTools = false
  await expect(host.editDisks(progress, edit)).rejects.toMatchObject({ code: 'host.tool-missing' })
})

it('T1: without a shell only overlays are made', async () => {
  const { world, host, progress } = open()
  world.capabilities = { ...world.capabilities, noShell: 'it is far' }
  await expect(host.cloneDisk(progress, clone())).rejects.toMatchObject({ code: 'host.no-shell' })
  await expect(host.files.protect(progress, [outside])).rejects.toMatchObject({ code: 'host.no-shell' })
  await host.cloneDisk(progress, clone({ mode: 'overlay' }))
})
