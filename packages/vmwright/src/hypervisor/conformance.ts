import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { errorCatalogue } from '@vmwright/contract'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isProvisionError } from '../lib/errors.ts'
import { sha256Hex, uuidFromNames } from '../lib/hash.ts'
import type { Progress } from '../lib/progress.ts'
import { GiB, MiB } from '../lib/units.ts'
import type { Hypervisor, ObservedVm, ObservedVolume, VmDefinition, VmMark, VolumeRef } from './contract.ts'

export interface HypervisorUnderTest {
  readonly host: Hypervisor
  readonly progress: Progress
  /** A folder on the host for the suite's own pool; it need not exist. */
  readonly poolPath: string
  /** Begins every name that the suite makes. */
  readonly prefix: string
  /** Removes the pool; machines and volumes are gone by then. */
  cleanup(): Promise<void>
}

/**
 * The behaviour of every driver. The guests have 64 MiB and no operating system: nothing here waits for one, they
 * ignore requests to stop, and starts are few, because on a real host each costs half a second and each stop up to
 * three.
 */
export function describeHypervisor(name: string, setup: () => Promise<HypervisorUnderTest>): void {
  describe(`${name} behaves as a hypervisor`, () => {
    let suite: Suite
    beforeAll(async () => {
      suite = createSuite(await setup())
      const { host, progress, pool, poolPath } = suite
      await host.ensurePool(progress, { name: pool, path: poolPath })
    })
    afterAll(async () => {
      await removeAll(suite)
      await suite.cleanup()
      await suite.host.close()
    })
    describeStorage(() => suite)
    describeMachines(() => suite)
    describeSnapshots(() => suite)
    describeLock(() => suite)
  })
}

function describeStorage(suite: () => Suite): void {
  it('K3: a pool is made once and seen with its folder', async () => {
    const { host, progress, pool, poolPath, observePool } = suite()
    await host.ensurePool(progress, { name: pool, path: poolPath })
    expect(await observePool()).toMatchObject({ name: pool, path: poolPath, active: true })
  })

  it('a started network may be started again', async () => {
    const { host, progress } = suite()
    const active = (await host.observe(progress)).networks.find((network) => network.active)
    if (active !== undefined) await host.startNetwork(progress, active.name)
  })

  it('C13: a network that does not exist is an error with its name', async () => {
    const { host, progress, name } = suite()
    await expectCode(host.startNetwork(progress, name('none')), 'network.not-found', name('none'))
  })

  it('a placed image is seen under its name, and placing it again changes nothing', async () => {
    const { host, progress, volume, findVolume } = suite()
    const image = volume('image.raw')
    await withLocalImage(async (local) => {
      await host.placeImage(progress, { ...image, ...local, format: 'raw' })
      const placed = await findVolume(image)
      expect(placed).toMatchObject({ capacityBytes: local.sizeBytes, format: 'raw' })
      await host.placeImage(progress, { ...image, ...local, format: 'raw' })
      expect(await findVolume(image)).toEqual(placed)
    })
  })

  it('an overlay knows the path of its base and has its own size', async () => {
    const { host, progress, volume, findVolume } = suite()
    const [base, overlay] = [volume('base.qcow2'), volume('overlay.qcow2')]
    await host.createDisk(progress, emptyDisk(base, GiB))
    await host.createDisk(progress, {
      ...emptyDisk(overlay, 2 * GiB),
      base: { volume: base, format: 'qcow2', mode: 'overlay' },
    })
    expect(await findVolume(overlay)).toMatchObject({
      capacityBytes: 2 * GiB,
      format: 'qcow2',
      backingPath: (await findVolume(base))?.path,
    })
  })

  it('a copy does not depend on its base', async () => {
    const { host, progress, volume, findVolume } = suite()
    const [base, copy] = [volume('copied.qcow2'), volume('copy.qcow2')]
    await host.createDisk(progress, emptyDisk(base, GiB))
    await host.createDisk(progress, {
      ...emptyDisk(copy, 2 * GiB),
      base: { volume: base, format: 'qcow2', mode: 'copy' },
    })
    expect(await findVolume(copy)).toMatchObject({ capacityBytes: 2 * GiB, backingPath: undefined })
    await host.deleteVolume(progress, base)
    expect(await findVolume(copy)).toBeDefined()
  })

  it('`keep` leaves an existing disk, `replace` makes it anew', async () => {
    const { host, progress, volume, findVolume } = suite()
    const disk = volume('kept.qcow2')
    await host.createDisk(progress, emptyDisk(disk, GiB))
    const first = await findVolume(disk)
    await host.createDisk(progress, emptyDisk(disk, GiB))
    expect(await findVolume(disk)).toEqual(first)
    await host.createDisk(progress, { ...emptyDisk(disk, 2 * GiB), existing: 'replace' })
    expect(await findVolume(disk)).toMatchObject({ capacityBytes: 2 * GiB })
  })

  it('`replace` creates a disk that is not there', async () => {
    const { host, progress, volume, findVolume } = suite()
    const disk = volume('replaced.raw')
    await host.createDisk(progress, { ...emptyDisk(disk, GiB), format: 'raw', existing: 'replace' })
    expect(await findVolume(disk)).toMatchObject({ capacityBytes: GiB, format: 'raw' })
  })

  it('a volume is overwritten by shorter and by longer content', async () => {
    const { host, progress, volume, findVolume } = suite()
    const seed = volume('seed.iso')
    for (const sizeBytes of [256 * 1024, 64 * 1024, 64 * 1024, 512 * 1024]) {
      await host.writeVolume(progress, seed, new Uint8Array(sizeBytes).fill(sizeBytes / 1024))
      expect(await findVolume(seed)).toMatchObject({ capacityBytes: sizeBytes })
    }
  })

  it('deleting a volume removes it, and deleting an absent one is nothing', async () => {
    const { host, progress, volume, findVolume } = suite()
    const disk = volume('deleted.qcow2')
    await host.createDisk(progress, emptyDisk(disk, GiB))
    await host.deleteVolume(progress, disk)
    expect(await findVolume(disk)).toBeUndefined()
    await host.deleteVolume(progress, disk)
  })
}

function describeMachines(suite: () => Suite): void {
  it('C12: a defined machine is seen as it was defined, stopped', async () => {
    const { host, progress, machine, findVm } = suite()
    const vm = await machine('defined', { singleSocket: true, vcpus: 3 })
    const seen = await findVm(vm.name)
    expect(seen).toMatchObject({
      name: vm.name,
      id: vm.id,
      state: 'stopped',
      vcpus: 3,
      singleSocket: true,
      memoryMib: 64,
      firmware: 'bios',
      secureBoot: false,
      autostart: false,
      interfaces: vm.interfaces,
      snapshots: [],
    })
    expect(seen?.machine).toContain('q35')
    expect(seen?.disks.map(({ device, kind }) => `${device} ${kind}`)).toEqual(['vda disk', 'sda cdrom'])
    await host.defineVm(progress, vm)
    expect(await findVm(vm.name)).toEqual(seen)
  })

  it('a machine is brought to a changed definition of the same id', async () => {
    const { host, progress, machine, findVm } = suite()
    const vm = await machine('redefined')
    await host.defineVm(progress, { ...vm, vcpus: 2, memoryMib: 96 })
    expect(await findVm(vm.name)).toMatchObject({ id: vm.id, vcpus: 2, memoryMib: 96 })
  })

  it('a name that is taken by a machine of another id is refused', async () => {
    const { host, progress, machine, findVm } = suite()
    const vm = await machine('taken')
    const other = { ...vm, id: uuidFromNames('another', vm.name) }
    await expectCode(host.defineVm(progress, other), undefined, vm.name)
    expect(await findVm(vm.name)).toMatchObject({ id: vm.id })
  })

  it.each([
    ['plain', 'web'],
    ['XML', `<a b='c'>&amp;"]]>--</a>`],
    ['beyond ASCII', 'Übung 日本 😀 \u00a0'],
    ['spaces and quotes', ` ' " \` $(x) \\ `],
  ])('X3: a mark with odd characters comes back as it was written: %s', async (_what, text) => {
    const { host, progress, machine, findVm } = suite()
    const vm = await machine('marked')
    const mark: VmMark = {
      ...vm.mark,
      stage: 'provisioned',
      image: { id: text, digest: `sha256:${text}` },
      seed: { instanceId: text, digest: 'd', sealed: true },
      hostKeys: [`ssh-ed25519 AAAA ${text}`, 'ecdsa-sha2-nistp256 BBBB'],
      user: text,
    }
    await host.writeMark(progress, vm.name, mark)
    expect((await findVm(vm.name))?.mark).toEqual(mark)
    await host.writeMark(progress, vm.name, mark)
    expect((await findVm(vm.name))?.mark).toEqual(mark)
  })

  it('C19: autostart goes on and off', async () => {
    const { host, progress, machine, findVm } = suite()
    const vm = await machine('autostarted')
    for (const autostart of ['on', 'on', 'off', 'off'] as const) {
      await host.setAutostart(progress, vm.name, autostart)
      expect((await findVm(vm.name))?.autostart).toBe(autostart === 'on')
    }
  })

  it('a disk grows and does not shrink', async () => {
    const { host, progress, machine, findVolume } = suite()
    const vm = await machine('grown')
    const root = rootOf(vm)
    await host.growDisk(progress, vm.name, 'vda', root, 3 * GiB)
    await host.growDisk(progress, vm.name, 'vda', root, 3 * GiB)
    expect(await findVolume(root)).toMatchObject({ capacityBytes: 3 * GiB })
    await expectCode(host.growDisk(progress, vm.name, 'vda', root, GiB), 'disk.shrink-refused', root.name)
  })

  it('a guest that ignores the request to stop is given up at the deadline, and then cut off', async () => {
    const { host, progress, machine, findVm } = suite()
    const vm = await machine('started')
    const states: string[] = []
    await using _watch = await host.guest(vm.name).watch(progress, (change) => {
      if (change.kind === 'state') states.push(change.state)
    })
    await host.startVm(progress, vm.name)
    await host.startVm(progress, vm.name)
    expect((await findVm(vm.name))?.state).toBe('running')
    expect(await host.guest(vm.name).state(progress)).toBe('running')
    await host.growDisk(progress, vm.name, 'vda', rootOf(vm), 2 * GiB)
    await host.writeMark(progress, vm.name, { ...vm.mark, stage: 'created' })
    expect((await findVm(vm.name))?.mark?.stage).toBe('created')
    await expectCode(
      host.stopVm(progress.child({ timeoutMs: 1_500 }), vm.name, 'graceful'),
      'wait.timeout',
      vm.name,
    )
    await using console = await host.guest(vm.name).console(progress)
    await host.stopVm(progress, vm.name, 'force')
    await host.stopVm(progress, vm.name, 'force')
    await host.stopVm(progress, vm.name, 'graceful')
    expect(await findVm(vm.name)).toMatchObject({ state: 'stopped', mark: { stage: 'created' } })
    // The console ends with the machine; otherwise this loop would not.
    for await (const _output of console);
    await progress.poll({ everyMs: 50, what: 'the event of the stop' }, async () =>
      states.at(-1) === 'stopped' ? true : undefined,
    )
    expect(states).toContain('running')
  })

  it('a machine without its disk does not start', async () => {
    const { host, progress, machine } = suite()
    const vm = await machine('diskless')
    await host.deleteVolume(progress, rootOf(vm))
    await expectCode(host.startVm(progress, vm.name), undefined, vm.name)
  })

  it('C32: an undefined machine is gone, its disks stay, and undefining it again is nothing', async () => {
    const { host, progress, machine, findVm, findVolume } = suite()
    const vm = await machine('undefined')
    await host.undefineVm(progress, vm.name)
    expect(await findVm(vm.name)).toBeUndefined()
    expect(await findVolume(rootOf(vm))).toBeDefined()
    await host.undefineVm(progress, vm.name)
    await host.stopVm(progress, vm.name, 'force')
  })

  it('an operation on a machine that is not there is an error with its name', async () => {
    const { host, progress, name } = suite()
    await expectCode(host.startVm(progress, name('nobody')), undefined, name('nobody'))
    await expectCode(host.setAutostart(progress, name('nobody'), 'on'), undefined, name('nobody'))
  })
}

function describeSnapshots(suite: () => Suite): void {
  it.each(['bios', 'uefi'] as const)(
    'C17 C34: a stopped %s machine is snapshotted, restored and undefined as the host can',
    async (firmware) => {
      const { host, progress, machine, findVm, observePool } = suite()
      if (firmware === 'uefi' && !host.can.uefi) return
      const vm = await machine(`snapshot-${firmware}`, { firmware })
      if (firmware === 'uefi') await bootOnce(suite(), vm.name)
      const volumesBefore = (await observePool()).volumes.map((volume) => volume.name).toSorted()
      const clean = { name: 'clean', description: 'after provisioning, <& "odd">' }
      if (host.can.stoppedSnapshot[firmware] === 'none') {
        await expectCode(host.createSnapshot(progress, vm.name, clean), 'snapshot.unsupported', vm.name)
        return
      }
      await host.createSnapshot(progress, vm.name, clean)
      await host.createSnapshot(progress, vm.name, clean)
      await host.createSnapshot(progress, vm.name, { name: 'second', description: '' })
      expect((await findVm(vm.name))?.snapshots.toSorted()).toEqual(['clean', 'second'])

      await host.restoreSnapshot(progress, vm.name, 'clean')
      await expectCode(host.restoreSnapshot(progress, vm.name, 'none'), 'snapshot.not-found', vm.name)
      expect(await findVm(vm.name)).toMatchObject({ state: 'stopped', mark: vm.mark })

      await host.deleteSnapshot(progress, vm.name, 'second')
      await host.deleteSnapshot(progress, vm.name, 'second')
      expect((await findVm(vm.name))?.snapshots).toEqual(['clean'])

      await host.undefineVm(progress, vm.name)
      expect(await findVm(vm.name)).toBeUndefined()
      expect((await observePool()).volumes.map((volume) => volume.name).toSorted()).toEqual(volumesBefore)
    },
  )
}

function describeLock(suite: () => Suite): void {
  it('R9: the lock keeps a second holder out, names the first, and is free after disposal', async () => {
    const { host, progress } = suite()
    const first = await host.lock(progress, 'first holder')
    await expectCode(
      host.lock(progress.child({ timeoutMs: 300 }), 'second holder'),
      'host.locked',
      'first holder',
    )
    await first[Symbol.asyncDispose]()
    const second = await host.lock(progress.child({ timeoutMs: 5_000 }), 'second holder')
    await second[Symbol.asyncDispose]()
  })
}

/** Makes the firmware variables of a UEFI machine come into being: without them undefining is no test. */
async function bootOnce({ host, progress }: Suite, vm: string): Promise<void> {
  await host.startVm(progress, vm)
  await host.stopVm(progress, vm, 'force')
}

async function removeAll({ host, progress, prefix, pool, observePool }: Suite): Promise<void> {
  for (const { name } of (await host.observe(progress)).vms.filter((vm) => vm.name.startsWith(prefix))) {
    await host.stopVm(progress, name, 'force')
    await host.undefineVm(progress, name)
  }
  for (const { name } of (await observePool()).volumes) await host.deleteVolume(progress, { pool, name })
  expect((await observePool()).volumes).toEqual([])
}

type Suite = ReturnType<typeof createSuite>

function createSuite({ host, progress, poolPath, prefix, cleanup }: HypervisorUnderTest) {
  const pool = `${prefix}pool`
  const name = (what: string): string => `${prefix}${what}`
  const volume = (what: string): VolumeRef => ({ pool, name: name(what) })
  const observePool = async () => {
    const found = (await host.observe(progress)).pools.find((other) => other.name === pool)
    if (found === undefined) throw new Error(`the suite's pool ${pool} is not seen`)
    return found
  }
  return {
    host,
    progress,
    pool,
    poolPath,
    prefix,
    cleanup,
    name,
    volume,
    observePool,
    findVolume: async (ref: VolumeRef): Promise<ObservedVolume | undefined> =>
      (await observePool()).volumes.find((other) => other.name === ref.name),
    findVm: async (vm: string): Promise<ObservedVm | undefined> =>
      (await host.observe(progress)).vms.find((other) => other.name === vm),
    /** Makes disk and seed, and defines a machine of 64 MiB on the first active network, if there is one. */
    async machine(what: string, overrides: Partial<VmDefinition> = {}): Promise<VmDefinition> {
      const network = (await host.observe(progress)).networks.find((other) => other.active)?.name
      const [root, seed] = [volume(`${what}.qcow2`), volume(`${what}.iso`)]
      const definition: VmDefinition = {
        name: name(what),
        id: uuidFromNames('conformance', name(what)),
        mark: markOf(name(what), root, seed),
        acceleration: 'emulation',
        vcpus: 1,
        singleSocket: true,
        memoryMib: 64,
        machine: 'q35',
        firmware: 'bios',
        secureBoot: false,
        disks: [{ volume: root, device: 'vda', format: 'qcow2' }],
        seed: { volume: seed, bus: 'scsi' },
        interfaces: network === undefined ? [] : [{ mac: macOf(what), network }],
        ...overrides,
      }
      await host.createDisk(progress, emptyDisk(root, GiB))
      await host.writeVolume(progress, seed, new Uint8Array(64 * 1024))
      await host.defineVm(progress, definition)
      return definition
    },
  }
}

const rootOf = (vm: VmDefinition): VolumeRef => {
  const root = vm.disks[0]?.volume
  if (root === undefined) throw new Error(`${vm.name} has no disk`)
  return root
}

const emptyDisk = (ref: VolumeRef, sizeBytes: number) =>
  ({ ...ref, sizeBytes, format: 'qcow2', base: undefined, existing: 'keep' }) as const

const macOf = (what: string): string =>
  `52:54:00:${sha256Hex(what)
    .slice(0, 6)
    .replace(/(..)(..)/, '$1:$2:')}`

const markOf = (instance: string, root: VolumeRef, seed: VolumeRef): VmMark => ({
  project: 'conformance',
  instance,
  stage: 'creating',
  image: { id: 'none', digest: 'sha256:0' },
  volumes: [
    { ...root, role: 'root', device: 'vda' },
    { ...seed, role: 'seed', device: 'sda' },
  ],
  seed: { instanceId: 'i-1', digest: 'sha256:1', sealed: false },
  hostKeys: ['ssh-ed25519 AAAA'],
  user: 'debian',
})

/** A small file on this machine that passes for a raw image. */
async function withLocalImage(
  use: (local: { localPath: string; sha256: string; sizeBytes: number }) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'vmwright-conformance-'))
  try {
    const content = new Uint8Array(MiB).map((_, index) => index % 251)
    const localPath = join(folder, 'image.raw')
    await writeFile(localPath, content)
    await use({ localPath, sha256: sha256Hex(content), sizeBytes: content.byteLength })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Every failure of a driver has a code of the catalogue; without `code` any of them will do. It names the object. */
async function expectCode(call: Promise<unknown>, code: string | undefined, object: string): Promise<void> {
  const error = await call.then(
    () => undefined,
    (error: unknown) => error,
  )
  if (!isProvisionError(error)) throw new Error(`expected an error with a code, got ${String(error)}`)
  expect(code === undefined ? Object.keys(errorCatalogue) : [code]).toContain(error.code)
  expect(`${error.message} ${JSON.stringify(error.details)}`).toContain(object)
}
