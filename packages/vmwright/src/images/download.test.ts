import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ProvisionError } from '../lib/errors.ts'
import type { ProgressReport } from '../lib/progress.ts'
import { createRandom } from '../lib/testing/random.ts'
import { downloadVerified, type DownloadRequest } from './download.ts'
import { hex, type PublishedFile, type Publisher, startPublisher } from './testing/publisher.ts'
import { codeOf, makeTestFolder, quickSeam, quietProgress, type TestFolder } from './testing/setup.ts'

const random = createRandom(7)
const content = Buffer.from(Array.from({ length: 200_000 }, () => Math.floor(random() * 256)))
const other = Buffer.alloc(content.length, 'other')
const digest = { algorithm: 'sha512', hex: hex('sha512', content) } as const

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

const path = (): string => join(folder.path, 'disk.raw')
const request = (): DownloadRequest => ({
  url: `${publisher.url}/disk.raw`,
  expected: digest,
  path: path(),
  httpHosts: [],
})
const serve = (changes: Partial<PublishedFile> = {}): void =>
  void publisher.files.set('/disk.raw', { content, etag: '"v1"', ...changes })
const ranges = (): readonly (string | undefined)[] => publisher.requests.map((seen) => seen.range)

/** A download that ended in the middle, as a killed run leaves it. */
async function leavePartial(bytes: Uint8Array, validator?: string): Promise<void> {
  await writeFile(`${path()}.partial`, bytes)
  await writeFile(`${path()}.partial.json`, JSON.stringify({ url: request().url, digest, validator }))
}

const expectWhole = async (): Promise<void> => {
  const digests = await downloadVerified(quietProgress(), request())
  expect(digests).toEqual({ sha256: hex('sha256', content), digest })
  expect(await readFile(`${path()}.partial`)).toEqual(content)
}

describe('a download', () => {
  it('C1: takes the digests of both algorithms while it comes, and tells how far it is', async () => {
    serve()
    const reports: ProgressReport[] = []
    const digests = await downloadVerified(
      quietProgress(quickSeam(), (report) => reports.push(report)),
      request(),
    )
    expect(digests).toEqual({ sha256: hex('sha256', content), digest })
    expect(reports.at(-1)).toEqual({
      what: `download of ${publisher.url}/disk.raw`,
      done: content.length,
      total: content.length,
      unit: 'bytes',
    })
  })

  const cuts = Array.from({ length: 50 }, () => Math.floor(random() * content.length))
  it.each([1, ...cuts, content.length - 1])('C1: cut after %i bytes is resumed from there', async (cut) => {
    serve({ cuts: [cut] })
    await expectWhole()
    const received = Number(/\d+/.exec(ranges()[1] ?? '')?.[0] ?? 0)
    expect(publisher.requests).toHaveLength(2)
    expect(received).toBeLessThanOrEqual(cut)
  })

  it.each([0, 1, 65_536, 123_457, content.length - 1, content.length])(
    'C1: left by a killed run after %i bytes is resumed by the next',
    async (bytes) => {
      serve()
      await leavePartial(content.subarray(0, bytes), '"v1"')
      await expectWhole()
      expect(publisher.requests).toEqual([
        {
          path: '/disk.raw',
          range: bytes === 0 ? undefined : `bytes=${bytes}-`,
          ifRange: bytes === 0 ? undefined : '"v1"',
        },
      ])
    },
  )

  it.each<[string, Partial<PublishedFile>, Uint8Array, string | undefined, number]>([
    ['a server that ignores Range', { ignoresRange: true }, content.subarray(0, 5000), '"v1"', 1],
    ['an ETag that changed', { etag: '"v2"' }, other.subarray(0, 5000), '"v1"', 1],
    ['a date that changed', { etag: 'W/"x"', lastModified: 'b' }, other.subarray(0, 5000), 'a', 1],
    ['a longer beginning than the whole', {}, Buffer.concat([content, other]), '"v1"', 2],
    ['a beginning of something else, unnoticed by a validator', {}, other.subarray(0, 5000), undefined, 2],
    ['a length that is not told', { isChunked: true }, Buffer.alloc(0), undefined, 1],
  ])('C1: comes out whole with %s', async (_name, behaviour, partial, validator, requests) => {
    serve(behaviour)
    await leavePartial(partial, validator)
    await expectWhole()
    expect(publisher.requests).toHaveLength(requests)
  })

  it('C1: does not take over the beginning of another version or URL', async () => {
    serve()
    await writeFile(`${path()}.partial`, content.subarray(0, 5000))
    await writeFile(`${path()}.partial.json`, JSON.stringify({ url: 'https://elsewhere/', digest }))
    await expectWhole()
    expect(ranges()).toEqual([undefined])
  })

  it('C1: with the wrong digest is removed', async () => {
    serve({ content: other })
    expect(await codeOf(downloadVerified(quietProgress(), request()))).toBe('image.digest-mismatch')
    expect(await folder.list()).toEqual([])
  })

  it.each([
    [[503, 429, 500], 'no error'],
    [[503, 503, 503, 503], 'image.download-failed'],
    [[403], 'image.download-failed'],
    [[404], 'image.not-found'],
    [[206], 'image.download-failed'],
  ])('after the answers %j ends with: %s', async (failures, code) => {
    serve({ failures })
    expect(await codeOf(downloadVerified(quietProgress(), request()))).toBe(code)
  })

  it('goes on as long as each try gets somewhere', async () => {
    serve({ cuts: Array.from({ length: 20 }, () => 4000) })
    await expectWhole()
    expect(publisher.requests).toHaveLength(21)
  })

  it('keeps what came when it has to give up', async () => {
    serve({ cuts: [50_000, 0, 0, 0] })
    expect(await codeOf(downloadVerified(quietProgress(), request()))).toBe('image.download-failed')
    expect((await stat(`${path()}.partial`)).size).toBeGreaterThan(0)
    await expectWhole()
  })

  it('is given up when nothing comes for 30 seconds, and resumed', async () => {
    serve({ stallsAfter: 60_000 })
    const seam = quickSeam({
      // The watch looks every few seconds; here each look finds them gone by, once bytes have come.
      async sleep(ms, signal) {
        signal?.throwIfAborted()
        if (ms < 5000) return
        while ((await stat(`${path()}.partial`).catch(() => undefined))?.size !== 60_000) {
          signal?.throwIfAborted()
          await new Promise((resolve) => setImmediate(resolve))
        }
        seam.clock.nowMs += ms
        serve()
      },
    })
    await downloadVerified(quietProgress(seam), request())
    expect(ranges()).toEqual([undefined, 'bytes=60000-'])
  })

  it('ends at once when it is cancelled', async () => {
    serve({ stallsAfter: 1000 })
    const cancel = new AbortController()
    const progress = quietProgress(quickSeam(), () =>
      cancel.abort(new ProvisionError('run.cancelled', { message: 'Stop.' })),
    )
    expect(await codeOf(downloadVerified(progress.child({ signal: cancel.signal }), request()))).toBe(
      'run.cancelled',
    )
  })

  it.each<[string, number, string]>([
    ['follows five redirects', 5, 'no error'],
    ['does not follow six', 6, 'image.download-failed'],
  ])('%s', async (_name, count, code) => {
    serve()
    for (let hop = 1; hop <= count; hop++) {
      publisher.files.set(`/hop${hop}`, { content, redirectTo: hop === 1 ? '/disk.raw' : `/hop${hop - 1}` })
    }
    const url = `${publisher.url}/hop${count}`
    expect(await codeOf(downloadVerified(quietProgress(), { ...request(), url }))).toBe(code)
  })

  it.each(['http://example.org/disk.raw', 'file:///etc/passwd', 'ftp://127.0.0.1/x'])(
    'does not follow a redirect to %s',
    async (redirectTo) => {
      serve({ redirectTo })
      expect(await codeOf(downloadVerified(quietProgress(), request()))).toBe('image.download-failed')
      expect(await folder.list()).toEqual([])
    },
  )

  it('tells how much space is missing, and leaves nothing under the final name', async () => {
    serve()
    const full = Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })
    const real = quickSeam()
    const seam = quickSeam({
      effect: async (effect, run) => {
        const result = await real.effect(effect, run)
        if (effect.kind === 'file.append') throw full
        return result
      },
    })
    const error = await downloadVerified(quietProgress(seam), request()).catch((error: unknown) => error)
    expect(error).toMatchObject({
      code: 'cache.full',
      details: { path: `${path()}.partial`, neededBytes: 0 },
    })
    expect(await folder.list()).toEqual(['disk.raw.partial', 'disk.raw.partial.json'])
  })
})
