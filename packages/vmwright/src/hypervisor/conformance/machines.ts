import { expect, it } from 'vitest'
import { uuidFromNames } from '../../lib/hash.ts'
import { GiB } from '../../lib/units.ts'
import type { VmMark } from '../contract.ts'
import { expectCode, rootOf, type Suite } from './suite.ts'

export function describeMachines(suite: () => Suite): void {
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
      image: { kind: 'image', id: text, digest: `sha256:${text}` },
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
