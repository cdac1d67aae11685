import { readFile, readlink, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ensureImage } from './ensure.ts'
import { lockInMemory } from './lockfile.ts'
import { peekImage } from './peek.ts'
import { hex, type Publisher, startPublisher } from './testing/publisher.ts'
import { qcow2 } from './testing/qcow2-image.ts'
import {
  codeOf,
  contextIn,
  defaultPolicy,
  imageOf,
  makeTestFolder,
  quickSeam,
  quietProgress,
  type TestFolder,
  urlSource,
} from './testing/setup.ts'

const first = Buffer.alloc(300_000, 'first version ')
const second = Buffer.alloc(310_000, 'second version ')
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

const downloads = (): number => publisher.requests.filter((request) => request.path.endsWith('.raw')).length
const image = () => imageOf(urlSource(publisher.url))

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

  it('C2: is not fetched again, and no file changes, while the manifest is young', async () => {
    const context = contextIn(cache.path)
    await ensureImage(quietProgress(), image(), context)
    const requests = publisher.requests.length
    const { changes, seam } = countingSeam()

    const again = await ensureImage(quietProgress(seam), image(), context)

    expect(again.source).toBe('cache')
    expect(publisher.requests).toHaveLength(requests)
    expect(changes).toEqual([])
    expect(await peekImage(quietProgress(), image(), context)).toEqual({ ...again, isRefreshDue: false })
  })

  it('C1: is fetched anew when `latest` moves, and the old version stays', async () => {
    const context = contextIn(cache.path, { policy: { ...defaultPolicy, refresh: { kind: 'always' } } })
    await ensureImage(quietProgress(), image(), context)
    publisher.publish('/latest', { 'disk.raw': second })

    const moved = await ensureImage(quietProgress(), image(), context)

    expect(moved).toMatchObject({ source: 'download', fileName: nameOf(second) })
    expect(await readFile(join(cache.path, nameOf(first)))).toEqual(first)
    expect(await readlink(join(cache.path, 'disk.raw'))).toBe(nameOf(second))
    expect(context.lock.get('debian-12', `${publisher.url}/latest/disk.raw`)?.digest.hex).toBe(
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
    const context = contextIn(cache.path, { policy: { ...defaultPolicy, refresh } })
    await ensureImage(quietProgress(seam), image(), context)
    publisher.publish('/latest', { 'disk.raw': second })
    seam.clock.nowMs += laterMs

    expect((await peekImage(quietProgress(seam), image(), context))?.isRefreshDue).toBe(isNew)
    const got = await ensureImage(quietProgress(seam), image(), context)

    expect(got.fileName).toBe(nameOf(isNew ? second : first))
  })

  it('C2: `force` asks the publisher whatever the policy says', async () => {
    const context = contextIn(cache.path, { policy: { ...defaultPolicy, refresh: { kind: 'never' } } })
    await ensureImage(quietProgress(), image(), context)
    publisher.publish('/latest', { 'disk.raw': second })

    const got = await ensureImage(quietProgress(), image(), { ...context, force: true })

    expect(got.fileName).toBe(nameOf(second))
  })

  it('C1: what has the wrong digest gets no final name, leaves nothing, and no other source is taken', async () => {
    publisher.files.set('/latest/disk.raw', { content: second })
    const spec = imageOf(urlSource(publisher.url), { kind: 'file', path: '/nowhere', digest: undefined })

    expect(await codeOf(ensureImage(quietProgress(), spec, contextIn(cache.path)))).toBe(
      'image.digest-mismatch',
    )
    expect(await cache.list()).toEqual([])
  })

  it.each([
    ['the image is missing', () => publisher.files.delete('/latest/disk.raw'), 'image.not-found'],
    ['the manifest is missing', () => publisher.files.delete('/latest/SHA512SUMS'), 'image.not-found'],
    [
      'the manifest has no such line',
      () => publisher.publish('/latest', { 'other.raw': first }),
      'image.manifest-failed',
    ],
    [
      'the manifest is endless',
      () => publisher.files.set('/latest/SHA512SUMS', { content: Buffer.alloc(2 * 1024 * 1024, 'x\n') }),
      'image.manifest-failed',
    ],
    [
      'the image is a web page',
      () => publisher.publish('/latest', { 'disk.raw': Buffer.from('<!DOCTYPE html>') }),
      'image.refused',
    ],
    [
      'the image is a qcow2 named as raw',
      () => publisher.publish('/latest', { 'disk.raw': Buffer.from('QFI\xfb\0\0\0\x03', 'latin1') }),
      'image.refused',
    ],
  ])('C1: when %s, nothing is left', async (_name, spoil, code) => {
    spoil()
    expect(await codeOf(ensureImage(quietProgress(), image(), contextIn(cache.path)))).toBe(code)
    expect(await cache.list()).toEqual([])
  })

  it('C4: a nocloud image is refused by its name, unless it is allowed', async () => {
    const nocloud = { fileName: 'debian-12-nocloud-amd64.raw', url: `${publisher.url}/{version}/x.raw` }
    const spec = imageOf(urlSource(publisher.url, nocloud))
    publisher.publish('/latest', { 'debian-12-nocloud-amd64.raw': first })
    publisher.files.set('/latest/x.raw', { content: first })
    const allowed = { ...defaultPolicy, allowNocloud: true }

    expect(await codeOf(ensureImage(quietProgress(), spec, contextIn(cache.path)))).toBe('image.refused')
    expect(publisher.requests).toEqual([])
    expect(await codeOf(ensureImage(quietProgress(), spec, contextIn(cache.path, { policy: allowed })))).toBe(
      'no error',
    )
  })

  it.each(['../disk.raw', 'a/b.raw', '.hidden', '', 'disk\n.raw'])(
    'C1: the file name %j is refused before anything is fetched',
    async (fileName) => {
      const spec = imageOf(urlSource(publisher.url, { fileName }))
      expect(await codeOf(ensureImage(quietProgress(), spec, contextIn(cache.path)))).toBe('image.refused')
      expect(publisher.requests).toEqual([])
    },
  )

  it('C1: two images of the same file name from two publishers live side by side', async () => {
    publisher.publish('/other/latest', { 'disk.raw': second })
    const other = { ...imageOf(urlSource(`${publisher.url}/other`)), id: 'other' }
    const context = contextIn(cache.path)

    const one = await ensureImage(quietProgress(), image(), context)
    const two = await ensureImage(quietProgress(), other, context)

    expect(await readFile(one.path)).toEqual(first)
    expect(await readFile(two.path)).toEqual(second)
    expect((await peekImage(quietProgress(), image(), context))?.path).toBe(one.path)
    expect((await peekImage(quietProgress(), other, context))?.path).toBe(two.path)
  })

  it('C1: two runs at once download once', async () => {
    const context = () => contextIn(cache.path)
    publisher.files.set('/latest/disk.raw', { content: first, cuts: [1000] })

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
    const context = contextIn(cache.path)
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
    const context = contextIn(cache.path)
    const { path } = await ensureImage(quietProgress(), image(), context)
    await writeFile(path, second)

    const got = await ensureImage(quietProgress(), image(), { ...context, ...changes })

    expect(got).toMatchObject({ source: 'download', path })
    expect(await readFile(path)).toEqual(first)
  })

  it('C2: is not looked at when verification is off', async () => {
    const policy = { ...defaultPolicy, verifyCached: false }
    const context = contextIn(cache.path, { policy })
    const { path } = await ensureImage(quietProgress(), image(), context)
    await utimes(path, 1, 1)
    const { changes, seam } = countingSeam()

    expect((await ensureImage(quietProgress(seam), image(), context)).path).toBe(path)
    expect(changes).toEqual([])
  })

  it('C1: without record, link or manifest is put in order without a download', async () => {
    const context = contextIn(cache.path)
    const { path } = await ensureImage(quietProgress(), image(), context)
    const complete = await cache.list()
    await rm(`${path}.json`)
    await rm(join(cache.path, 'manifests'), { recursive: true })
    await rm(join(cache.path, 'disk.raw'))
    await symlink('elsewhere', join(cache.path, 'disk.raw'))

    expect((await ensureImage(quietProgress(), image(), context)).source).toBe('cache')
    expect(await cache.list()).toEqual(complete)
    expect(await readlink(join(cache.path, 'disk.raw'))).toBe(nameOf(first))
    expect(downloads()).toBe(1)
  })

  it.each([
    ['older-than', { source: 'cache' }],
    ['always', { code: 'image.unreachable' }],
  ] as const)('C2: with the publisher out of reach, policy %s', async (kind, outcome) => {
    const seam = quickSeam()
    const refresh = kind === 'always' ? ({ kind } as const) : { kind, maxAgeMs: 1 }
    const context = contextIn(cache.path, { policy: { ...defaultPolicy, refresh } })
    const spec = image()
    await ensureImage(quietProgress(seam), spec, context)
    await publisher[Symbol.asyncDispose]()
    seam.clock.nowMs += 1000

    const got = await ensureImage(quietProgress(seam), spec, context).catch((error: unknown) => error)
    expect(got).toMatchObject(outcome)
    publisher = await startPublisher()
  })
})

describe('a pinned image', () => {
  const versioned = (changes = {}) => imageOf(urlSource(publisher.url, { version: '20240717', ...changes }))
  beforeEach(() => publisher.publish('/20240717', { 'disk.raw': first }))

  it('C1: a digest in the spec wins: no manifest is fetched, and nothing is written to the lock file', async () => {
    const context = contextIn(cache.path)
    publisher.files.delete('/20240717/SHA512SUMS')
    const pinned = versioned({ pinnedDigest: `sha256:${hex('sha256', first)}` })

    const got = await ensureImage(quietProgress(), pinned, context)

    expect(got.digest).toEqual({ algorithm: 'sha256', hex: hex('sha256', first) })
    expect(context.lock.get('debian-12', `${publisher.url}/20240717/disk.raw`)).toBeUndefined()
    expect((await ensureImage(quietProgress(), pinned, context)).source).toBe('cache')
  })

  it('C1: a digest in the spec that the download does not have is an error', async () => {
    const pinned = versioned({ pinnedDigest: hex('sha256', second) })
    expect(await codeOf(ensureImage(quietProgress(), pinned, contextIn(cache.path)))).toBe(
      'image.digest-mismatch',
    )
    expect(
      await codeOf(ensureImage(quietProgress(), versioned({ pinnedDigest: 'abc' }), contextIn(cache.path))),
    ).toBe('image.refused')
  })

  it('a pin in the lock file makes another machine fetch the same without the manifest', async () => {
    const lock = lockInMemory()
    const url = `${publisher.url}/20240717/disk.raw`
    const digest = { algorithm: 'sha512', hex: hex('sha512', first) } as const
    await lock.set(quietProgress(), 'debian-12', url, { digest, version: '20240717' })

    await ensureImage(quietProgress(), versioned(), contextIn(cache.path, { lock }))

    expect(publisher.requests.map((request) => request.path)).toEqual(['/20240717/disk.raw'])
  })

  it.each([
    ['by its manifest', 'always', false],
    ['by its content', 'never', true],
  ] as const)('a versioned URL whose content changed is found out %s', async (_name, kind, isFresh) => {
    const lock = lockInMemory()
    const context = contextIn(cache.path, { lock, policy: { ...defaultPolicy, refresh: { kind } } })
    await ensureImage(quietProgress(), versioned(), context)
    publisher.publish('/20240717', { 'disk.raw': second })
    await using empty = await makeTestFolder()
    const cacheDir = isFresh ? empty.path : cache.path

    expect(await codeOf(ensureImage(quietProgress(), versioned(), { ...context, cacheDir }))).toBe(
      'image.pin-conflict',
    )
    expect(await readlink(join(cache.path, 'disk.raw'))).toBe(nameOf(first))
    expect(await empty.list()).toEqual([])
  })

  it('a pin of `latest` that somebody else moved on is believed rather than the older manifest here', async () => {
    const context = contextIn(cache.path)
    await ensureImage(quietProgress(), image(), context)
    publisher.publish('/latest', { 'disk.raw': second })
    const url = `${publisher.url}/latest/disk.raw`
    const digest = { algorithm: 'sha512', hex: hex('sha512', second) } as const
    await context.lock.set(quietProgress(), 'debian-12', url, { digest, version: 'latest' })

    expect((await ensureImage(quietProgress(), image(), context)).fileName).toBe(nameOf(second))
  })
})

describe('several sources', () => {
  const closedPort = 'http://127.0.0.1:1'
  const build = Object.assign(
    async (_progress: unknown, _source: unknown, path: string) => writeFile(path, qcow2()),
    { inputsDigest: async () => 'ab'.repeat(32) },
  )
  const buildSource = {
    kind: 'build',
    distribution: 'debian',
    suite: 'bookworm',
    mirror: undefined,
    extraPackages: [],
    sizeMib: 1024,
  } as const

  it('the next one is taken when the publisher cannot be reached', async () => {
    const spec = imageOf(urlSource(closedPort), buildSource)
    const context = contextIn(cache.path, { build })

    const got = await ensureImage(quietProgress(), spec, context)

    expect(got).toMatchObject({
      source: 'build',
      fileName: 'debian-bookworm-abababababababab.qcow2',
      format: 'qcow2',
    })
    expect((await ensureImage(quietProgress(), imageOf(buildSource), context)).source).toBe('cache')
    expect(await peekImage(quietProgress(), spec, context)).toMatchObject({
      path: got.path,
      isRefreshDue: false,
    })
    expect(await cache.list()).toEqual([
      'debian-bookworm-abababababababab.qcow2',
      'debian-bookworm-abababababababab.qcow2.json',
      'debian-bookworm.qcow2',
    ])
  })

  it.each([500, 403, 404])('the next one is not taken when the publisher answers %i', async (status) => {
    publisher.files.set('/latest/SHA512SUMS', { content: first, failures: Array(9).fill(status) as number[] })
    const code = await codeOf(
      ensureImage(
        quietProgress(),
        imageOf(urlSource(publisher.url), buildSource),
        contextIn(cache.path, { build }),
      ),
    )
    expect(code).toBe(status === 404 ? 'image.not-found' : 'image.download-failed')
  })
})

describe('a local file', () => {
  const fileImage = (path: string, digest?: string) =>
    imageOf({
      kind: 'file',
      path,
      digest: digest === undefined ? undefined : { algorithm: 'sha256', hex: digest },
    })

  it('C1: is used where it lies, read once, and read again when it changed', async () => {
    await using folder = await makeTestFolder()
    const path = join(folder.path, 'own.img')
    await writeFile(path, first)
    const context = contextIn(cache.path)

    const got = await ensureImage(quietProgress(), fileImage(path), context)
    expect(got).toMatchObject({ path, source: 'file', format: 'raw', sha256: hex('sha256', first) })
    expect(got.fileName).toBe(`own-${hex('sha256', first).slice(0, 16)}.img`)
    expect(await peekImage(quietProgress(), fileImage(path), context)).toEqual({
      ...got,
      isRefreshDue: false,
    })

    await writeFile(path, second)
    expect(await peekImage(quietProgress(), fileImage(path), context)).toBeUndefined()
    expect((await ensureImage(quietProgress(), fileImage(path), context)).sha256).toBe(hex('sha256', second))
    expect(await folder.list()).toEqual(['own.img'])
  })

  it.each([
    ['missing', undefined, undefined, 'image.not-found'],
    ['of another digest', first, hex('sha256', second), 'image.digest-mismatch'],
    ['empty', Buffer.alloc(0), undefined, 'image.refused'],
    ['a VMDK', Buffer.from('KDMV'), undefined, 'image.refused'],
  ])('is refused when it is %s', async (_name, content, digest, code) => {
    const path = join(cache.path, 'own.img')
    if (content !== undefined) await writeFile(path, content)
    expect(await codeOf(ensureImage(quietProgress(), fileImage(path, digest), contextIn(cache.path)))).toBe(
      code,
    )
  })
})
