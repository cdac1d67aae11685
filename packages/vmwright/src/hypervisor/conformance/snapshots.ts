import { expect, it } from 'vitest'
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
