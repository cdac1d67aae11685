import { execFile } from 'node:child_process'
import { mkdir, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { GiB } from '../../packages/vmwright/src/lib/units.ts'
import { openTestHost, virsh, type TestHost } from './libvirt-driver-host.ts'

const run = promisify(execFile)

let test: TestHost
let pool: string
let folder: string
let why: string | undefined
beforeAll(async () => {
  test = await openTestHost('reflink')
  pool = `${test.prefix}pool`
  folder = join(test.folder, 'xfs')
  const image = join(test.folder, 'xfs.img')
  await writeFile(image, '')
  await truncate(image, GiB)
  await mkdir(folder)
  why = await run('mkfs.xfs', ['-q', '-m', 'reflink=1', image])
    .then(() => run('mount', ['-o', 'loop', image, folder]))
    .then(
      () => undefined,
      (error: unknown) => String(error),
    )
  if (why === undefined) await test.host.ensurePool(test.progress, { name: pool, path: folder })
})
afterAll(async () => {
  if (why === undefined) {
    await virsh('pool-destroy', pool)
    await run('umount', [folder])
  }
  await test[Symbol.asyncDispose]()
})

const usedKib = async (): Promise<number> => {
  const { stdout } = await run('df', ['--sync', '--output=used', folder])
  return Number(stdout.split('\n')[1])
}

const template = async (path: string, format: string): Promise<void> => {
  await run('qemu-img', ['create', '-q', '-f', format, path, '256M'])
  const { stdout } = await run('qemu-io', ['-f', format, '-c', 'write -P 0xaa 0 64M', path])
  expect(stdout).not.toContain('failed')
}

const plain = { sizeBytes: undefined, workspace: undefined, existing: 'replace' } as const

describe('T1: blocks are shared where the file system can', () => {
  it.for([
    ['auto', 'qcow2'],
    ['reflink', 'qcow2'],
    ['reflink', 'raw'],
  ] as const)('%s, %s', async ([mode, format], context) => {
    context.skip(why !== undefined, why)
    const path = join(folder, `template-${mode}-${format}`)
    await template(path, format)
    const before = await usedKib()
    const clone = { pool, name: `clone-${mode}-${format}`, from: { path, format }, mode, ...plain }
    await test.host.cloneDisk(test.progress, { ...clone, sizeBytes: GiB })
    expect((await usedKib()) - before).toBeLessThan(8 * 1024)
    const { stdout } = await run('qemu-io', [
      '-f',
      format,
      '-c',
      'read -P 0xaa 0 64M',
      join(folder, clone.name),
    ])
    expect(stdout).not.toContain('failed')
    expect(await virsh('vol-info', '--bytes', clone.name, pool)).toMatch(/Capacity:\s+1073741824/)
  })

  it('a template on another file system is copied by `auto`, refused by `reflink`', async (context) => {
    context.skip(why !== undefined, why)
    const path = join(test.folder, 'elsewhere.qcow2')
    await template(path, 'qcow2')
    const clone = { pool, name: 'from-elsewhere', from: { path, format: 'qcow2' }, ...plain } as const
    await expect(test.host.cloneDisk(test.progress, { ...clone, mode: 'reflink' })).rejects.toMatchObject({
      code: 'disk.no-reflink',
    })
    await test.host.cloneDisk(test.progress, { ...clone, mode: 'auto' })
    expect(await virsh('vol-list', pool)).toContain('from-elsewhere')
    await rm(path)
  })
})
