import { mkdir, readlink, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Dependent } from './dependents.ts'
import { ensureImage } from './ensure.ts'
import { listImages } from './list.ts'
import { defaultUnfinishedForMs, planPrune, runPrune } from './prune.ts'
import { scanCache } from './scan.ts'
import { hex, type Publisher, startPublisher } from './testing/publisher.ts'
import {
  contextIn,
  imageOf,
  makeTestFolder,
  quietProgress,
  type TestFolder,
  urlSource,
} from './testing/setup.ts'
import { verifyCache } from './verify.ts'

const first = Buffer.alloc(10_000, 'first')
const second = Buffer.alloc(20_000, 'second')
const nameOf = (content: Buffer): string => `disk-${hex('sha512', content).slice(0, 16)}.raw`

let publisher: Publisher
let cache: TestFolder
beforeEach(async () => {
  publisher = await startPublisher()
  cache = await makeTestFolder()
  publisher.publish('/latest', { 'disk.raw': first })
  await ensureImage(quietProgress(), image(), context())
  publisher.publish('/latest', { 'disk.raw': second })
  await ensureImage(quietProgress(), image(), { ...context(), force: true })
})
afterEach(async () => {
  await publisher[Symbol.asyncDispose]()
  await cache[Symbol.asyncDispose]()
})

const image = () => imageOf(urlSource(publisher.url))
const context = () => contextIn(cache.path)
const options = { all: false, nowMs: Date.now(), unfinishedForMs: defaultUnfinishedForMs }
const byPath = (content: Buffer): Dependent => ({
  instance: 'web-1',
  host: 'rack1',
  backingPath: join(cache.path, nameOf(content)),
  digest: undefined,
})
const byDigest = (digest: string): Dependent => ({
  instance: 'web-2',
  host: 'rack1',
  backingPath: undefined,
  digest,
})

describe('prune', () => {
  it('removes old versions with their records, and keeps the current one', async () => {
    const plan = planPrune(await scanCache(cache.path), [], options)
    expect(plan.remove).toMatchObject([{ file: { fileName: nameOf(first) }, because: 'old version' }])
    expect(plan.freedBytes).toBe(10_000)

    await runPrune(quietProgress(), cache.path, plan)

    expect(await cache.list()).toEqual([
      nameOf(second),
      `${nameOf(second)}.json`,
      'disk.raw',
      expect.stringMatching(/^manifests/),
    ])
    expect(await readlink(join(cache.path, 'disk.raw'))).toBe(nameOf(second))
  })

  it.each<[string, () => Dependent]>([
    ['the file under its disk', () => byPath(first)],
    ['its SHA-256', () => byDigest(hex('sha256', first))],
    ["its publisher's digest", () => byDigest(`sha512:${hex('sha512', first)}`)],
    ['the first digits of it', () => byDigest(hex('sha512', first).slice(0, 16))],
  ])('never removes what an instance depends on, known by %s, and names it', async (_name, dependent) => {
    const plan = planPrune(await scanCache(cache.path), [dependent()], { ...options, all: true })
    expect(plan.keep).toMatchObject([
      { file: { fileName: nameOf(first) }, because: 'in use', dependents: [{ host: 'rack1' }] },
    ])
    expect(plan.remove).toMatchObject([{ file: { fileName: nameOf(second) }, because: 'asked for' }])
  })

  it('removes the link with the last version when all are asked for', async () => {
    const plan = planPrune(await scanCache(cache.path), [], { ...options, all: true })
    await runPrune(quietProgress(), cache.path, plan)
    expect(await cache.list()).toEqual([expect.stringMatching(/^manifests\//)])
    expect((await ensureImage(quietProgress(), image(), context())).source).toBe('download')
  })

  it('removes unfinished downloads only when they are old, and files that are not ours never', async () => {
    const old = Date.now() / 1000 - 2 * 86_400
    for (const [name, time] of [
      ['a.raw.partial', old],
      ['a.raw.partial.json', old],
      ['gone.raw.json', old],
      ['gone.qcow2.packages.json', old],
      ['b.raw.partial', Date.now() / 1000],
      ['own.qcow2', old],
    ] as const) {
      await writeFile(join(cache.path, name), 'x')
      await utimes(join(cache.path, name), time, time)
    }
    await mkdir(join(cache.path, 'c.qcow2.partial.building'))
    await utimes(join(cache.path, 'c.qcow2.partial.building'), old, old)
    const plan = planPrune(await scanCache(cache.path), [], { ...options, all: true })
    const reasons = Object.fromEntries(
      [...plan.remove, ...plan.keep].map(({ file, because }) => [file.fileName, because]),
    )
    expect(reasons).toEqual({
      'a.raw.partial': 'unfinished',
      'a.raw.partial.json': 'unfinished',
      'gone.raw.json': 'unfinished',
      'gone.qcow2.packages.json': 'unfinished',
      'c.qcow2.partial.building': 'unfinished',
      'b.raw.partial': 'under way',
      'own.qcow2': 'not ours',
      [nameOf(first)]: 'old version',
      [nameOf(second)]: 'asked for',
    })
    await runPrune(quietProgress(), cache.path, plan)
    expect((await stat(join(cache.path, 'own.qcow2'))).size).toBe(1)
  })
})

describe('list', () => {
  it('C3: shows every image of the spec, then older versions, with who depends on them', async () => {
    const missing = {
      ...imageOf({ kind: 'file', path: '/srv/none.qcow2', digest: undefined }),
      id: 'own',
    } as const
    const rows = await listImages(quietProgress(), [image(), missing], context(), [byPath(first)])
    expect(rows).toMatchObject([
      {
        id: 'debian-12',
        source: 'url',
        from: `${publisher.url}/latest/disk.raw`,
        version: 'latest',
        cached: { digest: `sha512:${hex('sha512', second)}`, sizeBytes: 20_000, format: 'raw' },
        isCurrent: true,
        dependents: [],
      },
      { id: 'own', source: 'file', from: '/srv/none.qcow2', cached: undefined, isCurrent: false },
      {
        id: undefined,
        version: 'latest',
        cached: { digest: `sha512:${hex('sha512', first)}` },
        isCurrent: false,
        dependents: [{ instance: 'web-1' }],
      },
    ])
  })
})

describe('verify', () => {
  it('C2: reads all images in full and finds the one that changed without a trace', async () => {
    const path = join(cache.path, nameOf(first))
    const { atime, mtime } = await stat(path)
    await writeFile(path, Buffer.alloc(first.length, 'FIRST'))
    await utimes(path, atime, mtime)
    await writeFile(join(cache.path, 'own.qcow2'), 'x')

    const results = await verifyCache(quietProgress(), cache.path)

    expect(Object.fromEntries(results.map(({ file, kind }) => [file.fileName, kind]))).toEqual({
      [nameOf(first)]: 'wrong',
      [nameOf(second)]: 'good',
      'own.qcow2': 'unknown',
    })
  })
})
