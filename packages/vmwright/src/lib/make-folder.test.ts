import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { makeFolder } from './make-folder.ts'

let root: string
beforeEach(async () => (root = await mkdtemp(join(tmpdir(), 'make-folder-'))))
afterEach(() => rm(root, { recursive: true, force: true }))

it('makes what is missing above, and does no harm when it is there', async () => {
  makeFolder(join(root, 'a/b/c'))
  makeFolder(join(root, 'a/b/c'))
  expect(await readdir(root, { recursive: true })).toEqual(['a', 'a/b', 'a/b/c'])
})

it('says so where there is a file in the way', async () => {
  await writeFile(join(root, 'file'), '')
  expect(() => makeFolder(join(root, 'file/below/it'))).toThrow(/ENOTDIR/)
})

it.runIf(process.platform === 'linux')('comes to an end where there can be no folder', () => {
  expect(() => makeFolder('/proc/none/below')).toThrow(/ENOENT/)
})
