import { execFile } from 'node:child_process'
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openLibvirtHost } from '../../packages/vmwright/src/hypervisor/libvirt/host.ts'
import { el, writeXml } from '../../packages/vmwright/src/lib/xml.ts'
import { Progress } from '../../packages/vmwright/src/lib/progress.ts'
import { realSeam, type Seam } from '../../packages/vmwright/src/lib/seam.ts'
import { MiB } from '../../packages/vmwright/src/lib/units.ts'
import { countingFirmware, flashBytes } from '../support/counting-firmware.ts'
import { hostSpec, openTestHost, virsh, type TestHost } from './libvirt-driver-host.ts'

const run = promisify(execFile)

let test: TestHost
beforeAll(async () => {
  test = await openTestHost('flash')
})
afterAll(() => test[Symbol.asyncDispose]())

interface Counter {
  readonly vm: string
  readonly file: string
  readonly variables: string
  readonly pool: string
}

/** A machine of 64 MiB whose firmware is in flash and counts, in a pool of its own. */
async function counter(what: string): Promise<Counter> {
  const folder = join(test.folder, what)
  await mkdir(folder)
  await chmod(folder, 0o711)
  const [vm, pool] = [`${test.prefix}${what}`, `${test.prefix}${what}`]
  await test.host.ensurePool(test.progress, { name: pool, path: folder })
  const [file, firmware, variables, xml] = ['disk.qcow2', 'CODE.fd', 'VARS.fd', 'machine.xml'].map((name) =>
    join(folder, name),
  ) as [string, string, string, string]
  await test.host.createDisk(test.progress, {
    pool,
    name: 'disk.qcow2',
    sizeBytes: 16 * MiB,
    format: 'qcow2',
    base: undefined,
    existing: 'keep',
  })
  await writeFile(firmware, countingFirmware())
  await writeFile(variables, new Uint8Array(flashBytes))
  const devices = el(
    'devices',
    {},
    el(
      'disk',
      { type: 'file', device: 'disk' },
      el('driver', { name: 'qemu', type: 'qcow2' }),
      el('source', { file }),
      el('target', { dev: 'vda', bus: 'virtio' }),
    ),
    el('controller', { type: 'usb', model: 'none' }),
  )
  const os = el(
    'os',
    {},
    el('type', { arch: 'x86_64', machine: 'q35' }, 'hvm'),
    el('loader', { readonly: 'yes', type: 'pflash' }, firmware),
    el('nvram', {}, variables),
  )
  const memory = el('memory', { unit: 'MiB' }, '64')
  const features = el('features', {}, el('acpi'))
  const machine = el('domain', { type: 'qemu' }, el('name', {}, vm), memory, os, features, devices)
  await writeFile(xml, writeXml(machine))
  await virsh('define', xml)
  return { vm, file, variables, pool }
}

const qemuIo = async (file: string, command: string): Promise<void> => {
  const { stdout } = await run('qemu-io', ['-f', 'qcow2', '-c', command, file])
  expect(stdout).not.toMatch(/failed|error/i)
}

const countOf = async (vm: string): Promise<number> =>
  Number((await virsh('qemu-monitor-command', vm, '--hmp', 'xp /1wx 0x46c')).split(':').at(-1))

const counted = (vm: string, atLeast: number): Promise<number> =>
  test.progress
    .child({ timeoutMs: 60_000 })
    .poll({ everyMs: 50, what: `${vm} to count to ${atLeast}` }, async () => {
      const now = await countOf(vm)
      return now >= atLeast ? now : undefined
    })

const snapshotsIn = async (file: string): Promise<readonly string[]> => {
  const { stdout } = await run('qemu-img', ['info', '--force-share', '--output=json', file])
  const { snapshots = [] } = JSON.parse(stdout) as { readonly snapshots?: readonly { name: string }[] }
  return snapshots.map(({ name }) => name)
}

const withMemory = { name: 'init', description: '', memory: true, note: 'key' }

async function remove({ vm, pool }: Counter): Promise<void> {
  const { host, progress } = test
  await host.stopVm(progress, vm, 'force')
  await host.undefineVm(progress, vm)
  await host.deleteVolume(progress, { pool, name: 'disk.qcow2' })
}

describe('G8: a snapshot with memory of a machine with firmware in flash', () => {
  it('brings back memory, disk and variables as they were at one moment, whether it runs or not', async () => {
    const { host, progress } = test
    const machine = await counter('back')
    const { vm, file, variables } = machine
    await qemuIo(file, 'write -P 0xaa 64k 64k')
    await host.startVm(progress, vm)
    const before = await counted(vm, 5)
    expect(await host.whyNoMemorySnapshot(progress, vm)).toBeUndefined()
    await host.createSnapshot(progress, vm, withMemory)
    expect(await virsh('domstate', vm)).toBe('running')
    const after = await countOf(vm)
    await counted(vm, after + 300)
    await host.restoreSnapshot(progress, vm, 'init')
    const back = await countOf(vm)
    expect(back).toBeGreaterThanOrEqual(before)
    expect(back).toBeLessThan(after + 150)
    await counted(vm, back + 2)

    await host.stopVm(progress, vm, 'force')
    await qemuIo(file, 'write -P 0xbb 64k 64k')
    await writeFile(variables, new Uint8Array(flashBytes).fill(0xee))
    await host.restoreSnapshot(progress, vm, 'init')
    await virsh('suspend', vm)
    const now = await countOf(vm)
    const flash = await readFile(variables)
    expect(now).toBeLessThan(after + 150)
    // What was being written when it was stopped may be half there.
    expect([now, now - 1]).toContain(flash.readUInt32LE(0))
    expect(flash.subarray(4).every((byte) => byte === 0)).toBe(true)
    await virsh('resume', vm)
    await counted(vm, now + 2)
    await host.stopVm(progress, vm, 'force')
    await qemuIo(file, 'read -P 0xaa 64k 64k')

    const [listed] = await host.listSnapshots(progress, vm)
    expect(listed).toMatchObject({ name: 'init', memory: true, current: true, note: 'key' })
    expect(Math.abs((listed?.createdAtMs ?? 0) - Date.now())).toBeLessThan(300_000)
    expect(listed?.sizeBytes).toBeGreaterThan(MiB / 8)
    await remove(machine)
  })

  it('takes the place of what somebody left in the disk under its name', async () => {
    const { host, progress } = test
    const machine = await counter('left')
    await run('qemu-img', ['snapshot', '-c', 'init', machine.file])
    await run('qemu-img', ['snapshot', '-c', 'by hand', machine.file])
    await host.startVm(progress, machine.vm)
    await counted(machine.vm, 2)
    await host.createSnapshot(progress, machine.vm, withMemory)
    expect((await snapshotsIn(machine.file)).toSorted()).toEqual(['by hand', 'init'])
    await host.restoreSnapshot(progress, machine.vm, 'init')
    await host.deleteSnapshot(progress, machine.vm, 'init')
    expect(await snapshotsIn(machine.file)).toEqual(['by hand'])
    await remove(machine)
  })

  it('is whole or not used, and leaves nothing, wherever it is killed when it is made, restored or deleted', async () => {
    const { host, progress } = test
    const machine = await counter('killed')
    const { vm, file } = machine
    await host.startVm(progress, vm)
    await counted(vm, 2)
    /** What a process that is killed at its effect of that number does; `false`: it has come to its end. */
    const killedAt = async (at: number, work: (other: typeof host, own: Progress) => Promise<void>) => {
      const mortal = dying(at)
      const own = new Progress(mortal.seam)
      const other = await openLibvirtHost(progress, hostSpec())
      await work(other, own).catch((error: unknown) => {
        if (!mortal.isDead()) throw error
      })
      await other.close()
      return mortal.isDead()
    }
    let kills = 0
    for (let at = 1; await killedAt(at, (other, own) => other.createSnapshot(own, vm, withMemory)); at++) {
      kills++
      const [found] = await host.listSnapshots(progress, vm)
      const isWhole = found?.note !== undefined
      expect(isWhole ? await snapshotsIn(file) : ['init']).toEqual(['init'])
      expect(await virsh('domstate', vm)).toMatch(isWhole ? /^running$/ : /^(?:running|paused)$/)
      await host.createSnapshot(progress, vm, { ...withMemory, name: 'other' })
      expect(await virsh('domstate', vm)).toBe('running')
      const expected = isWhole ? ['init', 'other'] : ['other']
      expect(await snapshotsIn(file)).toEqual(expected)
      expect((await host.listSnapshots(progress, vm)).map(({ name }) => name)).toEqual(expected)
      for (const name of expected) await host.deleteSnapshot(progress, vm, name)
      expect(await snapshotsIn(file)).toEqual([])
    }
    for (let at = 1; await killedAt(at, (other, own) => other.restoreSnapshot(own, vm, 'init')); at++) {
      kills++
      await host.restoreSnapshot(progress, vm, 'init')
      expect(await host.listSnapshots(progress, vm)).toMatchObject([
        { name: 'init', note: 'key', current: true },
      ])
    }
    for (let at = 1; await killedAt(at, (other, own) => other.deleteSnapshot(own, vm, 'init')); at++) {
      kills++
      const [found] = await host.listSnapshots(progress, vm)
      if (found?.note !== undefined) await host.restoreSnapshot(progress, vm, 'init')
      else await host.createSnapshot(progress, vm, withMemory)
      expect(await virsh('domstate', vm)).toBe('running')
    }
    expect(kills).toBeGreaterThan(10)
    expect(await snapshotsIn(file)).toEqual([])
    expect(await virsh('snapshot-list', vm, '--name')).toBe('')
    await remove(machine)
  }, 300_000)
})

/** A world that ends with its mutation of that number, which still happens. */
function dying(at: number): { readonly seam: Seam; readonly isDead: () => boolean } {
  const real = realSeam()
  let left = at
  const seam: Seam = {
    ...real,
    effect: async (effect, work) => {
      if (left === 0) throw new Error('killed')
      const result = await real.effect(effect, work)
      if (effect.mutates && --left === 0) throw new Error('killed')
      return result
    },
  }
  return { seam, isDead: () => left === 0 }
}
