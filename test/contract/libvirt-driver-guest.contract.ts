import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { VmDefinition } from '../../packages/vmwright/src/hypervisor/contract.ts'
import { uuidFromNames } from '../../packages/vmwright/src/lib/hash.ts'
import { MiB } from '../../packages/vmwright/src/lib/units.ts'
import { openTestHost, virsh, type TestHost } from './libvirt-driver-host.ts'

/** A guest with an empty disk: its firmware finds nothing to boot from, and says so on the serial line. */
let test: TestHost
let vm: VmDefinition
beforeAll(async () => {
  test = await openTestHost('guest')
  const { host, progress, prefix, folder } = test
  const pool = `${prefix}pool`
  const root = { pool, name: 'root.qcow2' }
  await host.ensurePool(progress, { name: pool, path: join(folder, 'pool') })
  await host.createDisk(progress, {
    ...root,
    sizeBytes: 64 * MiB,
    format: 'qcow2',
    base: undefined,
    existing: 'keep',
  })
  vm = {
    name: `${prefix}vm`,
    basis: undefined,
    id: uuidFromNames('guest', prefix),
    mark: {
      project: 'guest',
      instance: 'vm',
      stage: 'creating',
      image: { kind: 'image', id: 'none', digest: 'none' },
      volumes: [{ ...root, role: 'root', device: 'vda' }],
      seed: { instanceId: 'i', digest: 'd', sealed: false },
      hostKeys: [],
      user: 'root',
    },
    acceleration: 'emulation',
    vcpus: 1,
    singleSocket: true,
    memoryMib: 64,
    machine: 'q35',
    firmware: 'bios',
    secureBoot: false,
    disks: [{ volume: root, device: 'vda', format: 'qcow2' }],
    seed: undefined,
    interfaces: [],
  }
  await host.defineVm(progress, vm)
})
afterAll(async () => {
  await test.host.stopVm(test.progress, vm.name, 'force')
  await test.host.undefineVm(test.progress, vm.name)
  await test[Symbol.asyncDispose]()
})

describe('access to a guest', () => {
  it('C18: a console opened before the start hears the firmware, from its first words to the missing boot device', async () => {
    const { host, progress } = test
    const opening = host.guest(vm.name).console(progress.child({ timeoutMs: 20_000 }))
    await host.startVm(progress, vm.name)
    await using console = await opening
    let text = ''
    for await (const piece of console) {
      text += Buffer.from(piece).toString('latin1')
      if (text.includes('No bootable device')) break
    }
    expect(text).toContain('SeaBIOS')
  })

  it('without an agent or a network, calls fail clearly and addresses are empty', async () => {
    const { host, progress } = test
    const guest = host.guest(vm.name)
    await expect(guest.agent(progress, 'guest-ping')).rejects.toMatchObject({
      code: 'guest.agent-silent',
      details: { vm: vm.name },
      retryable: true,
    })
    expect(await guest.addresses(progress)).toEqual({ lease: [], arp: [], agent: [] })
  })

  it('X4: what others do to the machine is told as it happens, and a paused one goes on when it is started', async () => {
    const { host, progress } = test
    const states: string[] = []
    await using _watch = await host.guest(vm.name).watch(progress, (change) => {
      if (change.kind === 'state') states.push(change.state)
    })
    await virsh('suspend', vm.name)
    expect(await host.guest(vm.name).state(progress)).toBe('paused')
    await host.startVm(progress, vm.name)
    await virsh('destroy', vm.name)
    await progress
      .child({ timeoutMs: 5_000 })
      .poll({ everyMs: 20, what: 'the events' }, async () => (states.includes('stopped') ? true : undefined))
    expect(states).toEqual(['paused', 'running', 'stopped'])
    await expect(host.guest(vm.name).agent(progress, 'guest-ping')).rejects.toMatchObject({
      code: 'guest.agent-silent',
    })
  })

  it('X4: a machine that somebody else is just starting counts as started', async () => {
    const { host, progress } = test
    const guest = host.guest(vm.name)
    // libvirt goes on with the start that a killed run asked for, and says `paused` until QEMU runs.
    const theirs = virsh('start', vm.name)
    while ((await guest.state(progress)) === 'stopped');
    await host.startVm(progress, vm.name)
    expect(await guest.state(progress)).toBe('running')
    await theirs
    await host.stopVm(progress, vm.name, 'force')
  })

  it('waiting for a console ends at the deadline', async () => {
    const { host, progress } = test
    const opening = host.guest(vm.name).console(progress.child({ timeoutMs: 200 }))
    await expect(opening).rejects.toMatchObject({ code: 'wait.timeout' })
  })
})
