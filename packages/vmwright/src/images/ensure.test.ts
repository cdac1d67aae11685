import { readFile, readlink, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ensureImage } from './ensure.ts'
import { peekImage } from './peek.ts'
import { first, nameOf, publishForEachTest, second } from './testing/published.ts'
import { hex } from './testing/publisher.ts'
import {
  codeOf,
  contextIn,
  defaultPolicy,
  imageOf,
  quickSeam,
  quietProgress,
  urlSource,
} from './testing/setup.ts'

const published = publishForEachTest()
const downloads = (): number =>
  published.publisher.requests.filter((request) => request.path.endsWith('.raw')).length
const image = () => imageOf(urlSource(published.publisher.url))

/** A seam that lists the changes it lets through. */
function countingSeam() {
  const changes: string[] = []
  const seam = quickSeam()
  const counting = quickSeam({
    effect: (effect, run) => {
      if (effect.mutates) changes.push(`${effect.kind} ${effect.object}`)
      return seam.effect(effect, run)
    },
  })
  return { changes, seam: counting }
}
describe('an image from a publisher', () => {
  it('C1: is downloaded, verified and kept under a name with its digest, with a link of the canonical name', async () => {
    const got = await ensureImage(quietProgress(), image(), contextIn(published.cache.path))

    expect(got).toEqual({
      id: 'debian-12',
      path: join(published.cache.path, nameOf(first)),
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
    expect(await readlink(join(published.cache.path, 'disk.raw'))).toBe(nameOf(first))
    expect(await published.cache.list()).toEqual([
      nameOf(first),
      `${nameOf(first)}.json`,
      'disk.raw',
      expect.stringMatching(/^manifests\/disk\.raw-[0-9a-f]{16}\.json$/),
    ])
  })

  it('C2: is not fetched again, and no file changes, while the manifest is young', async () => {
    const context = contextIn(published.cache.path)
    await ensureImage(quietProgress(), image(), context)
    const requests = published.publisher.requests.length
    const { changes, seam } = countingSeam()

    const again = await ensureImage(quietProgress(seam), image(), context)

    expect(again.source).toBe('cache')
    expect(published.publisher.requests).toHaveLength(requests)
    expect(changes).toEqual([])
    expect(await peekImage(quietProgress(), image(), context)).toEqual({ ...again, isRefreshDue: false })
  })

  it('C1: is fetched anew when `latest` moves, and the old version stays', async () => {
    const context = contextIn(published.cache.path, {
      policy: { ...defaultPolicy, refresh: { kind: 'always' } },
    })
    await ensureImage(quietProgress(), image(), context)
    published.publisher.publish('/latest', { 'disk.raw': second })

    const moved = await ensureImage(quietProgress(), image(), context)

    expect(moved).toMatchObject({ source: 'download', fileName: nameOf(second) })
    expect(await readFile(join(published.cache.path, nameOf(first)))).toEqual(first)
    expect(await readlink(join(published.cache.path, 'disk.raw'))).toBe(nameOf(second))
    expect(context.lock.get('debian-12', `${published.publisher.url}/latest/disk.raw`)?.digest.hex).toBe(
      hex('sha512', second),
    )
  })

  it.each([
    ['always', { kind: 'always' }, 0, true],
    ['an age that has passed', { kind: 'older-than', maxAgeMs: 1000 }, 1001, true],
    ['an age that has not', { kind: 'older-than', maxAgeMs: 1000 }, 1000, false],
    ['an age, and a clock set back', { kind: 'older-than', maxAgeMs: 1000 }, -1, true],
    ['never', { kind: 'never' }, 1e12, false],
  ] as const)('C2: refresh policy %s', async (_name, refresh, laterMs, isNew) => {
    const seam = quickSeam()
    const context = contextIn(published.cache.path, { policy: { ...defaultPolicy, refresh } })
    await ensureImage(quietProgress(seam), image(), context)
    published.publisher.publish('/latest', { 'disk.raw': second })
    seam.clock.nowMs += laterMs

    expect((await peekImage(quietProgress(seam), image(), context))?.isRefreshDue).toBe(isNew)
    const got = await ensureImage(quietProgress(seam), image(), context)

    expect(got.fileName).toBe(nameOf(isNew ? second : first))
  })

  it('C2: `force` asks the publisher whatever the policy says', async () => {
    const context = contextIn(published.cache.path, {
      policy: { ...defaultPolicy, refresh: { kind: 'never' } },
    })
    await ensureImage(quietProgress(), image(), context)
    published.publisher.publish('/latest', { 'disk.raw': second })

    const got = await ensureImage(quietProgress(), image(), { ...context, force: true })

    expect(got.fileName).toBe(nameOf(second))
  })

  it('C1: what has the wrong digest gets no final name, leaves nothing, and no other source is taken', async () => {
    published.publisher.files.set('/latest/disk.raw', { content: second })
    const spec = imageOf(urlSource(published.publisher.url), {
      kind: 'file',
      path: '/nowhere',
      digest: undefined,
    })

    expect(await codeOf(ensureImage(quietProgress(), spec, contextIn(published.cache.path)))).toBe(
      'image.digest-mismatch',
    )
    expect(await published.cache.list()).toEqual([])
  })

  it.each([
    ['the image is missing', () => published.publisher.files.delete('/latest/disk.raw'), 'image.not-found'],
    [
      'the manifest is missing',
      () => published.publisher.files.delete('/latest/SHA512SUMS'),
      'image.not-found',
    ],
    [
      'the manifest has no such line',
      () => published.publisher.publish('/latest', { 'other.raw': first }),
      'image.manifest-failed',
    ],
    [
      'the manifest is endless',
      () =>
        published.publisher.files.set('/latest/SHA512SUMS', {
          content: Buffer.alloc(2 * 1024 * 1024, 'x\n'),
        }),
      'image.manifest-failed',
    ],
    [
      'the image is a web page',
      () => published.publisher.publish('/latest', { 'disk.raw': Buffer.from('<!DOCTYPE html>') }),
      'image.refused',
    ],
    [
      'the image is a qcow2 named as raw',
      () =>
        published.publisher.publish('/latest', { 'disk.raw': Buffer.from('QFI\xfb\0\0\0\x03', 'latin1') }),
      'image.refused',
    ],
  ])('C1: when %s, nothing is left', async (_name, spoil, code) => {
    spoil()
    expect(await codeOf(ensureImage(quietProgress(), image(), contextIn(published.cache.path)))).toBe(code)
    expect(await published.cache.list()).toEqual([])
  })

  it('C4: a nocloud image is refused by its name, unless it is allowed', async () => {
    const nocloud = {
      fileName: 'debian-12-nocloud-amd64.raw',
      url: `${published.publisher.url}/{version}/x.raw`,
    }
    const spec = imageOf(urlSource(published.publisher.url, nocloud))
    published.publisher.publish('/latest', { 'debian-12-nocloud-amd64.raw': first })
    published.publisher.files.set('/latest/x.raw', { content: first })
    const allowed = { ...defaultPolicy, allowNocloud: true }

    expect(await codeOf(ensureImage(quietProgress(), spec, contextIn(published.cache.path)))).toBe(
      'image.refused',
    )
    expect(published.publisher.requests).toEqual([])
    expect(
      await codeOf(ensureImage(quietProgress(), spec, contextIn(published.cache.path, { policy: allowed }))),
    ).toBe('no error')
  })

  it.each(['../disk.raw', 'a/b.raw', '.hidden', '', 'disk\n.raw'])(
    'C1: the file name %j is refused before anything is fetched',
    async (fileName) => {
      const spec = imageOf(urlSource(published.publisher.url, { fileName }))
      expect(await codeOf(ensureImage(quietProgress(), spec, contextIn(published.cache.path)))).toBe(
        'image.refused',
      )
      expect(published.publisher.requests).toEqual([])
    },
  )

  it('C1: two images of the same file name from two publishers live side by side', async () => {
    published.publisher.publish('/other/latest', { 'disk.raw': second })
    const other = { ...imageOf(urlSource(`${published.publisher.url}/other`)), id: 'other' }
    const context = contextIn(published.cache.path)

    const one = await ensureImage(quietProgress(), image(), context)
    const two = await ensureImage(quietProgress(), other, context)

    expect(await readFile(one.path)).toEqual(first)
    expect(await readFile(two.path)).toEqual(second)
    expect((await peekImage(quietProgress(), image(), context))?.path).toBe(one.path)
    expect((await peekImage(quietProgress(), other, context))?.path).toBe(two.path)
  })

  it('C1: two runs at once download once', async () => {
    const context = () => contextIn(published.cache.path)
    published.publisher.files.set('/latest/disk.raw', { content: first, cuts: [1000] })

    const results = await Promise.all(
      Array.from({ length: 4 }, () => ensureImage(quietProgress(), image(), context())),
    )

    expect(results.map((result) => result.source).toSorted()).toEqual(['cache', 'cache', 'cache', 'download'])
    expect(downloads()).toBe(2)
  })
})

describe('a cached image', () => {
  it.each([
    ['with another time', async (path: string) => utimes(path, 1, 1), 'no error'],
    ['with other content', async (path: string) => writeFile(path, second), 'image.digest-mismatch'],
  ])('C2: %s is read again', async (_name, change, code) => {
    const context = contextIn(published.cache.path)
    const { path } = await ensureImage(quietProgress(), image(), context)
    await change(path)

    expect(await peekImage(quietProgress(), image(), context)).toBeUndefined()
    expect(await codeOf(ensureImage(quietProgress(), image(), context))).toBe(code)
    expect(downloads()).toBe(1)
  })

  it.each([
    ['`repair` is on', { policy: { ...defaultPolicy, repair: true } }],
    ['`force` is given', { force: true }],
  ])('C2: that is wrong is downloaded again when %s', async (_name, changes) => {
    const context = contextIn(published.cache.path)
    const { path } = await ensureImage(quietProgress(), image(), context)
    await writeFile(path, second)

    const got = await ensureImage(quietProgress(), image(), { ...context, ...changes })

    expect(got).toMatchObject({ source: 'download', path })
    expect(await readFile(path)).toEqual(first)
  })

  it('C2: is not looked at when verification is off', async () => {
    const policy = { ...defaultPolicy, verifyCached: false }
    const context = contextIn(published.cache.path, { policy })
    const { path } = await ensureImage(quietProgress(), image(), context)
    await utimes(path, 1, 1)
    const { changes, seam } = countingSeam()

    expect((await ensureImage(quietProgress(seam), image(), context)).path).toBe(path)
    expect(changes).toEqual([])
  })

  it('C1: without record, link or manifest is put in order without a download', async () => {
    const context = contextIn(published.cache.path)
    const { path } = await ensureImage(quietProgress(), image(), context)
    const complete = await published.cache.list()
    await rm(`${path}.json`)
    await rm(join(published.cache.path, 'manifests'), { recursive: true })
    await rm(join(published.cache.path, 'disk.raw'))
    await symlink('elsewhere', join(published.cache.path, 'disk.raw'))

    expect((await ensureImage(quietProgress(), image(), context)).source).toBe('cache')
    expect(await published.cache.list()).toEqual(complete)
    expect(await readlink(join(published.cache.path, 'disk.raw'))).toBe(nameOf(first))
    expect(downloads()).toBe(1)
  })

  it.each([
    ['older-than', { source: 'cache' }],
    ['always', { code: 'image.unreachable' }],
  ] as const)('C2: with the publisher out of reach, policy %s', async (kind, outcome) => {
    const seam = quickSeam()
    const refresh = kind === 'always' ? ({ kind } as const) : { kind, maxAgeMs: 1 }
    const context = contextIn(published.cache.path, { policy: { ...defaultPolicy, refresh } })
    const spec = image()
    await ensureImage(quietProgress(seam), spec, context)
    await published.publisher[Symbol.asyncDispose]()
    seam.clock.nowMs += 1000

    const got = await ensureImage(quietProgress(seam), spec, context).catch((error: unknown) => error)
    expect(got).toMatchObject(outcome)
  })
})
