import { expect, it } from 'vitest'
import type { ObservedSnapshot } from '../snapshots.ts'
import { expectCode, type Suite } from './suite.ts'

export function describeSnapshots(suite: () => Suite): void {
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

/** G8. The guests of this suite have 64 MiB that nobody wrote to, so that their memory is quickly saved. */
export function describeMemorySnapshots(suite: () => Suite): void {
  const named = async (vm: string): Promise<Readonly<Record<string, ObservedSnapshot>>> => {
    const { host, progress } = suite()
    const listed = await host.listSnapshots(progress, vm)
    return Object.fromEntries(listed.map((snapshot) => [snapshot.name, snapshot]))
  }

  it('G8: a running machine is snapshotted with its memory, runs on, and is brought back whatever it does', async () => {
    const { host, progress, machine, findVm } = suite()
    const vm = await machine('memory')
    const why = await host.whyNoMemorySnapshot(progress, vm.name)
    expect(why === undefined).toBe(host.can.stoppedSnapshot.bios === 'internal')
    if (why !== undefined) return
    const clean = { name: 'clean', description: 'stopped', note: '{"layer":"clean"}' }
    await host.createSnapshot(progress, vm.name, clean)
    await host.startVm(progress, vm.name)
    const init = { name: 'p.1.init', description: '<b>\n', memory: true, note: 'odd: \n\t"\u0001\ufffe\r ü' }
    await host.createSnapshot(progress, vm.name, init)
    await host.createSnapshot(progress, vm.name, init)
    expect((await findVm(vm.name))?.state).toBe('running')
    const before = await named(vm.name)
    expect(before).toMatchObject({
      clean: { memory: false, note: clean.note, parent: undefined, current: false },
      'p.1.init': { memory: true, note: init.note, parent: 'clean', current: true },
    })
    expect(before['p.1.init']?.sizeBytes).toBeGreaterThan(0)
    expect(before['p.1.init']?.createdAtMs).toBeGreaterThanOrEqual(before['clean']?.createdAtMs ?? Infinity)

    await host.writeMark(progress, vm.name, { ...vm.mark, stage: 'provisioned' })
    await host.restoreSnapshot(progress, vm.name, init.name)
    expect(await findVm(vm.name)).toMatchObject({ state: 'running', mark: { stage: 'provisioned' } })
    await host.stopVm(progress, vm.name, 'force')
    expect((await findVm(vm.name))?.state).toBe('stopped')
    await host.restoreSnapshot(progress, vm.name, init.name)
    expect(await findVm(vm.name)).toMatchObject({ state: 'running', mark: { stage: 'provisioned' } })
    await expectCode(host.restoreSnapshot(progress, vm.name, 'clean'), 'host.operation-failed', vm.name)

    // What others rest on goes, and they stay.
    await host.deleteSnapshot(progress, vm.name, 'clean')
    expect(await named(vm.name)).toMatchObject({ 'p.1.init': { parent: undefined, note: init.note } })
    await host.stopVm(progress, vm.name, 'force')
    await host.restoreSnapshot(progress, vm.name, init.name)
    await host.stopVm(progress, vm.name, 'force')
    await host.undefineVm(progress, vm.name)
  })

  it('G8: a snapshot of the wanted name without the wanted note is made anew, and without a wish is left', async () => {
    const { host, progress, machine } = suite()
    if (host.can.stoppedSnapshot.bios === 'none') return
    const vm = await machine('unnoted')
    await host.createSnapshot(progress, vm.name, { name: 'clean', description: 'by hand' })
    expect((await named(vm.name))['clean']?.note).toBeUndefined()
    await host.createSnapshot(progress, vm.name, { name: 'clean', description: '', note: 'first' })
    expect((await named(vm.name))['clean']?.note).toBe('first')
    await host.createSnapshot(progress, vm.name, { name: 'clean', description: '', note: 'second' })
    expect((await named(vm.name))['clean']?.note).toBe('second')
    await host.createSnapshot(progress, vm.name, { name: 'clean', description: '' })
    expect((await named(vm.name))['clean']?.note).toBe('second')
  })

  it('G8: memory is saved of machines that run alone, and disks alone of those that do not', async () => {
    const { host, progress, machine, findVm } = suite()
    const vm = await machine('wrong-state')
    if ((await host.whyNoMemorySnapshot(progress, vm.name)) !== undefined) return
    const create = (memory: boolean): Promise<void> =>
      host.createSnapshot(progress, vm.name, { name: 'x', description: '', memory, note: 'x' })
    await expectCode(create(true), 'host.operation-failed', vm.name)
    await host.startVm(progress, vm.name)
    await expectCode(create(false), 'host.operation-failed', vm.name)
    expect(await findVm(vm.name)).toMatchObject({ state: 'running', snapshots: [] })
    await host.stopVm(progress, vm.name, 'force')
  })

  it('G8: so is a UEFI machine, with several at once that go in any order, running or not', async () => {
    const { host, progress, machine, findVm } = suite()
    if (!host.can.uefi) return
    const vm = await machine('flash', { firmware: 'uefi' })
    const why = await host.whyNoMemorySnapshot(progress, vm.name)
    expect(why === undefined).toBe(host.can.stoppedSnapshot.bios === 'internal')
    if (why !== undefined) return
    await host.startVm(progress, vm.name)
    const create = (name: string): Promise<void> =>
      host.createSnapshot(progress, vm.name, { name, description: 'as "it" was', memory: true, note: name })
    for (const name of ['one', 'two', 'three', 'three']) await create(name)
    expect(await findVm(vm.name)).toMatchObject({ state: 'running', mark: vm.mark })
    const listed = await named(vm.name)
    expect(listed).toMatchObject({
      one: { memory: true, note: 'one', parent: undefined, current: false },
      two: { memory: true, note: 'two', parent: 'one', current: false },
      three: { memory: true, note: 'three', parent: 'two', current: true },
    })
    expect(listed['one']?.sizeBytes).toBeGreaterThan(0)

    await host.writeMark(progress, vm.name, { ...vm.mark, stage: 'provisioned' })
    await host.restoreSnapshot(progress, vm.name, 'one')
    expect(await findVm(vm.name)).toMatchObject({ state: 'running', mark: { stage: 'provisioned' } })
    expect((await named(vm.name))['one']?.current).toBe(true)
    await host.deleteSnapshot(progress, vm.name, 'one')
    await host.stopVm(progress, vm.name, 'force')
    await host.deleteSnapshot(progress, vm.name, 'two')
    await host.deleteSnapshot(progress, vm.name, 'two')
    await host.restoreSnapshot(progress, vm.name, 'three')
    expect(await findVm(vm.name)).toMatchObject({
      state: 'running',
      mark: { stage: 'provisioned' },
      snapshots: ['three'],
    })
    await host.stopVm(progress, vm.name, 'force')
    expect(await findVm(vm.name)).toMatchObject({ state: 'stopped', firmware: 'uefi' })
    await host.undefineVm(progress, vm.name)
  })
}

export function describeLock(suite: () => Suite): void {
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
