import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { cancelledRun, failingRun, startMs } from './testing.ts'
import { timeRun, type RunTimings } from './time-run.ts'

let folder: string
let warnings: string[]

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'time-run-'))
  warnings = []
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const start = (place = folder): RunTimings =>
  timeRun({ command: 'apply', startedMs: startMs, folder: () => place, warn: (text) => warnings.push(text) })

const text = (name: string): Promise<string> => readFile(join(folder, name), 'utf8')
const lines = async (): Promise<readonly Record<string, unknown>[]> =>
  (await text('task_timings.jsonl'))
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Record<string, unknown>)

describe('the timings of a run', () => {
  it('C21: are a line of JSON for each step, with sorted keys', async () => {
    const timings = start()
    timings.phase('the state of rack1', startMs + 250)
    for (const event of failingRun) timings.event(event)
    expect((await text('task_timings.jsonl')).split('\n')[2]).toBe(
      '{"duration_seconds":2,"host":"rack1","instance":"","play_name":"apply","stage":"image-cache",' +
        '"start_seconds":1,"status":"ok","task_action":"fetch-image","task_name":"fetch image debian-12",' +
        '"task_path":"fetch-image:rack1:debian-12"}',
    )
    expect(warnings).toEqual([])
  })

  it('C21: are a table too, with one header and six decimals', async () => {
    const timings = start()
    timings.phase('the state of rack1', startMs + 250)
    for (const event of failingRun) timings.event(event)
    expect(await text('task_timings.csv')).toMatchInlineSnapshot(`
      "task_name,status,duration_seconds,host,stage,play_name,task_path,task_action,instance,start_seconds
      prepare,ok,0.250000,,preflight,apply,,observe,,0.000000
      the state of rack1,ok,0.750000,,preflight,apply,,observe,,0.250000
      fetch image debian-12,ok,2.000000,rack1,image-cache,apply,fetch-image:rack1:debian-12,fetch-image,,1.000000
      "create disk web-1.qcow2, ""thin""",ok,1.000250,rack1,provision,apply,create-disk:web-1:root,create-disk,web-1,3.000000
      create disk web-2.qcow2,failed,1.000000,rack1,provision,apply,create-disk:web-2:root,create-disk,web-2,3.500000
      start web-2,skipped,0.000000,rack1,runtime,apply,start-vm:web-2,start-vm,web-2,4.500000
      start web-1,ok,2.000000,rack1,runtime,apply,start-vm:web-1,start-vm,web-1,4.000000
      "undo, and see what there is now",ok,0.750000,,runtime,apply,,observe,,6.000000
      "
    `)
  })

  it('C21: are summed up by stage, as sums of steps and as time that passed', async () => {
    const timings = start()
    for (const event of failingRun) timings.event(event)
    const { top_20_slowest_tasks: slow, ...summary } = JSON.parse(await text('timing_summary.json'))
    expect(slow[0]).toMatchObject({ task_name: 'fetch image debian-12', duration_seconds: 2 })
    expect(summary).toEqual({
      benchmark_run_dir: folder,
      total_wall_seconds: 6.75,
      stage_totals_seconds: { 'image-cache': 2, preflight: 1, provision: 2.00025, runtime: 2.75 },
      stage_wall_seconds: { 'image-cache': 2, preflight: 1, provision: 1.5, runtime: 2.75 },
      unattributed_seconds: 0,
      task_count: 7,
      command: 'apply',
      outcome: 'failed',
      started_at: '2026-01-02T03:04:05.000Z',
    })
  })

  it('C21: of a cancelled run tell what was interrupted and what never started', async () => {
    const timings = start()
    for (const event of cancelledRun) timings.event(event)
    const states = (await lines()).map((line) => [line['task_path'], line['status']])
    expect(states.slice(2)).toEqual([
      ['create-disk:web-1:root', 'ok'],
      ['start-vm:web-1', 'cancelled'],
      ['create-disk:web-2:root', 'unreachable'],
      ['start-vm:web-2', 'skipped'],
      ['', 'ok'],
    ])
  })

  it('do not have the time that a person took to answer', async () => {
    const timings = start()
    timings.question(startMs + 400)
    for (const event of failingRun) timings.event(event)
    const summary = JSON.parse(await text('timing_summary.json'))
    expect(summary).toMatchObject({ total_wall_seconds: 6.15, unattributed_seconds: 0 })
    expect(summary.stage_totals_seconds.preflight).toBe(0.4)
  })

  it('C21: of a run that is killed after any event are whole lines, without a summary', async () => {
    for (let count = 1; count < failingRun.length; count++) {
      const timings = start()
      for (const event of failingRun.slice(0, count)) timings.event(event)
      const ended = failingRun.slice(0, count).filter(({ kind }) => /^step-(fin|fai|ski)/.test(kind))
      expect((await lines()).length).toBe(1 + ended.length)
      expect((await text('task_timings.csv')).split('\n').length).toBe(3 + ended.length)
      expect(await readdir(folder)).not.toContain('timing_summary.json')
    }
  })

  it('replace those of an earlier run in the same folder', async () => {
    for (const run of [failingRun, cancelledRun]) {
      const timings = start()
      for (const event of run) timings.event(event)
    }
    expect(JSON.parse(await text('timing_summary.json')).outcome).toBe('cancelled')
    expect((await lines()).length).toBe(7)
  })

  it('are not begun when the run does not start', async () => {
    start().phase('the state of rack1', startMs)
    expect(await readdir(folder)).toEqual([])
  })

  it('that cannot be written are one warning, and no failure of the run', async () => {
    const file = join(folder, 'file')
    await writeFile(file, '')
    const timings = start(join(file, 'below'))
    for (const event of failingRun) timings.event(event)
    expect(warnings).toEqual([expect.stringMatching(/^The timings of this run are not written: ENOTDIR/)])
  })
})
