import { readFile, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ensureImage } from './ensure.ts'
import { peekImage } from './peek.ts'
import { hex, type Publisher, startPublisher } from './testing/publisher.ts'
import {
  contextIn,
  imageOf,
  makeTestFolder,
  quickSeam,
  quietProgress,
  type TestFolder,
  urlSource,
} from './testing/setup.ts'

const first = Buffer.alloc(300_000, 'first version ')
const nameOf = (content: Buffer): string => `disk-${hex('sha512', content).slice(0, 16)}.raw`

let publisher: Publisher
let cache: TestFolder
beforeEach(async () => {
  publisher = await startPublisher()
  cache = await makeTestFolder()
  publisher.publish('/latest', { 'disk.raw': first })
})
afterEach(async () => {
  await publisher[Symbol.asyncDispose]()
  await cache[Symbol.asyncDispose]()
})

const image = () => imageOf(urlSource(publisher.url))

describe('an image from a publisher', () => {
  it('C1: is downloaded, verified and kept under a name with its digest, with a link of the canonical name', async () => {
    const got = await ensureImage(quietProgress(), image(), contextIn(cache.path))

    expect(got).toEqual({
      id: 'debian-12',
      path: join(cache.path, nameOf(first)),
      fileName: nameOf(first),
      format: 'raw',
      sha256: hex('sha256', first),
      sizeBytes: 300_000,
      virtualSizeBytes: 300_032,
      source: 'download',
      version: 'latest',
      digest: { algorithm: 'sha512', hex: hex('sha512', first) },
    })
    expect(await readFile(got.path)).toEqual(first)
    expect(await readlink(join(cache.path, 'disk.raw'))).toBe(nameOf(first))
    expect(await cache.list()).toEqual([
      nameOf(first),
      `${nameOf(first)}.json`,
      'disk.raw',
      expect.stringMatching(/^manifests\/disk\.raw-[0-9a-f]{16}\.json$/),
    ])
  })

  it('C1: is not fetched again, and no file changes, while the manifest is young', async () => {
    const context = contextIn(cache.path)
    await ensureImage(quietProgress(), image(), context)
    const requests = publisher.requests.length
    const mutations: string[] = []
    const seam = quickSeam()
    const counting = quickSeam({
      effect: (effect, run) => {
        if (effect.mutates) mutations.push(effect.kind)
        return seam.effect(effect, run)
      },
    })

    const again = await ensureImage(quietProgress(counting), image(), context)

    expect(again.source).toBe('cache')
    expect(publisher.requests).toHaveLength(requests)
    expect(mutations).toEqual([])
    expect(await peekImage(quietProgress(), image(), context)).toEqual({ ...again, isRefreshDue: false })
  })
})
