import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { makeBenchmarkFolder, noteLastRun, removeIfEmpty } from './benchmark-folder.ts'

let root: string
beforeEach(async () => (root = await mkdtemp(join(tmpdir(), 'benchmark-folder-'))))
afterEach(() => rm(root, { recursive: true, force: true }))

const noonMs = Date.UTC(2026, 0, 2, 12)

it('C21: makes a folder with the time as its name and notes it as the last', async () => {
  const folder = await makeBenchmarkFolder({ root, directory: undefined }, noonMs)
  expect(folder).toBe(join(root, '20260102-120000'))
  await noteLastRun(root, folder)
  expect(await readFile(join(root, '.last_run'), 'utf8')).toBe(`${folder}\n`)
})

it('C21: never writes over what was measured', async () => {
  const directory = join(root, 'mine')
  expect(await makeBenchmarkFolder({ root, directory }, noonMs)).toBe(directory)
  await removeIfEmpty(directory)
  expect(await readdir(root)).toEqual([])
  await makeBenchmarkFolder({ root, directory }, noonMs)
  await writeFile(join(directory, 'task_timings.jsonl'), '')
  await removeIfEmpty(directory)
  await expect(makeBenchmarkFolder({ root, directory }, noonMs)).rejects.toThrow('is not empty')
})

it('says which folder cannot be made', async () => {
  await writeFile(join(root, 'file'), '')
  const place = { root: join(root, 'file'), directory: undefined }
  await expect(makeBenchmarkFolder(place, noonMs)).rejects.toMatchObject({
    code: 'usage.invalid',
    message: expect.stringMatching(/^The folder .*file\/20260102-120000 for the benchmark cannot be made/),
  })
})
