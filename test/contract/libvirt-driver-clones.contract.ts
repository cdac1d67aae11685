import { execFile, spawn } from 'node:child_process'
import { mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import type { VolumeRef } from '../../packages/vmwright/src/hypervisor/contract.ts'
import type { DiskClone } from '../../packages/vmwright/src/hypervisor/disks.ts'
import { cloneScript } from '../../packages/vmwright/src/hypervisor/libvirt/clone-script.ts'
import { Progress, type ProgressReport } from '../../packages/vmwright/src/lib/progress.ts'
import { MiB } from '../../packages/vmwright/src/lib/units.ts'
import { openTestHost, virsh, type TestHost } from './libvirt-driver-host.ts'

const run = promisify(execFile)

let test: TestHost
let pool: string
let templates: string
beforeAll(async () => {
  test = await openTestHost('clones')
  pool = `${test.prefix}pool`
  templates = join(test.folder, 'templates of others')
  await mkdir(templates)
  await test.host.ensurePool(test.progress, { name: pool, path: join(test.folder, 'pool') })
})
afterAll(() => test[Symbol.asyncDispose]())

const volume = (name: string): VolumeRef => ({ pool, name })
const fileOf = (name: string): string => join(test.folder, 'pool', name)
const clone = (name: string, path: string, changes: Partial<DiskClone> = {}): DiskClone => ({
  ...volume(name),
  from: { path, format: 'qcow2' },
  mode: 'copy',
  sizeBytes: undefined,
  workspace: undefined,
  existing: 'replace',
  ...changes,
})

const qemuImg = (...args: readonly string[]) => run('qemu-img', args)
const qemuIo = async (file: string, format: string, command: string): Promise<void> => {
  const { stdout } = await run('qemu-io', ['-f', format, '-c', command, file])
  expect(stdout).not.toContain('failed')
}

/** A disk of 64 MiB outside of all pools, with something on it. */
async function template(name: string, format: 'qcow2' | 'raw' = 'qcow2'): Promise<string> {
  const path = join(templates, name)
  await qemuImg('create', '-q', '-f', format, path, '64M')
  await qemuIo(path, format, 'write -P 0xaa 1M 4M')
  return path
}

const info = async (path: string): Promise<Record<string, unknown>> =>
  JSON.parse((await qemuImg('info', '--output=json', path)).stdout) as Record<string, unknown>

const partials = async (folder = join(test.folder, 'pool')): Promise<readonly string[]> =>
  (await readdir(folder)).filter((name) => name.startsWith('.'))

describe('T1: a clone holds what the template holds', () => {
  it.each(['qcow2', 'raw'] as const)('copied, %s', async (format) => {
    const path = await template(`plain '$(id)' ${format}`, format)
    const name = `copy.${format}`
    await test.host.cloneDisk(
      test.progress,
      clone(name, path, { from: { path, format }, sizeBytes: 96 * MiB }),
    )
    await qemuIo(fileOf(name), format, 'read -P 0xaa 1M 4M')
    expect(await info(fileOf(name))).toMatchObject({ format, 'virtual-size': 96 * MiB })
    const { mode, blocks } = await stat(fileOf(name))
    expect(mode & 0o777).toBe(0o600)
    expect(blocks * 512).toBeLessThan(8 * MiB)
    expect(await partials()).toEqual([])
  })

  it.each(['qcow2', 'raw'] as const)('as an overlay of a file in no pool, %s', async (format) => {
    const path = await template(`base-${format}`, format)
    const name = `overlay-${format}.qcow2`
    await test.host.cloneDisk(test.progress, clone(name, path, { from: { path, format }, mode: 'overlay' }))
    await qemuIo(fileOf(name), 'qcow2', 'read -P 0xaa 1M 4M')
    expect(await info(fileOf(name))).toMatchObject({
      'virtual-size': 64 * MiB,
      'backing-filename': path,
      'backing-filename-format': format,
    })
  })

  it.each(['copy', 'auto'] as const)('%s of an overlay depends on nothing', async (mode) => {
    const base = await template(`bottom-${mode}`)
    const path = join(templates, `top-${mode}`)
    await qemuImg('create', '-q', '-f', 'qcow2', '-b', base, '-F', 'qcow2', path)
    await qemuIo(path, 'qcow2', 'write -P 0xbb 2M 1M')
    await test.host.cloneDisk(test.progress, clone(`flat-${mode}`, path, { mode }))
    await rm(base)
    await qemuIo(fileOf(`flat-${mode}`), 'qcow2', 'read -P 0xaa 1M 1M')
    await qemuIo(fileOf(`flat-${mode}`), 'qcow2', 'read -P 0xbb 2M 1M')
    expect(await info(fileOf(`flat-${mode}`))).not.toHaveProperty('backing-filename')
  })

  it('and none of its snapshots, whose names the clone’s own may have', async () => {
    const path = await template('with-snapshot')
    await qemuImg('snapshot', '-c', 'clean', path)
    await qemuIo(path, 'qcow2', 'write -P 0xbb 1M 4M')
    await test.host.cloneDisk(test.progress, clone('without-snapshot', path))
    await qemuIo(fileOf('without-snapshot'), 'qcow2', 'read -P 0xbb 1M 4M')
    expect(await info(fileOf('without-snapshot'))).not.toHaveProperty('snapshots')
  })

  it('T3: of a protected template it can be written', async () => {
    const { host, progress } = test
    const path = await template('protected')
    await host.files.protect(progress, [path])
    await host.cloneDisk(progress, clone('of-protected', path))
    expect((await stat(fileOf('of-protected'))).mode & 0o777).toBe(0o600)
    await host.files.release(progress, [path])
  })
})

describe('T2: what is in the way or left over', () => {
  it('an incomplete copy of an earlier run goes, one of another volume stays, and neither is a volume', async () => {
    const { host, progress } = test
    const path = await template('stale')
    const other = '.vmwright-web-1-00000000.partial'
    for (const name of ['.vmwright-web-00000000.partial', other]) await writeFile(fileOf(name), '')
    await host.cloneDisk(progress, clone('web', path))
    expect(await partials()).toEqual([other])
    const seen = (await host.observe(progress)).pools.find(({ name }) => name === pool)
    expect(seen?.volumes.some(({ name }) => name.startsWith('.'))).toBe(false)
    await rm(fileOf(other))
  })

  it('a file that the pool does not know is not overwritten where it shall be kept', async () => {
    const path = await template('kept')
    await writeFile(fileOf('unknown'), 'precious')
    const kept = clone('unknown', path, { existing: 'keep' })
    await expect(test.host.cloneDisk(test.progress, kept)).rejects.toMatchObject({ code: 'disk.conflict' })
    expect((await stat(fileOf('unknown'))).size).toBe(8)
  })

  it('a workspace on another file system is only passed through', async () => {
    const path = await template('through')
    const workspace = join(test.folder, 'work space')
    await mkdir(workspace)
    await run('mount', ['-t', 'tmpfs', '-o', 'size=100m', 'none', workspace])
    try {
      await test.host.cloneDisk(test.progress, clone('through', path, { workspace }))
      await qemuIo(fileOf('through'), 'qcow2', 'read -P 0xaa 1M 4M')
      expect(await readdir(workspace)).toEqual([])
    } finally {
      await run('umount', [workspace])
    }
  })

  it('a pool that becomes full half-way has nothing of the clone', async () => {
    const { host, progress, folder, prefix } = test
    const small = { name: `${prefix}small`, path: join(folder, 'small') }
    await mkdir(small.path)
    await run('mount', ['-t', 'tmpfs', '-o', 'size=6m,mode=0711', 'none', small.path])
    try {
      await host.ensurePool(progress, small)
      const path = await template('too-large')
      await host.cloneDisk(progress, { ...clone('first', path), pool: small.name })
      const second = { ...clone('second', path), pool: small.name }
      await expect(host.cloneDisk(progress, second)).rejects.toMatchObject({
        code: 'pool.full',
        details: { pool: small.name, volume: 'second' },
      })
      expect(await readdir(small.path)).toEqual(['first'])
    } finally {
      await virsh('pool-destroy', small.name)
      await run('umount', [small.path])
    }
  })

  it('T1: ten at once get in nobody’s way', async () => {
    const { host, progress } = test
    const path = await template('ten')
    const modes = ['copy', 'overlay'] as const
    const clones = Array.from({ length: 10 }, (_, index) =>
      clone(`ten-${index}`, path, { mode: modes[index % 2] ?? 'copy' }),
    )
    await Promise.all(clones.map((one) => host.cloneDisk(progress, one)))
    const seen = (await host.observe(progress)).pools.find(({ name }) => name === pool)
    expect(seen?.volumes.filter(({ name }) => name.startsWith('ten-'))).toHaveLength(10)
  })

  it('T1: a template in use by another program is busy, which may pass', async () => {
    const path = await template('used')
    const user = spawn('qemu-io', ['-f', 'qcow2', path], { stdio: ['pipe', 'pipe', 'inherit'] })
    await new Promise((resolve) => user.stdout.once('data', resolve))
    try {
      await expect(test.host.cloneDisk(test.progress, clone('of-used', path))).rejects.toMatchObject({
        code: 'host.busy',
        retryable: true,
      })
    } finally {
      user.stdin.end('quit\n')
      await new Promise((resolve) => user.once('exit', resolve))
    }
    await test.host.cloneDisk(test.progress, clone('of-used', path))
  })
})

describe('R1: a copy does not outlive the run that wanted it', () => {
  /** A `cp` that has copied all, and does not end. Its process is in the file `copying`. */
  let tools: string
  beforeAll(async () => {
    tools = join(test.folder, 'tools')
    await mkdir(tools)
    const cp = `#!/bin/sh\n/bin/cp "$@"; echo $$ > '${tools}/copying'; exec sleep 600\n`
    await writeFile(join(tools, 'cp'), cp, { mode: 0o755 })
  })
  beforeEach(() => void vi.stubEnv('PATH', `${tools}:${process.env['PATH']}`))
  afterEach(async () => {
    vi.unstubAllEnvs()
    await rm(join(tools, 'copying'))
  })

  const copyingProcess = async (): Promise<number> => {
    const read = async () => Number(await readFile(join(tools, 'copying'), 'utf8').catch(() => '0'))
    await vi.waitUntil(async () => (await read()) > 0, { timeout: 60_000, interval: 5 })
    return read()
  }
  const failureOf = (call: Promise<void>): Promise<unknown> =>
    call.then(
      () => undefined,
      (error: unknown) => error,
    )
  const isGone = async (pid: number): Promise<void> =>
    vi.waitFor(() => expect(() => process.kill(pid, 0)).toThrow('ESRCH'), { timeout: 60_000 })

  it('when it is cancelled; until then it tells how far it is', async () => {
    const path = await template('slow')
    const cancel = new AbortController()
    const reports: ProgressReport[] = []
    const progress = new Progress(test.progress.seam, {
      signal: cancel.signal,
      report: (report) => reports.push(report),
    })
    const copying = failureOf(test.host.cloneDisk(progress, clone('slow', path)))
    const pid = await copyingProcess()
    await vi.waitUntil(() => reports.length > 0, { timeout: 60_000 })
    const { size } = await stat(path)
    expect(reports[0]).toMatchObject({ what: `copy of ${path}`, unit: 'bytes' })
    expect(reports[0]?.done).toBeGreaterThan(size / 2)
    expect(reports[0]?.total).toBeGreaterThan(size / 2)
    cancel.abort(new Error('enough'))
    expect(await copying).toMatchObject({ message: 'enough' })
    expect(await partials()).toEqual([])
    await isGone(pid)
    await expect(stat(fileOf('slow'))).rejects.toThrow('ENOENT')
  })

  it('when its time is over', async () => {
    const path = await template('late')
    const progress = test.progress.child({ timeoutMs: 6_000 })
    const copying = failureOf(test.host.cloneDisk(progress, clone('late', path)))
    const pid = await copyingProcess()
    expect(await copying).toMatchObject({ code: 'host.timeout', retryable: true })
    expect(await partials()).toEqual([])
    await isGone(pid)
  })

  it('when it is killed', async () => {
    const path = await template('killed')
    const args = ['copy', 'qcow2', path, fileOf('killed'), '', 'replace', join(test.folder, 'pool'), '']
    const names = ['.vmwright-killed-00000000.partial', '.vmwright-killed-']
    const command = ['-c', cloneScript, 'sh', ...args, ...names]
    const runner = spawn(process.execPath, [
      '-e',
      `require('node:child_process').spawn('sh', ${JSON.stringify(command)})`,
    ])
    const pid = await copyingProcess()
    expect(await partials()).toEqual([names[0]])
    runner.kill('SIGKILL')
    await isGone(pid)
    await vi.waitUntil(async () => (await partials()).length === 0, { timeout: 60_000 })
    await expect(stat(fileOf('killed'))).rejects.toThrow('ENOENT')
  })
})

describe('T8: files of the host', () => {
  it('are told whatever their names and contents', async () => {
    const { host, progress } = test
    const names = ['-n', 'new\nline', `quote'"$(id)\``, ' space ', 'Übung', 'empty', 'short', 'long']
    const files = names.map((name) => join(templates, name))
    for (const file of files) {
      const size = { empty: 0, short: 10, long: 10_000 }[file.split('/').at(-1) ?? ''] ?? 5_000
      await writeFile(
        file,
        Buffer.alloc(
          size,
          Uint8Array.from({ length: 256 }, (_, byte) => byte),
        ),
      )
    }
    const link = join(templates, 'link')
    await symlink(files[1] ?? '', link)
    const told = await host.files.inspect(progress, [...files, link], { sha256: true })
    expect(told).toHaveLength(9)
    for (const [index, file] of files.entries()) {
      const { size, ino, mtimeNs, mode } = await stat(file, { bigint: true })
      const seen = told[index]
      expect(seen).toMatchObject({
        path: file,
        realPath: file,
        kind: 'file',
        sizeBytes: Number(size),
        inode: String(ino),
        modifiedNs: String(mtimeNs),
        mode: Number(mode & 0o777n),
      })
      const length = Math.min(Number(size), 4096)
      const head = Uint8Array.from({ length }, (_, at) => at % 256)
      expect(Buffer.compare(seen?.head ?? head, head)).toBe(0)
    }
    expect(told[8]).toMatchObject({ path: link, realPath: files[1], kind: 'file', sha256: told[1]?.sha256 })
  })

  it('are told in one command, twenty or a thousand', async () => {
    const { host, progress } = test
    const path = await template('many')
    const twenty = Array.from({ length: 20 }, () => path)
    await host.files.inspect(progress, twenty, { sha256: false })
    const many = Array.from({ length: 1_500 }, (_, index) => join(templates, 'no'.repeat(60), String(index)))
    const told = await host.files.inspect(progress, [...many, path], { sha256: false })
    expect(told.map((file) => file.path)).toEqual([...many, path])
    expect(told.at(-1)?.kind).toBe('file')
  })
})
