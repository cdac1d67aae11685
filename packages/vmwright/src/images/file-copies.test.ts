import { copyFile, rename, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type CachedImage, ensureImage } from './ensure.ts'
import { listImages } from './list.ts'
import { recordPath } from './layout.ts'
import { planPrune, runPrune } from './prune.ts'
import { scanCache } from './scan.ts'
import { contextIn, imageOf, makeTestFolder, quietProgress, type TestFolder } from './testing/setup.ts'
import { verifyCache } from './verify.ts'

const content = Buffer.alloc(10_000, 'content')
const options = { all: false, nowMs: Date.now(), unfinishedForMs: 1_000_000 }
const fileImage = (path: string) => imageOf({ kind: 'file', path, digest: undefined })

let elsewhere: TestFolder
let cache: TestFolder
let image: CachedImage
beforeEach(async () => {
  elsewhere = await makeTestFolder()
  cache = await makeTestFolder()
  await writeFile(join(elsewhere.path, 'golden.raw'), content)
  image = await ensure(join(elsewhere.path, 'golden.raw'))
})
afterEach(async () => {
  await elsewhere[Symbol.asyncDispose]()
  await cache[Symbol.asyncDispose]()
})

const ensure = (path: string): Promise<CachedImage> =>
  ensureImage(quietProgress(), fileImage(path), contextIn(cache.path))

/** What the driver of a local host does when it places the image. */
async function place(): Promise<string> {
  const copy = join(cache.path, image.fileName)
  await copyFile(image.path, copy)
  return copy
}

it('two images of one file are looked at side by side', async () => {
  const path = join(elsewhere.path, 'shared.raw')
  await writeFile(path, content)
  const both = await Promise.all([ensure(path), ensure(path)])
  expect(both.map(({ sha256 }) => sha256)).toEqual([image.sha256, image.sha256])
})

describe('the copy of a local file in the folder of the host', () => {
  it('is known by its record, stays while a disk rests on it, and goes with its record when none does', async () => {
    const copy = await place()
    const files = await scanCache(cache.path)
    const user = { instance: 'web-1', host: 'local', backingPath: copy, digest: undefined }
    expect(planPrune(files, [user], { ...options, all: true })).toMatchObject({
      remove: [],
      keep: [{ file: { path: copy }, because: 'in use', dependents: [{ instance: 'web-1' }] }],
    })

    const plan = planPrune(files, [], options)
    expect(plan.remove).toMatchObject([{ file: { path: copy }, because: 'copy of a file' }])
    await runPrune(quietProgress(), cache.path, plan)
    expect(await cache.list()).toEqual([expect.stringMatching(/^files\/golden/)])
    expect(await elsewhere.list()).toEqual(['golden.raw'])
  })

  it('is claimed again when its record is lost, and can be verified', async () => {
    const copy = await place()
    await rename(recordPath(copy), join(elsewhere.path, 'lost'))
    await ensure(image.path)
    expect(await verifyCache(quietProgress(), cache.path)).toMatchObject([{ kind: 'good' }])
  })

  it('is not listed as a version of its own', async () => {
    await place()
    const rows = await listImages(quietProgress(), [fileImage(image.path)], contextIn(cache.path), [])
    expect(rows.map((row) => row.cached?.path)).toEqual([image.path])
  })

  it('keeps its name when it is itself the file of the spec', async () => {
    const copy = await place()
    expect(await ensure(copy)).toMatchObject({ path: copy, fileName: basename(copy) })
  })

  it('keeps the name that the cache gave, whatever digest is in it', async () => {
    const path = join(cache.path, 'debian-12-0123456789abcdef.raw')
    await copyFile(image.path, path)
    await rename(recordPath(join(cache.path, image.fileName)), recordPath(path))
    expect((await ensure(path)).fileName).toBe(basename(path))
  })
})
