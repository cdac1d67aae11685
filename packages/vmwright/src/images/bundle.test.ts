import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { pickForBundle, writeBundle } from './bundle.ts'
import { ensureImage, type ImageContext } from './ensure.ts'
import { tarEnd, tarHeader, tarPadding } from './tar.ts'
import { buildSource, instantBuild } from './testing/build-source.ts'
import { first, nameOf, publishForEachTest, second } from './testing/published.ts'
import { hex } from './testing/publisher.ts'
import {
  codeOf,
  contextIn,
  imageOf,
  makeTestFolder,
  quietProgress,
  type TestFolder,
  urlSource,
} from './testing/setup.ts'
import { openBundle, takeFromBundle } from './unbundle.ts'

const published = publishForEachTest()
let other: TestFolder
let archive: string
beforeEach(async () => {
  other = await makeTestFolder()
  archive = join(published.cache.path, 'bundle.tar')
})
afterEach(() => other[Symbol.asyncDispose]())

const image = (changes: Parameters<typeof urlSource>[1] = {}) =>
  imageOf(urlSource(published.publisher.url, changes))

async function bundle(spec = image(), context = contextIn(published.cache.path)): Promise<void> {
  await ensureImage(quietProgress(), spec, context)
  const pick = await pickForBundle(quietProgress(), spec, context)
  await writeBundle(quietProgress(), pick === undefined ? [] : [pick], archive)
}

async function unbundle(spec = image(), context: ImageContext = contextIn(other.path)) {
  await using opened = await openBundle(archive)
  return await takeFromBundle(quietProgress(), spec, opened, context)
}

/** An archive with these members, whatever they are. */
const tarOf = (members: Readonly<Record<string, string | Buffer>>): Buffer =>
  Buffer.concat([
    ...Object.entries(members).flatMap(([name, content]) => {
      const data = Buffer.from(content)
      return [tarHeader({ name, sizeBytes: data.length }), data, tarPadding(data.length)]
    }),
    tarEnd,
  ])

/** What a bundle of `first` has, with changes. */
function members(changes: Readonly<Record<string, string | Buffer>> = {}) {
  const digest = `sha512:${hex('sha512', first)}`
  const images = [{ id: 'debian-12', source: 'url', digest, sizeBytes: first.length }]
  const manifest = {
    url: `${published.publisher.url}/latest/SHA512SUMS`,
    fetchedAtMs: 1,
    text: `${hex('sha512', first)}  disk.raw\n`,
  }
  return {
    'index.json': JSON.stringify({ format: 1, images }),
    '0.manifest.json': JSON.stringify(manifest),
    '0.image': first,
    ...changes,
  }
}

describe('T12: a bundle of images', () => {
  it('carries a download to a machine without a network, where it is used without a question', async () => {
    await bundle()
    const spec = image()
    await published.publisher[Symbol.asyncDispose]()

    expect(await unbundle(spec)).toMatchObject({ source: 'file', fileName: nameOf(first) })
    expect(await readFile(join(other.path, 'disk.raw'))).toEqual(first)
    const got = await ensureImage(quietProgress(), spec, contextIn(other.path))
    expect(got).toMatchObject({ source: 'cache', fileName: nameOf(first) })
  })

  it('carries a built image to a machine that has its packages from another mirror', async () => {
    const manifest = JSON.stringify({ inputs: { spec: { ...buildSource, mirror: 'http://here.example' } } })
    const spec = imageOf(buildSource)
    await bundle(spec, contextIn(published.cache.path, { build: instantBuild('ab'.repeat(32), manifest) }))

    const there = contextIn(other.path, { build: instantBuild('cd'.repeat(32)) })
    await unbundle(spec, there)
    expect(await ensureImage(quietProgress(), spec, there)).toMatchObject({
      source: 'cache',
      fileName: `debian-bookworm-${'cd'.repeat(8)}.qcow2`,
    })
  })

  it('does not take a built image for one with other packages', async () => {
    const manifest = JSON.stringify({ inputs: { spec: buildSource } })
    const build = instantBuild('ab'.repeat(32), manifest)
    await bundle(imageOf(buildSource), contextIn(published.cache.path, { build }))
    const spec = imageOf({ ...buildSource, extraPackages: ['nginx'] })
    expect(await codeOf(unbundle(spec, contextIn(other.path, { build })))).toBe('image.refused')
  })

  it('keeps what is there, and is the same archive each time', async () => {
    await bundle()
    const bytes = await readFile(archive)
    await bundle()
    expect((await readFile(archive)).equals(bytes)).toBe(true)

    await unbundle()
    const { ino } = await stat(join(other.path, nameOf(first)))
    expect(await unbundle()).toMatchObject({ source: 'cache' })
    expect((await stat(join(other.path, nameOf(first)))).ino).toBe(ino)
  })

  it('is not written from an image that has changed', async () => {
    await ensureImage(quietProgress(), image(), contextIn(published.cache.path))
    const pick = await pickForBundle(quietProgress(), image(), contextIn(published.cache.path))
    if (pick === undefined) throw new Error('it is not cached')
    await writeFile(pick.image.path, Buffer.alloc(first.length, 'x'))
    expect(await codeOf(writeBundle(quietProgress(), [pick], archive))).toBe('image.digest-mismatch')
    expect(await published.cache.list()).not.toContain('bundle.tar')
  })

  it('names a digest that the spec pins, without a manifest', async () => {
    await writeFile(archive, tarOf(members({ '0.manifest.json': '' })))
    const pinnedDigest = `sha512:${hex('sha512', first)}`
    expect(await unbundle(image({ pinnedDigest }))).toMatchObject({ fileName: nameOf(first) })
  })
})

const link = tarHeader({ name: '0.image', sizeBytes: 0 })
link.write('2', 156)
const climbing = tarHeader({ name: 'index.json', sizeBytes: 0 })
climbing.write('../../x\0', 0)

describe('T12: a hostile or damaged bundle leaves the cache as it is', () => {
  it.each([
    ['an image with other bytes', { '0.image': Buffer.alloc(first.length, 'x') }, 'image.digest-mismatch'],
    ['an image of another size', { '0.image': second }, 'image.refused'],
    [
      'a manifest from somewhere else',
      { '0.manifest.json': '{"url":"https://evil.example"}' },
      'image.refused',
    ],
    ['a manifest that is none', { '0.manifest.json': 'null' }, 'image.refused'],
    ['an index of a later form', { 'index.json': '{"format":2}' }, 'image.refused'],
    ['an index that is none', { 'index.json': '[' }, 'image.refused'],
  ])('%s', async (_case, changes, want) => {
    await writeFile(archive, tarOf(members(changes)))
    expect(await codeOf(unbundle())).toBe(want)
    expect(await other.list()).toEqual([])
  })

  it.each([
    ['a link', (tar: Buffer) => Buffer.concat([sealed(link), tar])],
    ['a path out of the folder', (tar: Buffer) => Buffer.concat([sealed(climbing), tar])],
    ['the same name twice', (tar: Buffer) => Buffer.concat([tar.subarray(0, -tarEnd.length), tar])],
    ['an end in the middle', (tar: Buffer) => tar.subarray(0, 100_000)],
    ['no end', (tar: Buffer) => tar.subarray(0, -tarEnd.length)],
    ['a size beyond the end', (tar: Buffer) => withSize(tar, '77777777777')],
    ['something else than an archive', () => Buffer.alloc(2048, 'no tar')],
    ['nothing', () => Buffer.alloc(0)],
  ])('%s', async (_case, spoil) => {
    await writeFile(archive, spoil(tarOf(members())))
    expect(await codeOf(unbundle())).toBe('image.refused')
    expect(await other.list()).toEqual([])
  })

  it.each([
    ['of another publisher', { url: 'https://evil.example/SHA512SUMS' }, 'image.refused'],
    ['that gives another digest', { text: `${hex('sha512', second)}  disk.raw\n` }, 'image.refused'],
    ['of other files', { text: `${hex('sha512', first)}  other.raw\n` }, 'image.manifest-failed'],
  ])('a manifest %s', async (_case, changes, want) => {
    const manifest = { ...(JSON.parse(String(members()['0.manifest.json'])) as object), ...changes }
    await writeFile(archive, tarOf(members({ '0.manifest.json': JSON.stringify(manifest) })))
    expect(await codeOf(unbundle())).toBe(want)
    expect(await other.list()).toEqual([])
  })

  it('a signature that is missing where the spec wants one', async () => {
    await writeFile(archive, tarOf(members()))
    const signature = { url: `${published.publisher.url}/SHA512SUMS.sign`, keyring: '/nonexistent.gpg' }
    expect(await codeOf(unbundle(image({ signature })))).toBe('image.refused')
    expect(await other.list()).toEqual([])
  })

  it('an image that the spec pins otherwise', async () => {
    await writeFile(archive, tarOf(members()))
    expect(await codeOf(unbundle(image({ pinnedDigest: `sha512:${'0'.repeat(128)}` })))).toBe('image.refused')
  })
})

/** The header with its checksum set right again. */
function sealed(header: Buffer): Buffer {
  const copy = Buffer.from(header)
  copy.fill(' ', 148, 156)
  const sum = copy.reduce((total, byte) => total + byte, 0)
  copy.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
  return copy
}

function withSize(tar: Buffer, digits: string): Buffer {
  const header = Buffer.from(tar.subarray(0, 512))
  header.write(digits, 124)
  return Buffer.concat([sealed(header), tar.subarray(512)])
}
