import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { openLockFile } from './lockfile.ts'
import { codeOf, makeTestFolder, quietProgress } from './testing/setup.ts'

const digest = { algorithm: 'sha256', hex: 'ab'.repeat(32) } as const
const pin = { digest, version: '20240717' }

it('a pin is written at once, in a form that reads well in a review, and found again', async () => {
  await using folder = await makeTestFolder()
  const path = join(folder.path, 'vmwright.lock.json')
  const lock = await openLockFile(path)
  await lock.set(quietProgress(), 'ubuntu', 'https://b/', pin)
  await lock.set(quietProgress(), 'debian', 'https://a/', pin)

  const sum = `sha256:${digest.hex}`
  expect(JSON.parse(await readFile(path, 'utf8'))).toEqual({
    version: 1,
    images: {
      debian: { 'https://a/': { digest: sum, version: '20240717' } },
      ubuntu: { 'https://b/': { digest: sum, version: '20240717' } },
    },
  })
  expect(Object.keys(JSON.parse(await readFile(path, 'utf8')).images)).toEqual(['debian', 'ubuntu'])
  expect((await openLockFile(path)).get('debian', 'https://a/')).toEqual(pin)
  expect(lock.get('debian', 'https://elsewhere/')).toBeUndefined()
  expect(await folder.list()).toEqual(['vmwright.lock.json'])
})

it('pins of others that came meanwhile stay', async () => {
  await using folder = await makeTestFolder()
  const path = join(folder.path, 'vmwright.lock.json')
  const locks = await Promise.all(Array.from({ length: 5 }, () => openLockFile(path)))
  await Promise.all(
    locks.map((lock, index) => lock.set(quietProgress(), `image-${index}`, 'https://a/', pin)),
  )
  const lock = await openLockFile(path)
  expect(locks.map((_, index) => lock.get(`image-${index}`, 'https://a/'))).toEqual(locks.map(() => pin))
})

it.each(['{', '[]', '{"version":2}', '{"version":1,"images":{"a":{"u":{"digest":"md5:00","version":""}}}}'])(
  'a lock file that cannot be understood is not guessed at: %s',
  async (text) => {
    await using folder = await makeTestFolder()
    const path = join(folder.path, 'vmwright.lock.json')
    await writeFile(path, text)
    expect(await codeOf(openLockFile(path))).toBe('image.pin-conflict')
  },
)
