import { execFile } from 'node:child_process'
import { mkdir, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { PoolDefinition } from '../../packages/vmwright/src/hypervisor/contract.ts'
import { openTestHost, type TestHost, virsh } from './libvirt-driver-host.ts'

/** Runs a program of the host; `undefined` when it fails or is not there. */
const run = async (program: string, ...words: readonly string[]): Promise<string | undefined> =>
  await promisify(execFile)(program, [...words]).then(
    ({ stdout }) => stdout.trim(),
    () => undefined,
  )

let test: TestHost
beforeEach(async () => {
  test = await openTestHost('pools')
})
afterEach(() => test[Symbol.asyncDispose]())

const seen = async (name: string) =>
  (await test.host.observe(test.progress)).pools.find((pool) => pool.name === name)

describe('K3: pools over folders', () => {
  it('K3: a folder is made with mode and owner, and goes with the pool', async () => {
    const { host, progress, folder, prefix } = test
    const path = join(folder, 'made')
    const pool = { name: `${prefix}made`, path, permissions: { mode: 0o750, owner: 1, group: 2 } }
    await host.ensurePool(progress, pool)
    const { mode, uid, gid } = await stat(path)
    expect([(mode & 0o7777).toString(8), uid, gid]).toEqual(['750', 1, 2])
    await host.removePool(progress, pool)
    await expect(stat(path)).rejects.toThrow('ENOENT')
    expect(await seen(pool.name)).toBeUndefined()
  })

  it('K3: a folder with files of others becomes a pool, and keeps both on removal', async () => {
    const { host, progress, folder, prefix } = test
    const path = join(folder, 'used')
    await mkdir(join(path, 'folder'), { recursive: true })
    await writeFile(join(path, 'notes.txt'), 'mine')
    const pool = { name: `${prefix}used`, path }
    await host.ensurePool(progress, pool)
    await host.removePool(progress, pool)
    expect((await stat(join(path, 'notes.txt'))).size).toBe(4)
    await rm(join(path, 'notes.txt'))
    await rm(join(path, 'folder'), { recursive: true })
    await host.removePool(progress, pool)
    expect(await seen(pool.name)).toBeUndefined()
  })

  it('K3: a folder below a file is refused with both names', async () => {
    const { host, progress, folder, prefix } = test
    await writeFile(join(folder, 'file'), '')
    const pool = { name: `${prefix}below`, path: join(folder, 'file', 'pool') }
    await expect(host.ensurePool(progress, pool)).rejects.toMatchObject({
      code: 'host.operation-failed',
      message: expect.stringContaining(pool.name),
    })
  })
})

describe('K3: pools over volume groups', () => {
  let device: string | undefined
  let group: string

  beforeEach(async ({ skip }) => {
    const image = join(test.folder, 'disk.img')
    group = `vwt${process.pid}`
    await writeFile(image, '')
    await truncate(image, 64 * 1024 * 1024)
    device = (await run('vgs')) === undefined ? undefined : await run('losetup', '-f', '--show', image)
    skip(device === undefined, 'LVM (package lvm2) or loop devices are not there')
  })
  afterEach(async () => {
    await virsh('pool-destroy', `${test.prefix}group`).catch(() => {})
    await run('vgremove', '-f', group)
    if (device !== undefined) await run('losetup', '-d', device)
  })

  const pool = (devices: readonly string[]): PoolDefinition => ({
    name: `${test.prefix}group`,
    path: `/dev/${group}`,
    source: { kind: 'logical', volumeGroup: group, devices },
  })

  it('K3: a group is made of a device, and removed with its pool', async () => {
    const { host, progress } = test
    await host.ensurePool(progress, pool([device ?? '']))
    await host.ensurePool(progress, pool([device ?? '']))
    expect(await seen(pool([]).name)).toMatchObject({ active: true, isOurs: true, path: `/dev/${group}` })
    expect(await run('vgs', group)).toBeDefined()
    await host.removePool(progress, pool([device ?? '']))
    expect(await seen(pool([]).name)).toBeUndefined()
    expect(await run('vgs', group)).toBeUndefined()
  })

  it("K3: somebody's group is used and stays, whatever devices are named", async () => {
    const { host, progress } = test
    await run('vgcreate', group, device ?? '')
    await host.ensurePool(progress, pool([device ?? '']))
    expect(await seen(pool([]).name)).toMatchObject({ active: true, isOurs: true })
    await host.removePool(progress, pool([device ?? '']))
    expect(await seen(pool([]).name)).toBeUndefined()
    expect(await run('vgs', group)).toBeDefined()
  })

  it('K3: without a group and a device it is an error with what to do', async () => {
    await expect(test.host.ensurePool(test.progress, pool([]))).rejects.toMatchObject({
      code: 'pool.not-found',
      hint: expect.stringContaining('devices'),
    })
  })

  it('K3: a device with something on it is not overwritten', async () => {
    await run('mkfs.ext4', '-q', device ?? '')
    await expect(test.host.ensurePool(test.progress, pool([device ?? '']))).rejects.toMatchObject({
      code: 'host.operation-failed',
    })
    expect(await run('blkid', '-o', 'value', '-s', 'TYPE', '-p', device ?? '')).toBe('ext4')
  })
})

describe('K3: pools over shares', () => {
  it('K3: a share that cannot be mounted is an error with its pool, and leaves nothing after removal', async ({
    skip,
  }) => {
    skip((await run('mount.nfs', '-V')) === undefined, 'mount.nfs (package nfs-common) is not there')
    const { host, progress, folder, prefix } = test
    const path = join(folder, 'share')
    const source = { kind: 'netfs', server: '127.0.0.1', folder: '/nonexistent', format: 'nfs' } as const
    const share = { name: `${prefix}share`, path, source }
    await expect(host.ensurePool(progress, share)).rejects.toMatchObject({
      message: expect.stringContaining(share.name),
    })
    await host.removePool(progress, share)
    expect(await seen(share.name)).toBeUndefined()
  })
})
