import { mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { Progress } from '../lib/progress.ts'
import { realSeam } from '../lib/seam.ts'
import { ensureOwnKey } from './own-key.ts'

let folder = ''
beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), 'own-key-'))))
afterEach(() => rm(folder, { recursive: true }))
const progress = new Progress(realSeam())

it('makes a key that only its owner can read, once', async () => {
  const state = join(folder, 'state')
  const first = await ensureOwnKey(progress, state)
  expect(first.publicKey).toMatch(/^ssh-ed25519 AAAA\S+ vmwright-\S+$/)
  expect((await stat(first.privateKeyPath)).mode & 0o777).toBe(0o600)
  expect((await stat(state)).mode & 0o777).toBe(0o700)
  expect(await readFile(`${first.privateKeyPath}.pub`, 'utf8')).toBe(`${first.publicKey}\n`)
  expect((await ensureOwnKey(progress, state)).publicKey).toBe(first.publicKey)
})

it('two first runs at once end with one key and nothing left over', async () => {
  const keys = await Promise.all(Array.from({ length: 8 }, () => ensureOwnKey(progress, folder)))
  expect(new Set(keys.map((key) => key.publicKey)).size).toBe(1)
  expect((await readdir(folder)).toSorted()).toEqual(['id_ed25519', 'id_ed25519.pub'])
  expect((await readFile(join(folder, 'id_ed25519.pub'), 'utf8')).trim()).toBe(keys[0]?.publicKey)
})

it('counts as one change on the seam, and as none when the key exists', async () => {
  const changes: string[] = []
  const counting = new Progress(
    realSeam({ before: ({ kind, mutates }) => void (mutates && changes.push(kind)) }),
  )
  await ensureOwnKey(counting, folder)
  await ensureOwnKey(counting, folder)
  expect(changes).toEqual(['file.create'])
})

it('a damaged key is an error that names the file, not a new key', async () => {
  await writeFile(join(folder, 'id_ed25519'), 'nonsense')
  await expect(ensureOwnKey(progress, folder)).rejects.toMatchObject({
    code: 'guest.key-unreadable',
    message: expect.stringContaining(join(folder, 'id_ed25519')),
  })
})
