import { execFile } from 'node:child_process'
import { mkdir, open, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { VmDefinition, VolumeRef } from '../../packages/vmwright/src/hypervisor/contract.ts'
import { sha256Hex, uuidFromNames } from '../../packages/vmwright/src/lib/hash.ts'
import { GiB, KiB, MiB } from '../../packages/vmwright/src/lib/units.ts'
import { openTestHost, virsh, type TestHost } from './libvirt-driver-host.ts'

const run = promisify(execFile)

let test: TestHost
let pool: string
beforeAll(async () => {
  test = await openTestHost('disks')
  pool = `${test.prefix}pool`
  await test.host.ensurePool(test.progress, { name: pool, path: join(test.folder, 'pool') })
})
afterAll(() => test[Symbol.asyncDispose]())

const volume = (name: string): VolumeRef => ({ pool, name })
const fileOf = (name: string): string => join(test.folder, 'pool', name)
const empty = { sizeBytes: GiB, format: 'qcow2', base: undefined, existing: 'keep' } as const

/** Writes and reads disks as QEMU would, without us. */
const qemuIo = async (file: string, format: string, command: string): Promise<void> => {
  const { stdout } = await run('qemu-io', ['-f', format, '-c', command, file])
  expect(stdout).not.toContain('failed')
}

async function machine(name: string, changes: Partial<VmDefinition> = {}): Promise<VmDefinition> {
  const vm: VmDefinition = {
    name: `${test.prefix}${name}`,
    basis: undefined,
    id: uuidFromNames('disks', test.prefix, name),
    mark: {
      project: 'disks',
      instance: name,
      stage: 'created',
      image: { kind: 'image', id: 'none', digest: 'none' },
      volumes: [{ ...volume(`${name}.qcow2`), role: 'root', device: 'vda' }],
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
    disks: [{ volume: volume(`${name}.qcow2`), device: 'vda', format: 'qcow2' }],
    seed: { volume: volume(`${name}.iso`), bus: 'scsi' },
    interfaces: [],
    ...changes,
  }
  await test.host.createDisk(test.progress, { ...volume(`${name}.qcow2`), ...empty })
  await test.host.writeVolume(test.progress, volume(`${name}.iso`), new Uint8Array(64 * KiB))
  await test.host.defineVm(test.progress, vm)
  return vm
}

/** The file that is the machine's disk now, by virsh. */
const diskFile = async (vm: string, device: string): Promise<string> => {
  const line = (await virsh('domblklist', vm)).split('\n').find((line) => line.trim().startsWith(device))
  return line?.trim().split(/\s+/)[1] ?? ''
}

describe('C17: a snapshot of a stopped machine brings back what its disks held', () => {
  it.each([
    ['bios', 'bios', 'internal'],
    ['uefi', 'uefi', 'internal'],
    ['bios and a raw disk', 'bios', 'external'],
  ] as const)('%s', async (what, firmware, kind) => {
    const { host, progress } = test
    const name = `snapshot-${what.replaceAll(' ', '-')}`
    const raw = { volume: volume(`${name}.raw`), device: 'vdb', format: 'raw' } as const
    const root = { volume: volume(`${name}.qcow2`), device: 'vda', format: 'qcow2' } as const
    if (kind === 'external') await host.createDisk(progress, { ...raw.volume, ...empty, format: 'raw' })
    const disks = kind === 'external' ? [root, raw] : [root]
    const vm = await machine(name, { firmware, disks })
    await qemuIo(fileOf(`${name}.qcow2`), 'qcow2', 'write -P 0xaa 0 64k')

    // As a libvirt that was killed leaves it.
    if (kind === 'external') await writeFile(fileOf(`${vm.name}.clean.vda.qcow2`), 'half an overlay')
    await host.createSnapshot(progress, vm.name, { name: 'clean', description: '' })
    const kinds = (await virsh('snapshot-dumpxml', vm.name, 'clean')).match(
      /snapshot='(?:internal|external)'/g,
    )
    expect(new Set(kinds)).toEqual(new Set([`snapshot='${kind}'`]))
    for (const { device } of disks)
      await qemuIo(
        await diskFile(vm.name, device),
        device === 'vda' || kind === 'external' ? 'qcow2' : 'raw',
        'write -P 0xbb 0 64k',
      )
    await host.writeMark(progress, vm.name, { ...vm.mark, stage: 'provisioned' })

    await host.restoreSnapshot(progress, vm.name, 'clean')
    await host.restoreSnapshot(progress, vm.name, 'clean')
    await qemuIo(await diskFile(vm.name, 'vda'), 'qcow2', 'read -P 0xaa 0 64k')
    if (kind === 'external') await qemuIo(await diskFile(vm.name, 'vdb'), 'qcow2', 'read -P 0 0 64k')
    const seen = (await host.observe(progress)).vms.find((other) => other.name === vm.name)
    expect(seen).toMatchObject({ mark: { stage: 'provisioned' }, snapshots: ['clean'] })
    const now = await diskFile(vm.name, 'vda')
    const volumes = (await host.observe(progress)).pools.flatMap((other) => other.volumes)
    expect(volumes.find((other) => other.path === now)?.backingPath).toBe(
      kind === 'external' ? fileOf(`${name}.qcow2`) : undefined,
    )
    await host.undefineVm(progress, vm.name)
    expect(await virsh('list', '--all', '--name')).not.toContain(vm.name)
  })
})

describe('a name or a folder that is taken', () => {
  it('C35: a machine of the same name and another UUID is foreign', async () => {
    const { host, progress, prefix } = test
    const name = `${prefix}taken`
    const xml = join(test.folder, 'foreign.xml')
    await writeFile(
      xml,
      `<domain type='qemu'><name>${name}</name><memory>65536</memory><os><type>hvm</type></os></domain>`,
    )
    await virsh('define', xml)
    const before = await virsh('dumpxml', name)
    await expect(machine('taken')).rejects.toMatchObject({ code: 'vm.foreign' })
    expect(await virsh('dumpxml', name)).toBe(before)
    const seen = (await host.observe(progress)).vms.find((vm) => vm.name === name)
    expect(seen).toMatchObject({ mark: undefined, state: 'stopped' })
    await virsh('undefine', name)
  })

  it('a pool of that name elsewhere, or another pool in that folder, is refused with both', async () => {
    const { host, progress, folder } = test
    const elsewhere = join(folder, 'elsewhere')
    await expect(host.ensurePool(progress, { name: pool, path: elsewhere })).rejects.toMatchObject({
      code: 'pool.not-found',
      details: { wantedPath: elsewhere, path: join(folder, 'pool') },
    })
    const second = { name: `${pool}-second`, path: `${join(folder, 'pool')}/` }
    await expect(host.ensurePool(progress, second)).rejects.toMatchObject({
      code: 'pool.not-found',
      details: { holder: pool },
    })
  })

  it('a disk that is not the wanted one is a conflict, and is left alone', async () => {
    const { host, progress } = test
    const disk = { ...volume('conflict.qcow2'), ...empty }
    await host.createDisk(progress, disk)
    const { mtimeMs } = await stat(fileOf('conflict.qcow2'))
    await expect(host.createDisk(progress, { ...disk, sizeBytes: 2 * GiB })).rejects.toMatchObject({
      code: 'disk.conflict',
    })
    expect((await stat(fileOf('conflict.qcow2'))).mtimeMs).toBe(mtimeMs)
  })
})

describe('images', () => {
  it('an interrupted upload is not taken for the image and is done again', async () => {
    const { host, progress, folder } = test
    const content = Buffer.alloc(3 * MiB, 'image')
    const localPath = join(folder, 'local.raw')
    await writeFile(localPath, content)
    const image = {
      ...volume('placed.raw'),
      localPath,
      format: 'raw',
      sha256: sha256Hex(content),
      sizeBytes: content.length,
    } as const
    await host.placeImage(progress, image)
    {
      await using file = await open(fileOf('placed.raw'), 'r+')
      await file.write(Buffer.alloc(64 * KiB), 0, 64 * KiB, 0)
    }
    await host.placeImage(progress, image)
    const { stdout } = await run('cmp', [localPath, fileOf('placed.raw')])
    expect(stdout).toBe('')
  })

  it('one that two images share is placed once, and whole when the first of them has it', async () => {
    const { host, progress, folder } = test
    const content = Buffer.alloc(3 * MiB, 'shared')
    const localPath = join(folder, 'shared.raw')
    await writeFile(localPath, content)
    const image = {
      ...volume('shared.raw'),
      localPath,
      format: 'raw',
      sha256: sha256Hex(content),
      sizeBytes: content.length,
    } as const
    const placed = async () => {
      await host.placeImage(progress, image)
      return (await stat(fileOf('shared.raw'))).ino
    }
    const [first, second] = await Promise.all([placed(), placed()])
    expect(second).toBe(first)
    const { stdout } = await run('cmp', [localPath, fileOf('shared.raw')])
    expect(stdout).toBe('')
  })

  it('a file that is already in the folder only has to be noticed', async () => {
    const { host, progress } = test
    const localPath = fileOf('cached.raw')
    await writeFile(localPath, Buffer.alloc(MiB))
    const { ino } = await stat(localPath)
    await host.placeImage(progress, {
      ...volume('cached.raw'),
      localPath,
      format: 'raw',
      sha256: '',
      sizeBytes: MiB,
    })
    expect((await stat(localPath)).ino).toBe(ino)
    expect(await virsh('vol-list', pool)).toContain('cached.raw')
  })
})

it('a volume whose file somebody removed is written anew', async () => {
  const { host, progress } = test
  await host.writeVolume(progress, volume('gone.iso'), new Uint8Array(KiB))
  await rm(fileOf('gone.iso'))
  await host.writeVolume(progress, volume('gone.iso'), new Uint8Array(2 * KiB))
  expect((await stat(fileOf('gone.iso'))).size).toBe(2 * KiB)
})

describe('a full disk', () => {
  it('is known by the free space, and leaves nothing half-made behind', async () => {
    const { host, progress, folder, prefix } = test
    const path = join(folder, 'small')
    const small = `${prefix}small`
    await mkdir(path)
    await run('mount', ['-t', 'tmpfs', '-o', 'size=1m,mode=0711', 'none', path])
    try {
      await host.ensurePool(progress, { name: small, path })
      const seed = { pool: small, name: 'seed.iso' }
      await host.writeVolume(progress, seed, new Uint8Array(512 * KiB))
      const second = { pool: small, name: 'second.iso' }
      await expect(host.writeVolume(progress, second, new Uint8Array(MiB).fill(1))).rejects.toMatchObject({
        code: 'pool.full',
        details: { pool: small, volume: 'second.iso' },
      })
      const seen = (await host.observe(progress)).pools.find((other) => other.name === small)
      expect(seen?.volumes.map(({ name }) => name)).toEqual(['seed.iso'])
    } finally {
      await virsh('pool-destroy', small)
      await run('umount', [path])
    }
  })
})
