import { mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, test } from 'vitest'
import { renderReport } from '../cli/output/benchmark-text.ts'
import { parseLines } from './parse.ts'
import { newestSet, readSet } from './read.ts'
import { reportOf } from './report.ts'
import { cancelledRun, failingRun, startMs } from './testing.ts'
import { timeRun } from './time-run.ts'

let root: string
beforeEach(async () => (root = await mkdtemp(join(tmpdir(), 'benchmarks-'))))
afterEach(() => rm(root, { recursive: true, force: true }))

async function write(path: string, text: string): Promise<void> {
  await mkdir(dirname(join(root, path)), { recursive: true })
  await writeFile(join(root, path), text)
}

/** As the callback of an older system writes it: fewer columns, seconds as text, no outcome. */
async function writeOldRun(name: string, wallSeconds = 83.5): Promise<void> {
  const record = (task_name: string, duration_seconds: number | string, stage: string, status = 'ok') => ({
    duration_seconds,
    host: 'rack1',
    play_name: 'Provision machines',
    stage,
    status,
    task_action: 'ansible.builtin.command',
    task_name,
    task_path: '/srv/tasks/provision-instances.yml:12',
  })
  const records = [
    record('Fetch the manifest', '1.250000', 'image-cache'),
    record('Convert the base image', 12.345678, 'provision'),
    record('Wait for SSH', 61, 'runtime'),
    record('Stop machines', 0, 'runtime', 'skipped'),
  ]
  const summary = {
    benchmark_run_dir: `logs/benchmark/${name}`,
    total_wall_seconds: wallSeconds,
    stage_totals_seconds: { 'image-cache': 1.25, provision: 12.345678, runtime: 61 },
    task_count: records.length,
    top_20_slowest_tasks: records.toReversed(),
  }
  await write(`${name}/task_timings.jsonl`, records.map((each) => `${JSON.stringify(each)}\n`).join(''))
  await write(`${name}/timing_summary.json`, JSON.stringify(summary))
  await write(`${name}/time.txt`, 'real_seconds=84.02\nuser_seconds=31.90\nsys_seconds=7.11\n')
}

function writeRun(
  name: string,
  events = failingRun,
  outcome: 'done' | 'failed' | 'cancelled' = 'done',
): void {
  const folder = join(root, name)
  const timings = timeRun({ command: 'apply', startedMs: startMs, folder: () => folder, warn: () => {} })
  for (const event of events) timings.event(event.kind === 'run-finished' ? { ...event, outcome } : event)
}

/** Days since 1970, of the folder. */
const touch = (name: string, day: number): Promise<void> =>
  utimes(join(root, name), day * 86_400, day * 86_400)

async function rendered(top: number): Promise<string> {
  const report = reportOf(await newestSet(root), top)
  if (report === undefined) throw new Error('there is one')
  return renderReport(report).replaceAll(root, 'logs/benchmark')
}

describe('benchmark report', () => {
  it('C21: shows wall time, totals by stage and the slowest steps', async () => {
    writeRun('20260102-030405')
    await write(
      '20260102-030405/time.txt',
      'real_seconds=6.812\nuser_seconds=0.513\nsys_seconds=0.094\nmax_rss_kb=104448\n',
    )
    await expect(await rendered(20)).toMatchFileSnapshot('golden/report.golden.txt')
  })

  it('C21: reads runs of older systems', async () => {
    await writeOldRun('20250102-030405')
    await expect(await rendered(3)).toMatchFileSnapshot('golden/report-old.golden.txt')
  })

  it('C21: shows more than the summary holds, from the lines', async () => {
    const records = Array.from({ length: 50 }, (_, index) => ({
      task_name: `step ${index}`,
      duration_seconds: index,
    }))
    const summary = {
      total_wall_seconds: 1,
      stage_totals_seconds: {},
      task_count: 50,
      top_20_slowest_tasks: records.toReversed().slice(0, 20),
    }
    await write('one/timing_summary.json', JSON.stringify(summary))
    expect(reportOf(await newestSet(root), 40)).toMatchObject({
      hasAllRecords: false,
      slowest: { length: 20 },
    })
    await write('one/task_timings.jsonl', records.map((each) => `${JSON.stringify(each)}\n`).join(''))
    const report = reportOf(await newestSet(root), 40)
    expect(report).toMatchObject({ hasAllRecords: true, slowest: { length: 40 } })
    expect(report?.slowest.at(-1)?.task_name).toBe('step 10')
  })

  it('takes the newest folder that has a result, not the newest name', async () => {
    for (const name of ['a', 'b', 'c']) await writeOldRun(name)
    await mkdir(join(root, 'z'))
    await Promise.all([touch('a', 2), touch('b', 3), touch('c', 1), touch('z', 4)])
    expect((await newestSet(root)).directory).toBe(join(root, 'b'))
  })

  it('C21: never takes a failed or killed run for a result, and says that it did not', async () => {
    writeRun('good')
    writeRun('failed', failingRun, 'failed')
    writeRun('cancelled', cancelledRun, 'cancelled')
    writeRun('killed', failingRun.slice(0, 5))
    await Promise.all([touch('good', 1), touch('failed', 2), touch('cancelled', 3), touch('killed', 4)])
    const set = await newestSet(root)
    expect(set.directory).toBe(join(root, 'good'))
    expect(set.leftOut.map((each) => each.because)).toEqual([
      'it has no timing_summary.json: the run did not come to its end',
      'the run ended as cancelled',
      'the run ended as failed',
    ])
    await expect(readSet(join(root, 'failed'))).rejects.toThrow('failed: the run ended as failed')
  })

  it('reads repetitions in the order of their numbers, without their clean-ups', async () => {
    for (let number = 1; number <= 11; number++) {
      writeRun(`all/run-${number}`)
      writeRun(`all/run-${number}/cleanup`)
    }
    writeRun('all/run-12', failingRun, 'failed')
    const set = await readSet(join(root, 'all'))
    expect(set.runs.map((run) => run.directory.slice(root.length))).toEqual(
      Array.from({ length: 11 }, (_, index) => `/all/run-${index + 1}`),
    )
    expect(set.leftOut.length).toBe(1)
    const report = reportOf(set, 5)
    expect(report).toMatchObject({ repetitions: { length: 11 }, wallSpread: { median: 6.75 } })
  })

  test.each([
    ['is not there', () => newestSet(join(root, 'none'))],
    ['is not there, named', () => readSet(join(root, 'none'))],
    ['is empty', () => newestSet(root)],
    ['has nothing but a clean-up', async () => (writeRun('x/cleanup'), newestSet(root))],
    ['has a summary that is none', async () => (await write('x/timing_summary.json', '{}'), newestSet(root))],
  ])('C21: of a folder that %s fails with benchmark.no-data', async (_what, read) =>
    expect(read()).rejects.toMatchObject({ code: 'benchmark.no-data' }),
  )
})

it('C21: half a line at the end of a killed run costs that line', () => {
  const whole = '{"task_name":"a","duration_seconds":1}\n{"task_name":"b","duration_seconds":2}\n'
  for (let length = 0; length <= whole.length; length++) {
    const { records, unreadable } = parseLines(whole.slice(0, length))
    expect(records.length + unreadable).toBeLessThanOrEqual(2)
    expect(records.map((record) => record.task_name).join('')).toBe('ab'.slice(0, records.length))
  }
  expect(parseLines(whole).records.length).toBe(2)
})
