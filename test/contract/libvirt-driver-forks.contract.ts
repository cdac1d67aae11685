import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { VmDefinition, VmMark } from '../../packages/vmwright/src/hypervisor/contract.ts'
import { uuidFromNames } from '../../packages/vmwright/src/lib/hash.ts'
import { MiB } from '../../packages/vmwright/src/lib/units.ts'
import { openTestHost, virsh, type TestHost } from './libvirt-driver-host.ts'

/** A machine without a system is enough to see whose memory, disks and cables are whose. */
let test: TestHost
let pool: string
let folder: string
beforeAll(async () => {
  test = await openTestHost('forks')
  pool = `${test.prefix}pool`
  folder = join(test.folder, 'pool')
  await test.host.ensurePool(test.progress, { name: pool, path: folder })
})
afterAll(() => test[Symbol.asyncDispose]())

const named = (name: string): string => `${test.prefix}${name}`

const markOf = (name: string): VmMark => ({
  project: 'forks',
  instance: name,
  stage: 'created',
  image: { kind: 'image', id: 'none', digest: 'none' },
  volumes: [{ pool, name: `${name}.qcow2`, role: 'root', device: 'vda' }],
  seed: { instanceId: 'i', digest: 'd', sealed: true },
  hostKeys: [],
  user: 'root',
})

async function started(name: string): Promise<string> {
  const { host, progress } = test
  const volume = { pool, name: `${name}.qcow2` }
  const disk = { ...volume, sizeBytes: 16 * MiB, format: 'qcow2', base: undefined, existing: 'keep' } as const
  await host.createDisk(progress, disk)
  const vm: VmDefinition = {
    name: named(name),
    basis: undefined,
    id: uuidFromNames('forks', test.prefix, name),
    mark: markOf(name),
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
  await host.startVm(progress, vm.name)
  return vm.name
}

/** The BIOS counts 18.2 ticks a second from the start in its data area, at 0x46c. */
const ticksOf = async (vm: string): Promise<number> =>
  Number((await virsh('qemu-monitor-command', vm, '--hmp', 'xp /1wx 0x46c')).split(':').at(-1))

it('X9: forks go on from the memory of a machine that runs on, copied on write, and are ordinary machines', async () => {
  const { host, progress } = test
  const { forks } = host
  const original = await started('original')
  expect(await forks.whyNot(progress, original)).toBeUndefined()
  const before = await progress.poll({ everyMs: 200, what: 'the machine to count' }, async () => {
    const ticks = await ticksOf(original)
    return ticks > 20 ? ticks : undefined
  })
  const source = named('source')
  const definition = { name: source, project: 'forks', vm: original, snapshot: undefined, pool }
  const { ends } = await forks.freeze(progress, definition)
  expect(await virsh('domstate', original)).toBe('running')
  await ends
  expect(await virsh('list', '--all', '--name')).not.toContain(`${source}.mother`)
  expect((await readdir('/dev/shm')).filter((file) => file.includes(source))).toEqual([])
  await forks.freeze(progress, definition)

  const names = ['one', 'two'].map(named)
  for (const name of names)
    await forks.fork(progress, {
      source,
      name,
      id: uuidFromNames('forks', name),
      macs: [],
      mark: { ...markOf(name), stage: 'creating' },
    })
  for (const name of names) {
    expect(await virsh('domstate', name)).toBe('running')
    expect(await ticksOf(name)).toBeGreaterThanOrEqual(before)
    expect(await virsh('domuuid', name)).toBe(uuidFromNames('forks', name))
    expect(await virsh('dumpxml', '--inactive', name)).not.toMatch(/qemu:commandline|memoryBacking|tb-cache/)
    const pid = (await readFile(`/run/libvirt/qemu/${name}.pid`, 'utf8').catch(() => '')).trim()
    const maps = pid === '' ? '' : await readFile(`/proc/${pid}/maps`, 'utf8')
    expect(maps).toMatch(/ rw-p .*\.fork-memory\.raw$/m)
  }
  expect((await forks.sources(progress)).find((each) => each.name === source)).toMatchObject({
    vm: original,
    dependents: names.toSorted(),
  })
  await expect(forks.removeSource(progress, source)).rejects.toMatchObject({ code: 'disk.in-use' })

  // Off and on again, without the source's memory.
  const [first = ''] = names
  await host.stopVm(progress, first, 'force')
  await host.startVm(progress, first)
  expect(await virsh('dumpxml', first)).not.toContain('qemu:commandline')

  for (const name of [...names, original]) {
    await host.stopVm(progress, name, 'force')
    await host.undefineVm(progress, name)
  }
  await forks.removeSource(progress, source)
  expect((await readdir(folder)).filter((file) => file.includes('.fork'))).toEqual([])
})
