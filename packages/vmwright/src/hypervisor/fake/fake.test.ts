import assert from 'node:assert/strict'
import { describe, expect, it } from 'vitest'
import { Progress } from '../../lib/progress.ts'
import { createFakeSeam, Killed } from '../../lib/testing/fake-seam.ts'
import { GiB } from '../../lib/units.ts'
import { describeHypervisor } from '../conformance.ts'
import type { VmDefinition } from '../contract.ts'
import type { DiskCreation } from '../disks.ts'
import { census } from './census.ts'
import { openFakeHost } from './fake-host.ts'
import {
  bareGuest,
  createFakePool,
  createFakeVm,
  createFakeVolume,
  createFakeWorld,
  type FakeWorld,
} from './world.ts'

describeHypervisor('the in-memory host', async () => {
  const seam = createFakeSeam()
  const world = createFakeWorld({ defaultGuest: bareGuest })
  const before = census(world)
  return {
    host: openFakeHost(world, seam),
    progress: new Progress(seam),
    poolPath: '/srv/conformance',
    prefix: 'c-',
    async cleanup() {
      delete world.pools['c-pool']
      assert.deepEqual(census(world), before)
    },
  }
})

describeHypervisor('the in-memory host with internal UEFI snapshots', async () => {
  const seam = createFakeSeam()
  const world = createFakeWorld({ defaultGuest: bareGuest })
  world.capabilities = { ...world.capabilities, stoppedSnapshot: { bios: 'none', uefi: 'internal' } }
  return {
    host: openFakeHost(world, seam, { latencyMs: () => 20 }),
    progress: new Progress(seam),
    poolPath: '/srv/conformance',
    prefix: 'c-',
    async cleanup() {},
  }
})

const disk = (name: string, overrides: Partial<DiskCreation> = {}): DiskCreation => ({
  pool: 'default',
  name,
  sizeBytes: GiB,
  format: 'qcow2',
  base: undefined,
  existing: 'keep',
  ...overrides,
})

const vm = (name: string, overrides: Partial<VmDefinition> = {}): VmDefinition => ({
  name,
  basis: undefined,
  id: `id-of-${name}`,
  mark: {
    project: 'p',
    instance: name,
    stage: 'creating',
    image: { kind: 'image', id: 'i', digest: 'd' },
    volumes: [{ pool: 'default', name: `${name}.qcow2`, role: 'root', device: 'vda' }],
    seed: { instanceId: 'i', digest: 'd', sealed: false },
    hostKeys: [],
    user: 'debian',
  },
  acceleration: 'kvm',
  vcpus: 1,
  singleSocket: true,
  memoryMib: 512,
  machine: 'q35',
  firmware: 'uefi',
  secureBoot: false,
  disks: [{ volume: { pool: 'default', name: `${name}.qcow2` }, device: 'vda', format: 'qcow2' }],
  seed: undefined,
  interfaces: [{ mac: '52:54:00:00:00:01', network: 'default' }],
  ...overrides,
})

function open(world: FakeWorld = createFakeWorld(), seam = createFakeSeam()) {
  return { world, seam, host: openFakeHost(world, seam), progress: new Progress(seam) }
}

/** A machine `web` with a 1 GiB disk, defined and stopped. */
async function openWithWeb(overrides: Partial<FakeWorld> = {}) {
  const opened = open(createFakeWorld(overrides))
  await opened.host.createDisk(opened.progress, disk('web.qcow2'))
  await opened.host.defineVm(opened.progress, vm('web'))
  return opened
}

describe('pools of the in-memory host', () => {
  const share = {
    name: 'share',
    path: '/srv/share',
    source: { kind: 'netfs', server: 'nas', folder: '/export', format: 'nfs' },
  } as const

  it('K3: a share is let go whatever others have on it', async () => {
    const { host, progress, world } = open()
    const before = census(world)
    await host.ensurePool(progress, share)
    expect(world.pools['share']).toMatchObject({ source: share.source, active: true })
    world.pools['share']!.volumes['theirs.iso'] = createFakeVolume()
    await host.removePool(progress, share)
    expect(census(world)).toEqual(before)
  })

  it('K3: a folder with files of others is no pool any more, and stays', async () => {
    const { host, progress, world } = open()
    const pool = { name: 'made', path: '/srv/made', permissions: { mode: 0o750, owner: 0, group: 0 } }
    await host.ensurePool(progress, pool)
    world.files['/srv/made/notes.txt'] = { kind: 'file', disk: undefined }
    await host.removePool(progress, pool)
    expect(world.pools['made']).toBeUndefined()
    expect(world.files['/srv/made/notes.txt']).toBeDefined()
  })
})

describe('the in-memory host is as strict as libvirt', () => {
  it('refuses to delete a volume that a running machine uses', async () => {
    const { host, progress } = await openWithWeb()
    await host.startVm(progress, 'web')
    await expect(host.deleteVolume(progress, disk('web.qcow2'))).rejects.toMatchObject({
      code: 'host.operation-failed',
    })
  })

  it('X4: lets a machine go on that somebody left paused', async () => {
    const { host, progress, world } = await openWithWeb()
    await host.startVm(progress, 'web')
    world.vms['web']!.state = 'paused'
    await host.startVm(progress, 'web')
    expect(world.vms['web']?.state).toBe('running')
  })

  it('refuses to undefine a running machine', async () => {
    const { host, progress, world } = await openWithWeb()
    await host.startVm(progress, 'web')
    await expect(host.undefineVm(progress, 'web')).rejects.toMatchObject({ code: 'host.operation-failed' })
    expect(world.vms['web']).toBeDefined()
  })

  it.each<[string, (world: FakeWorld) => void]>([
    ['on an inactive network', (world) => void (world.networks['default']!.active = false)],
    [
      'from a disk that is not complete',
      (world) => void (world.pools['default']!.volumes['web.qcow2']!.complete = false),
    ],
    ['with KVM where it does not work', (world) => void (world.acceleration = 'emulation')],
    [
      'from an overlay without its base',
      (world) => void (world.pools['default']!.volumes['web.qcow2']!.backingPath = '/gone'),
    ],
  ])('does not start a machine %s', async (_what, spoil) => {
    const { host, progress, world } = await openWithWeb()
    spoil(world)
    await expect(host.startVm(progress, 'web')).rejects.toMatchObject({ code: 'host.operation-failed' })
    expect(world.vms['web']?.state).toBe('stopped')
  })

  it('has no space in a full pool, and keeps nothing of what did not fit', async () => {
    const pools = { default: createFakePool('/pool', { capacityBytes: 100 * 1024 }) }
    const { host, progress, world } = open(createFakeWorld({ pools }))
    await expect(host.createDisk(progress, disk('web.qcow2'))).rejects.toMatchObject({ code: 'pool.full' })
    expect(world.pools['default']?.volumes).toEqual({})
  })

  it('says that a host is down', async () => {
    const { host, progress } = open(createFakeWorld({ down: true }))
    await expect(host.observe(progress)).rejects.toMatchObject({ code: 'host.unreachable' })
  })

  it.each(['bios', 'uefi'] as const)(
    'brings back the content of the disks of a %s machine',
    async (firmware) => {
      const { host, progress, world } = await openWithWeb()
      const content = () => world.pools['default']?.volumes['web.qcow2']?.data
      await host.defineVm(progress, vm('web', { firmware }))
      await host.createSnapshot(progress, 'web', { name: 'clean', description: '' })
      await host.startVm(progress, 'web')
      await host.stopVm(progress, 'web', 'graceful')
      expect(content()).toBe('empty+booted')
      await host.restoreSnapshot(progress, 'web', 'clean')
      expect(content()).toBe('empty')
    },
  )
})

describe('guests of the in-memory host', () => {
  it('are ready at once: lease, agent and a last line of cloud-init', async () => {
    const { host, progress, world } = await openWithWeb()
    await host.startVm(progress, 'web')
    const guest = host.guest('web')
    expect(await guest.addresses(progress)).toEqual({
      lease: ['192.168.122.10'],
      arp: ['192.168.122.10'],
      agent: ['192.168.122.10'],
    })
    expect(await guest.agent(progress, 'guest-ping')).toEqual({})
    let text = ''
    await using console = await guest.console(progress)
    for await (const bytes of console) {
      text += new TextDecoder().decode(bytes)
      if (text.includes('finished')) break
    }
    expect(text).toContain('Cloud-init')
    expect(world.vms['web']?.state).toBe('running')
  })

  it('come up when their script says, and tell who watches', async () => {
    const { host, progress, seam } = await openWithWeb({
      guests: { web: { agentAfterMs: 3_000, ends: { afterMs: 5_000, state: 'crashed' } } },
    })
    const changes: string[] = []
    const guest = host.guest('web')
    await using _watch = await guest.watch(progress, (change) =>
      changes.push(
        `${seam.monotonicMs()} ${change.kind === 'state' ? change.state : `agent ${change.connected}`}`,
      ),
    )
    await host.startVm(progress, 'web')
    await expect(guest.agent(progress, 'guest-ping')).rejects.toMatchObject({ code: 'guest.agent-silent' })
    await progress.sleep(10_000)
    expect(changes).toEqual(['0 running', '3000 agent true', '5000 crashed', '5000 agent false'])
  })
})

describe('a killed run', () => {
  /** Everything that a run could do to one machine, in order. */
  async function provision(world: FakeWorld, seam = createFakeSeam()): Promise<void> {
    const { host, progress } = open(world, seam)
    await using _lock = await host.lock(progress, 'run')
    await host.ensurePool(progress, { name: 'images', path: '/images' })
    const image = { pool: 'images', name: 'base.qcow2', localPath: '/x', sha256: 'ab', sizeBytes: GiB }
    await host.placeImage(progress, { ...image, format: 'qcow2' })
    await host.defineVm(progress, vm('web'))
    await host.createDisk(
      progress,
      disk('web.qcow2', {
        sizeBytes: 2 * GiB,
        base: { volume: image, format: 'qcow2', mode: 'copy' },
        existing: world.vms['web']?.snapshots.length === 0 ? 'replace' : 'keep',
      }),
    )
    await host.writeVolume(progress, { pool: 'default', name: 'web.iso' }, new Uint8Array(10))
    await host.createSnapshot(progress, 'web', { name: 'clean', description: '' })
    await host.startVm(progress, 'web')
    await host.setAutostart(progress, 'web', 'on')
  }
  async function destroy(world: FakeWorld, seam = createFakeSeam()): Promise<void> {
    const { host, progress } = open(world, seam)
    await using _lock = await host.lock(progress, 'run')
    await host.stopVm(progress, 'web', 'force')
    await host.undefineVm(progress, 'web')
    await host.deleteVolume(progress, { pool: 'default', name: 'web.qcow2' })
    await host.deleteVolume(progress, { pool: 'default', name: 'web.iso' })
  }

  it.each(['before', 'after'] as const)(
    'X4: may be followed by another one, killed %s any effect',
    async (when) => {
      const clean = createFakeWorld()
      const full = createFakeSeam()
      await provision(clean, full)
      for (let ordinal = 1; ordinal <= full.mutations.length; ordinal++) {
        const world = createFakeWorld()
        const seam = createFakeSeam()
        seam.killAt(ordinal, when)
        await expect(provision(world, seam)).rejects.toThrow(Killed)
        await provision(world)
        expect(census(world)).toEqual(census(clean))
      }
      expect(full.mutations.length).toBeGreaterThan(12)
    },
  )

  it('X4: leaves nothing after a destroy that was killed at any effect', async () => {
    for (let ordinal = 1; ; ordinal++) {
      const world = createFakeWorld({ vms: { stranger: createFakeVm('stranger') } })
      world.pools['default']!.volumes['web.qcow2.bak'] = createFakeVolume()
      const before = census(world)
      await provision(world)
      const seam = createFakeSeam()
      seam.killAt(ordinal, 'after')
      const outcome = await destroy(world, seam).catch((error: unknown) => error)
      if (outcome === undefined) break
      await destroy(world)
      expect(census(world).filter((line) => !line.includes('images'))).toEqual(
        before.filter((line) => !line.includes('images')),
      )
    }
  })

  it('R9: gives its lock back by dying', async () => {
    const world = createFakeWorld()
    const [dead, alive] = [open(world), open(world)]
    await dead.host.lock(dead.progress, 'the dead')
    await expect(alive.host.lock(alive.progress.child({ timeoutMs: 500 }), 'me')).rejects.toMatchObject({
      code: 'host.locked',
      details: { holder: 'the dead' },
    })
    dead.seam.kill()
    await using _lock = await alive.host.lock(alive.progress, 'me')
  })
})
