import { readlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { ensureImage } from './ensure.ts'
import { lockInMemory } from './lockfile.ts'
import { peekImage } from './peek.ts'
import { buildSource, instantBuild } from './testing/build-source.ts'
import { first, nameOf, publishForEachTest, second } from './testing/published.ts'
import { hex } from './testing/publisher.ts'
import {
  codeOf,
  contextIn,
  defaultPolicy,
  imageOf,
  makeTestFolder,
  quietProgress,
  urlSource,
} from './testing/setup.ts'

const published = publishForEachTest()
const image = () => imageOf(urlSource(published.publisher.url))

describe('a pinned image', () => {
  const versioned = (changes = {}) =>
    imageOf(urlSource(published.publisher.url, { version: '20240717', ...changes }))
  beforeEach(() => published.publisher.publish('/20240717', { 'disk.raw': first }))

  it('C1: a digest in the spec wins: no manifest is fetched, and nothing is written to the lock file', async () => {
    const context = contextIn(published.cache.path)
    published.publisher.files.delete('/20240717/SHA512SUMS')
    const pinned = versioned({ pinnedDigest: `sha256:${hex('sha256', first)}` })

    const got = await ensureImage(quietProgress(), pinned, context)

    expect(got.digest).toEqual({ algorithm: 'sha256', hex: hex('sha256', first) })
    expect(context.lock.get('debian-12', `${published.publisher.url}/20240717/disk.raw`)).toBeUndefined()
    expect((await ensureImage(quietProgress(), pinned, context)).source).toBe('cache')
  })

  it('C1: a digest in the spec that the download does not have is an error', async () => {
    const pinned = versioned({ pinnedDigest: hex('sha256', second) })
    expect(await codeOf(ensureImage(quietProgress(), pinned, contextIn(published.cache.path)))).toBe(
      'image.digest-mismatch',
    )
    expect(
      await codeOf(
        ensureImage(quietProgress(), versioned({ pinnedDigest: 'abc' }), contextIn(published.cache.path)),
      ),
    ).toBe('image.refused')
  })

  it('a pin in the lock file makes another machine fetch the same without the manifest', async () => {
    const lock = lockInMemory()
    const url = `${published.publisher.url}/20240717/disk.raw`
    const digest = { algorithm: 'sha512', hex: hex('sha512', first) } as const
    await lock.set(quietProgress(), 'debian-12', url, { digest, version: '20240717' })

    await ensureImage(quietProgress(), versioned(), contextIn(published.cache.path, { lock }))

    expect(published.publisher.requests.map((request) => request.path)).toEqual(['/20240717/disk.raw'])
  })

  it.each([
    ['by its manifest', 'always', false],
    ['by its content', 'never', true],
  ] as const)('a versioned URL whose content changed is found out %s', async (_name, kind, isFresh) => {
    const lock = lockInMemory()
    const context = contextIn(published.cache.path, { lock, policy: { ...defaultPolicy, refresh: { kind } } })
    await ensureImage(quietProgress(), versioned(), context)
    published.publisher.publish('/20240717', { 'disk.raw': second })
    await using empty = await makeTestFolder()
    const cacheDir = isFresh ? empty.path : published.cache.path

    expect(await codeOf(ensureImage(quietProgress(), versioned(), { ...context, cacheDir }))).toBe(
      'image.pin-conflict',
    )
    expect(await readlink(join(published.cache.path, 'disk.raw'))).toBe(nameOf(first))
    expect(await empty.list()).toEqual([])
  })

  it('a pin of `latest` that somebody else moved on is believed rather than the older manifest here', async () => {
    const context = contextIn(published.cache.path)
    await ensureImage(quietProgress(), image(), context)
    published.publisher.publish('/latest', { 'disk.raw': second })
    const url = `${published.publisher.url}/latest/disk.raw`
    const digest = { algorithm: 'sha512', hex: hex('sha512', second) } as const
    await context.lock.set(quietProgress(), 'debian-12', url, { digest, version: 'latest' })

    expect((await ensureImage(quietProgress(), image(), context)).fileName).toBe(nameOf(second))
  })
})

describe('several sources', () => {
  const closedPort = 'http://127.0.0.1:1'
  const build = instantBuild('ab'.repeat(32))

  it('the next one is taken when the publisher cannot be reached', async () => {
    const spec = imageOf(urlSource(closedPort), buildSource)
    const context = contextIn(published.cache.path, { build })

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
    expect(await published.cache.list()).toEqual([
      'debian-bookworm-abababababababab.qcow2',
      'debian-bookworm-abababababababab.qcow2.json',
      'debian-bookworm.qcow2',
    ])
  })

  it.each([500, 403, 404])('the next one is not taken when the publisher answers %i', async (status) => {
    published.publisher.files.set('/latest/SHA512SUMS', {
      content: first,
      failures: Array(9).fill(status) as number[],
    })
    const code = await codeOf(
      ensureImage(
        quietProgress(),
        imageOf(urlSource(published.publisher.url), buildSource),
        contextIn(published.cache.path, { build }),
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
    const context = contextIn(published.cache.path)

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
    const path = join(published.cache.path, 'own.img')
    if (content !== undefined) await writeFile(path, content)
    expect(
      await codeOf(ensureImage(quietProgress(), fileImage(path, digest), contextIn(published.cache.path))),
    ).toBe(code)
  })
})

it('an image that only a host has is neither cached nor fetched', async () => {
  const context = contextIn(published.cache.path)
  const image = imageOf({ kind: 'host', name: 'Windows Server 2025' })
  expect(await peekImage(quietProgress(), image, context)).toBeUndefined()
  expect(await codeOf(ensureImage(quietProgress(), image, context))).toBe('image.not-found')
})
