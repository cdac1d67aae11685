import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, open, readdir, readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Hypervisor, VmDefinition } from '../../packages/vmwright/src/hypervisor/contract.ts'
import { openLibvirtHost } from '../../packages/vmwright/src/hypervisor/libvirt/host.ts'
import { uuidFromNames } from '../../packages/vmwright/src/lib/hash.ts'
import { Progress } from '../../packages/vmwright/src/lib/progress.ts'
import { realSeam, type Seam } from '../../packages/vmwright/src/lib/seam.ts'
import { MiB } from '../../packages/vmwright/src/lib/units.ts'
import { sleepingGuest } from '../support/boot-sector.ts'
import { openPrivateLibvirt, whyNoPrivateLibvirt } from '../support/private-libvirt.ts'
import type { Virsh } from '../support/virsh.ts'
import { hostSpec, openTestHost, virsh, type TestHost } from './libvirt-driver-host.ts'

const run = promisify(execFile)

let test: TestHost
beforeAll(async () => {
  test = await openTestHost('memory')
})
afterAll(() => test[Symbol.asyncDispose]())

/** A machine of 64 MiB that sleeps, in a pool of its own in that folder. */
async function sleeper(
  { host, progress }: { readonly host: Hypervisor; readonly progress: Progress },
  name: string,
  folder: string,
): Promise<{ readonly vm: string; readonly file: string; readonly pool: string }> {
  const pool = `${test.prefix}${name}`
  await host.ensurePool(progress, { name: pool, path: folder })
  const volume = { pool, name: `${name}.qcow2` }
  const file = join(folder, volume.name)
  await host.createDisk(progress, {
    ...volume,
    sizeBytes: 16 * MiB,
    format: 'qcow2',
    base: undefined,
    existing: 'keep',
  })
  const sector = `${file}.sector`
  await using written = await open(sector, 'w')
  await written.write(sleepingGuest())
  await qemuIo(file, `write -s ${sector} 0 512`)
  await rm(sector)
  const vm: VmDefinition = {
    name: `${test.prefix}${name}`,
    basis: undefined,
    id: uuidFromNames('memory', test.prefix, name),
    mark: {
      project: 'memory',
      instance: name,
      stage: 'created',
      image: { kind: 'image', id: 'none', digest: 'none' },
      volumes: [{ ...volume, role: 'root', device: 'vda' }],
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
    disks: [{ volume, device: 'vda', format: 'qcow2' }],
    seed: undefined,
    interfaces: [],
  }
  await host.defineVm(progress, vm)
  return { vm: vm.name, file, pool }
}

const qemuIo = async (file: string, command: string): Promise<void> => {
  const { stdout } = await run('qemu-io', ['-f', 'qcow2', '-c', command, file])
  expect(stdout).not.toMatch(/failed|error/i)
}

/** The BIOS counts 18.2 ticks a second from the start in its data area, at 0x46c: what a guest remembers. */
const ticksOf = async (vm: string, ask: typeof virsh | Virsh = virsh): Promise<number> =>
  Number((await ask('qemu-monitor-command', vm, '--hmp', 'xp /1wx 0x46c')).split(':').at(-1))

const ticks = (vm: string, atLeast: number, ask: typeof virsh | Virsh = virsh): Promise<number> =>
  test.progress.poll({ everyMs: 100, what: `${atLeast} ticks of ${vm}` }, async () => {
    const now = await ticksOf(vm, ask)
    return now >= atLeast ? now : undefined
  })

/** The process of its QEMU, by the name in its arguments, which nobody else has. */
async function processOf(vm: string): Promise<number> {
  for (const id of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const words = (await readFile(`/proc/${id}/cmdline`, 'utf8').catch(() => '')).split('\0')
    if (words.some((word) => word.startsWith(`guest=${vm},`))) return Number(id)
  }
  throw new Error(`${vm} has no process`)
}

const snapshotsInFile = async (file: string): Promise<readonly string[]> => {
  const { stdout } = await run('qemu-img', ['info', '--force-share', '--output=json', file])
  const { snapshots = [] } = JSON.parse(stdout) as {
    readonly snapshots?: readonly { readonly name: string }[]
  }
  return snapshots.map(({ name }) => name)
}

const withMemory = { name: 'init', description: '', memory: true, note: 'key' }

describe('G8: a snapshot with memory', () => {
  it('brings back what the guest remembered and what its disk held, whether it runs or not', async () => {
    const { host, progress, folder } = test
    const { vm, file, pool } = await sleeper(test, 'back', join(folder, 'back'))
    await qemuIo(file, 'write -P 0xaa 64k 64k')
    await host.startVm(progress, vm)
    const before = await ticks(vm, 5)
    await host.createSnapshot(progress, vm, withMemory)
    expect(await virsh('domstate', vm)).toBe('running')
    await ticks(vm, before + 120)
    await host.restoreSnapshot(progress, vm, 'init')
    expect(await ticksOf(vm)).toBeLessThan(before + 120)
    await ticks(vm, before + 20)

    await host.stopVm(progress, vm, 'force')
    await qemuIo(file, 'write -P 0xbb 64k 64k')
    await host.restoreSnapshot(progress, vm, 'init')
    expect(await ticks(vm, before)).toBeLessThan(before + 120)
    // It goes on: its power button works.
    await host.stopVm(progress.child({ timeoutMs: 30_000 }), vm, 'graceful')
    await qemuIo(file, 'read -P 0xaa 64k 64k')
    const [listed] = await host.listSnapshots(progress, vm)
    expect(listed).toMatchObject({ name: 'init', memory: true, current: true, note: 'key' })
    expect(Math.abs((listed?.createdAtMs ?? 0) - Date.now())).toBeLessThan(300_000)
    expect(listed?.sizeBytes).toBeGreaterThan(MiB / 2)
    await host.undefineVm(progress, vm)
    await host.deleteVolume(progress, { pool, name: 'back.qcow2' })
  })

  it('C17: what a killed libvirt left in the disk is not taken for the snapshot of that name', async () => {
    const { host, progress, folder } = test
    const { vm, file } = await sleeper(test, 'left', join(folder, 'left'))
    await qemuIo(file, 'write -P 0xaa 64k 64k')
    await run('qemu-img', ['snapshot', '-c', 'clean', file])
    await qemuIo(file, 'write -P 0xbb 64k 64k')
    await host.createSnapshot(progress, vm, { name: 'clean', description: '', note: 'key' })
    expect(await snapshotsInFile(file)).toEqual(['clean'])
    await qemuIo(file, 'write -P 0xcc 64k 64k')
    await host.restoreSnapshot(progress, vm, 'clean')
    await qemuIo(file, 'read -P 0xbb 64k 64k')
    await host.undefineVm(progress, vm)
  })

  it('on a full disk is not made: the guest runs on, and nothing is left', async () => {
    const { host, progress, folder } = test
    const path = join(folder, 'full')
    await mkdir(path)
    await run('mount', ['-t', 'tmpfs', '-o', 'size=4m,mode=0711', 'none', path])
    try {
      const { vm, file, pool } = await sleeper(test, 'full', path)
      await host.startVm(progress, vm)
      const before = await ticks(vm, 5)
      const { blocks } = await stat(file)
      await expect(host.createSnapshot(progress, vm, withMemory)).rejects.toMatchObject({
        code: 'pool.full',
        details: { pool },
      })
      expect(await virsh('domstate', vm)).toBe('running')
      await ticks(vm, before + 5)
      expect((await stat(file)).blocks).toBe(blocks)
      expect(await host.listSnapshots(progress, vm)).toEqual([])
      expect(await snapshotsInFile(file)).toEqual([])
      await host.stopVm(progress, vm, 'force')
      await host.undefineVm(progress, vm)
      await virsh('pool-destroy', pool)
    } finally {
      await run('umount', ['-l', path])
    }
  })
})

describe('G8: a libvirt that is killed while it makes a snapshot with memory', () => {
  const whyNot = whyNoPrivateLibvirt()
  beforeEach(({ skip }) => skip(whyNot !== undefined, whyNot))

  it.each(['init', 'another'])('leaves none, and the next one is whole: named %s', async (next) => {
    const folder = await mkdtemp('/var/tmp/vmwright-killed-')
    await run('chmod', ['711', folder])
    const libvirt = await openPrivateLibvirt(folder)
    const progress = new Progress(realSeam())
    const stopped = Promise.withResolvers<void>()
    /** QEMU answers nothing from the call on that makes the snapshot, which holds libvirt in the middle. */
    const holding = (qemu: number): Seam => {
      const seam = realSeam()
      return {
        ...seam,
        effect: (effect, run) => {
          if (effect.kind === 'libvirt.domainSnapshotCreateXml') {
            process.kill(qemu, 'SIGSTOP')
            stopped.resolve()
          }
          return seam.effect(effect, run)
        },
      }
    }
    const open = () => openLibvirtHost(progress, hostSpec({ uri: libvirt.uri }))
    try {
      const first = await open()
      const { vm, file } = await sleeper({ host: first, progress }, 'killed', join(folder, 'pool'))
      await first.startVm(progress, vm)
      await ticks(vm, 5, libvirt.virsh)
      const qemu = await processOf(vm)
      const interrupted = first.createSnapshot(new Progress(holding(qemu)), vm, withMemory)
      interrupted.catch(() => {})
      await stopped.promise
      await progress.sleep(1_000)
      await libvirt.kill()
      await expect(interrupted).rejects.toMatchObject({ code: 'host.connection-lost' })
      await first.close()
      process.kill(qemu, 'SIGCONT')
      await libvirt.start()

      const host = await open()
      expect(await host.listSnapshots(progress, vm)).toEqual([])
      await host.createSnapshot(progress, vm, { ...withMemory, name: next })
      expect(await snapshotsInFile(file)).toContain(next)
      const before = await ticksOf(vm, libvirt.virsh)
      await ticks(vm, before + 5, libvirt.virsh)
      await host.restoreSnapshot(progress, vm, next)
      expect(await host.listSnapshots(progress, vm)).toMatchObject([{ name: next, note: 'key' }])
      await host.stopVm(progress, vm, 'force')
      await host.undefineVm(progress, vm)
      await host.close()
    } finally {
      await libvirt[Symbol.asyncDispose]()
      await rm(folder, { recursive: true, force: true })
    }
  })
})
