import { spawn } from 'node:child_process'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { runProgram } from '../lib/process.ts'
import { ensureImage } from './ensure.ts'
import { inspectImage } from './inspect.ts'
import { hex, type Publisher, startPublisher } from './testing/publisher.ts'
import {
  codeOf,
  contextIn,
  imageOf,
  makeTestFolder,
  quietProgress,
  type TestFolder,
  urlSource,
} from './testing/setup.ts'

let publisher: Publisher
let folder: TestFolder
beforeEach(async () => {
  publisher = await startPublisher()
  folder = await makeTestFolder()
})
afterEach(async () => {
  await publisher[Symbol.asyncDispose]()
  await folder[Symbol.asyncDispose]()
})

const has = async (program: string): Promise<boolean> =>
  runProgram(program, ['--version']).then(
    ({ exitCode }) => exitCode === 0,
    () => false,
  )

describe('two processes', () => {
  const runner = join(import.meta.dirname, 'testing', 'ensure-in-process.ts')
  const start = (source: object) => {
    const child = spawn(
      process.execPath,
      ['--conditions=source', runner, join(folder.path, 'cache'), JSON.stringify(source)],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    )
    const ended = new Promise<string>((resolve) => {
      let text = ''
      child.stdout.on('data', (data: Buffer) => (text += data.toString()))
      child.on('close', () => resolve(text))
    })
    return { child, ended }
  }

  it('C1: at once download once', async () => {
    const content = Buffer.alloc(5_000_000, 'image ')
    publisher.publish('/latest', { 'disk.raw': content })
    const source = urlSource(publisher.url)
    const outcomes = await Promise.all([start(source).ended, start(source).ended])
    expect(outcomes.map((text) => (JSON.parse(text) as { source: string }).source).toSorted()).toEqual([
      'cache',
      'download',
    ])
    expect(publisher.requests.filter((request) => request.path.endsWith('.raw'))).toHaveLength(1)
  })

  it('C1: killed while it downloads, the one leaves a part, and the other, which waited, goes on from there', async () => {
    const content = Buffer.alloc(5_000_000, 'image ')
    publisher.publish('/latest', { 'disk.raw': content })
    const file = publisher.files.get('/latest/disk.raw')
    if (file === undefined) throw new Error('not published')
    publisher.files.set('/latest/disk.raw', { ...file, stallsAfter: 2_000_000 })
    const source = urlSource(publisher.url)
    const first = start(source)
    await expect.poll(() => publisher.requests.length, { timeout: 20_000 }).toBe(2)
    await expect
      .poll(
        async () => {
          const names = await folder.list()
          const partial = names.find((name) => name.endsWith('.partial'))
          return partial === undefined ? 0 : (await readFile(join(folder.path, partial))).length
        },
        { timeout: 20_000 },
      )
      .toBe(2_000_000)
    publisher.files.set('/latest/disk.raw', file)
    const second = start(source)
    first.child.kill('SIGKILL')

    expect(JSON.parse(await second.ended)).toMatchObject({
      source: 'download',
      sha256: hex('sha256', content),
    })
    expect(publisher.requests.at(-1)?.range).toBe('bytes=2000000-')
    expect((await folder.list()).filter((name) => /partial|tmp/.test(name))).toEqual([])
  })
})

describe('signatures', () => {
  const gpg = async (home: string, args: readonly string[], input = ''): Promise<void> => {
    const result = await runProgram(
      'gpg',
      ['--homedir', home, '--batch', '--yes', '--pinentry-mode', 'loopback', '--passphrase', '', ...args],
      { input },
    )
    if (result.exitCode !== 0) throw new Error(result.stderr)
  }
  const image = Buffer.alloc(10_000, 'image')

  it('C1: a manifest counts only with a signature by a key of the ring', async (test) => {
    if (!(await has('gpg')) || !(await has('gpgv'))) return test.skip('gpg or gpgv is not installed')
    const home = join(folder.path, 'gnupg')
    await mkdir(home, { mode: 0o700 })
    await gpg(home, ['--quick-generate-key', 'Publisher <publisher@example.org>', 'ed25519', 'sign', '2y'])
    await gpg(home, ['--quick-generate-key', 'Stranger <stranger@example.org>', 'ed25519', 'sign', '2y'])
    const keyring = join(folder.path, 'publisher.gpg')
    await gpg(home, ['--output', keyring, '--export', 'publisher@example.org'])
    publisher.publish('/latest', { 'disk.raw': image })
    const sums = publisher.files.get('/latest/SHA512SUMS')?.content as Uint8Array
    const manifest = join(folder.path, 'SHA512SUMS')
    await writeFile(manifest, sums)
    const sign = async (who: string): Promise<Buffer> => {
      await gpg(home, ['--local-user', who, '--output', `${manifest}.sig`, '--detach-sign', manifest])
      return readFile(`${manifest}.sig`)
    }
    const signature = { url: `${publisher.url}/latest/SHA512SUMS.sig`, keyring }
    const outcome = async (content: Uint8Array, over = sums): Promise<string> => {
      publisher.files.set('/latest/SHA512SUMS.sig', { content })
      publisher.files.set('/latest/SHA512SUMS', { content: over })
      const cache = join(folder.path, 'cache')
      await rm(cache, { recursive: true, force: true })
      return codeOf(
        ensureImage(quietProgress(), imageOf(urlSource(publisher.url, { signature })), contextIn(cache)),
      )
    }

    const own = await sign('publisher@example.org')
    expect(await outcome(own)).toBe('no error')
    expect(await outcome(await sign('stranger@example.org'))).toBe('image.signature-invalid')
    expect(await outcome(own, Buffer.concat([sums, Buffer.from('\n')]))).toBe('image.signature-invalid')
    expect(await outcome(Buffer.from('no signature'))).toBe('image.signature-invalid')
    await runProgram('gpgconf', ['--homedir', home, '--kill', 'all'])
  })
})

describe('a full disk', () => {
  it('C1: is told with the path and the bytes missing, and the next run goes on', async (test) => {
    if (process.getuid?.() !== 0) return test.skip('mounting a tmpfs needs root')
    const small = join(folder.path, 'small')
    await mkdir(small)
    const mount = await runProgram('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', small])
    if (mount.exitCode !== 0) return test.skip('a tmpfs cannot be mounted here')
    try {
      const content = Buffer.alloc(3_000_000, 'image ')
      publisher.publish('/latest', { 'disk.raw': content })
      const file = publisher.files.get('/latest/disk.raw')
      const run = () => ensureImage(quietProgress(), imageOf(urlSource(publisher.url)), contextIn(small))

      const told = await run().catch((error: unknown) => error)
      expect(told).toMatchObject({ code: 'cache.full', details: { neededBytes: 3_000_000 } })

      // Without a length it cannot be known beforehand.
      publisher.files.set('/latest/disk.raw', { content, etag: '"1"', isChunked: true })
      const met = await run().catch((error: unknown) => error)
      expect(met).toMatchObject({
        code: 'cache.full',
        details: { path: expect.stringMatching(/\.partial$/) },
      })
      const names = (await folder.list()).map((name) => name.slice('small/'.length))
      expect(names.filter((name) => name.endsWith('.raw'))).toEqual([])

      if (file !== undefined) publisher.files.set('/latest/disk.raw', { ...file, etag: '"1"' })
      await runProgram('mount', ['-o', 'remount,size=8m', small])
      expect(await run()).toMatchObject({ source: 'download', sha256: hex('sha256', content) })
      expect(publisher.requests.at(-1)?.range).toMatch(/^bytes=\d{6}/)
    } finally {
      await runProgram('umount', [small])
    }
    return undefined
  })
})

describe('images made by qemu-img', () => {
  it.each([
    ['qcow2', [], 'accepted'],
    ['qcow2', ['-o', 'compat=0.10'], 'accepted'],
    ['qcow2', ['-o', 'extended_l2=on'], 'accepted'],
    ['qcow2', ['-o', 'compression_type=zstd'], 'accepted'],
    ['qcow2', ['-o', 'cluster_size=2M'], 'accepted'],
    ['qcow2', ['-o', 'data_file=DATA'], 'refused'],
    ['qcow2', ['-F', 'raw', '-b', 'BACKING'], 'refused'],
    [
      'qcow2',
      [
        '--object',
        'secret,id=s,data=x',
        '-o',
        'encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=10',
      ],
      'refused',
    ],
    ['vmdk', [], 'refused'],
    ['vhdx', [], 'refused'],
    ['vpc', [], 'refused'],
    ['vdi', [], 'refused'],
    ['qed', [], 'refused'],
    ['parallels', [], 'refused'],
    ['qcow', [], 'refused'],
    ['raw', [], 'accepted'],
  ] as const)('of format %s with %j are %s', async (format, args, kind) => {
    const path = join(folder.path, 'disk')
    const backing = join(folder.path, 'backing')
    await writeFile(backing, Buffer.alloc(1024 * 1024))
    const named = args.map((word) => word.replace('DATA', `${path}.data`).replace('BACKING', backing))
    const made = await runProgram('qemu-img', ['create', '-q', '-f', format, ...named, path, '64M'])
    expect(made.stderr).toBe('')
    const content = await readFile(path)
    expect(inspectImage(content.subarray(0, 65_536), content.length, undefined)).toMatchObject({ kind })
  })
})
