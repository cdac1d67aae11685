import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, test } from 'vitest'
import { Progress } from '../lib/progress.ts'
import { createFakeSeam } from '../lib/testing/fake-seam.ts'
import { fileName } from './files.ts'
import { openResults, type ResultsPlace } from './results.ts'
import { markerName, removeOldRuns, runId } from './run-folder.ts'
import { action, guest, runOf, startMs } from './testing/sample-run.ts'

let root: string
beforeEach(() => (root = mkdtempSync(join(tmpdir(), 'results-'))))
afterEach(() => {
  chmodSync(root, 0o700)
  rmSync(root, { recursive: true, force: true })
})

const progress = (atMs = startMs) => new Progress(createFakeSeam({ startMs: atMs }))
const open = (more: Partial<ResultsPlace> = {}, atMs = startMs) =>
  openResults(progress(atMs), { folder: root, project: 'shop', keep: undefined, ...more })
const read = (...path: readonly string[]): string => readFileSync(join(root, ...path), 'utf8')

describe('the folder of a run (G10)', () => {
  it('G10: is named by time and process, for its owner alone, and `latest` leads to it', async () => {
    const { id, folder } = await open()
    expect(id).toBe(`20261121T101500Z-${process.pid}`)
    expect(statSync(folder).mode & 0o777).toBe(0o700)
    expect(readlinkSync(join(root, 'latest'))).toBe(id)
    const next = await open()
    expect(next.id).toBe(`${id}-2`)
    expect(readlinkSync(join(root, 'latest'))).toBe(next.id)
    expect(readdirSync(root).toSorted()).toEqual([id, next.id, 'latest'])
  })

  it('G10: holds logs in their order, fetched files, results, JUnit and a report', async () => {
    const results = await open()
    const init = results.log('web', 'init')
    const main = results.log('web', 'main')
    const other = results.log('db', 'main')
    main.write('stdout', 'hello')
    expect([init.path, main.path, other.path]).toEqual([
      'web/01-init.log',
      'web/02-main.log',
      'db/01-main.log',
    ])
    mkdirSync(join(results.fetchFolder('web'), 'deep'))
    writeFileSync(join(results.fetchFolder('web'), 'deep', 'a.deb'), '')
    writeFileSync(join(results.fetchFolder('web'), 'z.txt'), '')
    results.fetchFolder('db')
    expect(results.fetched('web')).toEqual(['web/files/deep/a.deb', 'web/files/z.txt'])
    expect(results.fetched('lb')).toEqual([])
    for (const log of [init, main, other]) await log.close()
    const run = runOf(
      [
        guest('web', {
          actions: [action('main', 0, 1, { log: main.path })],
          fetched: results.fetched('web'),
        }),
        guest('db'),
      ],
      { id: results.id },
    )
    await results.finish(progress(), run)
    expect(readdirSync(results.folder).toSorted()).toEqual(
      [markerName, 'db', 'junit.xml', 'report.html', 'results.json', 'web'].toSorted(),
    )
    expect(readdirSync(join(results.folder, 'db'))).toEqual(['01-main.log'])
    expect(JSON.parse(read(results.id, 'results.json'))).toEqual(JSON.parse(JSON.stringify(run)))
    expect(read(results.id, 'report.html')).toContain('out | hello')
  })

  it('G10: tells of a run that was killed how far it came', async () => {
    const seam = createFakeSeam({ startMs })
    const results = await openResults(new Progress(seam), { folder: root, project: 'shop', keep: undefined })
    const outcome = () => JSON.parse(read(results.id, 'results.json'))
    expect(outcome()).toMatchObject({ id: results.id, project: 'shop', outcome: 'unfinished', guests: [] })
    for (const name of ['a', 'b', 'c']) results.update(runOf([guest(name)], { outcome: 'passed' }))
    await seam.sleep(1_500)
    expect(outcome()).toMatchObject({ outcome: 'unfinished', durationMs: 1000, guests: [{ name: 'c' }] })
    results.update(runOf([guest('d')]))
    await results.finish(new Progress(seam), runOf([guest('e')], { outcome: 'passed' }))
    results.update(runOf([guest('f')]))
    await seam.sleep(5_000)
    expect(outcome()).toMatchObject({ outcome: 'passed', guests: [{ name: 'e' }] })
  })

  it('G10: is kept as often as is said, the oldest go', async () => {
    const ids: string[] = []
    for (let hour = 0; hour < 4; hour++) ids.push((await open({ keep: 2 }, startMs + hour * 3_600_000)).id)
    expect(readdirSync(root).filter((name) => name !== 'latest')).toEqual(ids.slice(2))
  })

  it('G10: is removed only where a run made it and has ended', () => {
    const make = (hour: number, pid: number, isMarked: boolean): string => {
      const id = runId(startMs + hour * 3_600_000, pid)
      mkdirSync(join(root, id))
      if (isMarked) writeFileSync(join(root, id, markerName), '')
      return id
    }
    const [dead, alive, unmarked, newest] = [
      make(0, 1, true),
      make(1, 2, true),
      make(2, 3, false),
      make(3, 4, true),
    ]
    mkdirSync(join(root, '20261121T101500Z'))
    writeFileSync(join(root, '20261121T101500Z', markerName), '')
    expect(removeOldRuns(root, 1, (pid) => pid === 2)).toEqual([dead])
    expect(readdirSync(root)).toEqual(expect.arrayContaining([alive, unmarked, newest, '20261121T101500Z']))
    expect(removeOldRuns(root, 0, () => false)).toEqual([alive])
    expect(existsSync(join(root, newest ?? ''))).toBe(true)
  })

  it('G10: leaves alone what somebody has put in the place of `latest`', async () => {
    writeFileSync(join(root, 'latest'), 'mine')
    const results = await open()
    await results.finish(progress(), runOf([]))
    expect(read('latest')).toBe('mine')
    expect(readdirSync(root).toSorted()).toEqual([results.id, 'latest'])
  })

  it('G10: says where it cannot be made', async () => {
    writeFileSync(join(root, 'file'), '')
    await expect(open({ folder: join(root, 'file', 'results') })).rejects.toMatchObject({
      code: 'results.unwritable',
      message: expect.stringContaining(join(root, 'file', 'results')),
    })
  })

  it('G10: says at the end what could not be written, and writes the rest', async () => {
    const results = await open()
    writeFileSync(join(results.folder, 'web'), 'in the way')
    results.log('web', 'main').write('stdout', 'lost')
    await expect(results.finish(progress(), runOf([guest('web')]))).rejects.toMatchObject({
      code: 'results.unwritable',
    })
    expect(readdirSync(results.folder)).toEqual(
      expect.arrayContaining(['results.json', 'junit.xml', 'report.html']),
    )
  })
})

test.each([
  ['debian-12.amd64', 'debian-12.amd64'],
  ['a/../b', 'a%2F..%2Fb'],
  ['..', '%%2E%2E'],
  ['.hidden', '%2Ehidden'],
  ['', '%'],
  ['report.html', '%report%2Ehtml'],
  ["it's (a) name", 'it%27s%20%28a%29%20name'],
])('keeps the guest %j in the folder %j', (name, want) => expect(fileName(name)).toBe(want))
