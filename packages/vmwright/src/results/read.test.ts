import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, test } from 'vitest'
import { jsonText, resultsName } from './files.ts'
import { findRun, listRuns } from './read.ts'
import { runId } from './run-folder.ts'
import { runOf, sampleRun, startMs } from './testing/sample-run.ts'

let root: string
beforeEach(() => (root = mkdtempSync(join(tmpdir(), 'results-read-'))))
afterEach(() => rmSync(root, { recursive: true, force: true }))

/** A run of that hour, with this as its results. */
function keep(hour: number, content: string | undefined, below = 'results'): string {
  const id = runId(startMs + hour * 3_600_000, 7)
  const folder = join(root, below, id)
  mkdirSync(folder, { recursive: true })
  if (content !== undefined) writeFileSync(join(folder, resultsName), content)
  return id
}
const results = (): string => join(root, 'results')

describe('results that are kept (G10)', () => {
  it('G10: are read as they were written', () => {
    const id = keep(0, jsonText(sampleRun))
    expect(findRun([results()], id)).toEqual({ folder: join(results(), id), run: sampleRun })
  })

  it('G10: are listed newest first, from all folders, with what cannot be read', () => {
    const [old, broken, mine] = [
      keep(0, jsonText(runOf([]))),
      keep(2, '{"version":'),
      keep(1, jsonText(runOf([], { project: 'other' })), 'mine'),
    ]
    writeFileSync(join(results(), 'notes.txt'), '')
    const runs = listRuns([results(), join(root, 'mine'), results(), join(root, 'missing')])
    expect(runs.map(({ id, content }) => [id, content.kind])).toEqual([
      [broken, 'unreadable'],
      [mine, 'run'],
      [old, 'run'],
    ])
  })

  it('G10: are found by name and as the latest', () => {
    const [old, latest] = [keep(0, jsonText(runOf([]))), keep(1, jsonText(runOf([], { project: 'other' })))]
    expect(findRun([results()], 'latest').folder).toBe(join(results(), latest))
    expect(findRun([results()], old).folder).toBe(join(results(), old))
  })

  test.each([
    ['latest', undefined, 'There is no run in'],
    ['20260101T000000Z-1', undefined, 'There is no run 20260101T000000Z-1 in'],
    ['../../etc', undefined, 'There is no run ../../etc in'],
    ['latest', '', 'cannot be read: '],
    ['latest', '{"version":2}', 'cannot be read: '],
    ['latest', JSON.stringify({ ...sampleRun, guests: [{}] }), 'cannot be read: '],
  ])('G10: %s with %j is not found: %s', (name, content, message) => {
    if (content !== undefined) keep(0, content)
    expect(() => findRun([results()], name)).toThrow(
      expect.objectContaining({ code: 'results.not-found', message: expect.stringContaining(message) }),
    )
  })

  it('G10: say that there are none where a run was killed before its first note', () => {
    keep(0, undefined)
    expect(listRuns([results()])[0]?.content).toEqual({
      kind: 'unreadable',
      because: 'it has no results.json',
    })
  })
})
