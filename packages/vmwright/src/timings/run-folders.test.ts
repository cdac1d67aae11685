import { mkdtemp, mkdir, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, test } from 'vitest'
import { keptRuns, makeRunFolder, runFolderName, surplus } from './run-folders.ts'

it('names folders so that they sort by time', () => {
  expect(runFolderName(Date.UTC(2026, 0, 2, 3, 4, 5, 678), 4711)).toBe('20260102T030405Z-4711')
})

test.each([
  [2, ['20260101T000000Z-1']],
  [3, []],
  [0, ['20260101T000000Z-1', '20260102T000000Z-1', '20260103T000000Z-1']],
])('keeping %d lets go the oldest of its own folders', (keep, gone) => {
  const names = [
    '20260103T000000Z-1',
    'mine',
    '20260101T000000Z-1',
    '20260102T000000Z-1',
    '2026',
    'x20260101T000000Z-1',
  ]
  expect(surplus(names, keep)).toEqual(gone)
})

it('C21: keeps the newest runs, the one that begins among them, and what is not its own', async () => {
  const root = await mkdtemp(join(tmpdir(), 'runs-'))
  try {
    await mkdir(join(root, 'notes'))
    for (let day = 1; day <= 5; day++) makeRunFolder(root, runFolderName(Date.UTC(2026, 0, day), 1), 3)
    expect(await readdir(root)).toEqual([
      '20260103T000000Z-1',
      '20260104T000000Z-1',
      '20260105T000000Z-1',
      'notes',
    ])
  } finally {
    await rm(root, { recursive: true, force: true })
  }
})

test.each([
  [undefined, 20],
  ['5', 5],
  ['0', 0],
  ['', 20],
  ['-1', 20],
  ['all', 20],
])('takes VMWRIGHT_KEEP_RUNS=%s for %d', (value, want) => expect(keptRuns(value)).toBe(want))
