import { access, readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Lab, openLab, quickGuests } from '../support/lab.ts'
import { whyNoPrivateLibvirt } from '../support/private-libvirt.ts'

/** Benchmarks of a real machine whose guest has nothing to boot, on a libvirt of their own. */
const unavailable = whyNoPrivateLibvirt()

describe('a cold benchmark', () => {
  let lab: Lab
  const at = (...path: readonly string[]): string => join(lab.space.folder, ...path)
  const read = (...path: readonly string[]): Promise<string> => readFile(at(...path), 'utf8')
  const json = async (...path: readonly string[]) => JSON.parse(await read(...path))
  const idOf = async (): Promise<string> => (await lab.virsh('domuuid', 'bench')).trim()
  const benchmark = (...args: readonly string[]) => lab.space.vmwright(['benchmark', ...args])

  beforeAll(async () => {
    if (unavailable !== undefined) return
    lab = await openLab('benchmark')
    const spec = { ...lab.base, project: 'benchmark', instances: { bench: { ...quickGuests, pool: 'mine' } } }
    await lab.space.spec('vmwright.yaml', spec)
    const never = { ...quickGuests, pool: 'mine', ready: { rungs: ['port'], timeouts: { port: '1s' } } }
    await lab.space.spec('never.yaml', { ...spec, instances: { bench: never } })
    const { code, stderr } = await lab.space.vmwright(['apply'])
    if (code !== 0) throw new Error(stderr)
  })
  afterAll(() => lab?.[Symbol.asyncDispose]())
  beforeEach(({ skip }) => skip(unavailable !== undefined, unavailable))

  it('C21: the run that made the machine has left its timings with the person', async () => {
    const runs = at('.local/state/vmwright/runs')
    const names = await readdir(runs)
    expect(names).toEqual([expect.stringMatching(/^\d{8}T\d{6}Z-\d+$/)])
    expect(await json('.local/state/vmwright/runs', names[0] ?? '', 'timing_summary.json')).toMatchObject({
      command: 'apply',
      outcome: 'done',
    })
  })

  it('C21: C31: without --yes shows what it would remove, and leaves it', async () => {
    const before = await idOf()
    const { code, stdout } = await benchmark('cold')
    expect(code).toBe(3)
    expect(stdout).toContain('- bench on local: destroy: with its disks')
    expect(await idOf()).toBe(before)
    await expect(access(at('logs/benchmark/.last_run'))).rejects.toThrow('ENOENT')
  })

  it('C21: with --yes makes the machine again, and shows where the time went', async () => {
    const { code, stdout } = await benchmark(
      'cold',
      '--yes',
      '--repeat',
      '2',
      '--dir',
      'logs/benchmark/twice',
    )
    expect(code).toBe(0)
    expect(stdout).toMatch(/^Repetitions: 2, wall clock /m)
    expect(await read('logs/benchmark/.last_run')).toBe(`${at('logs/benchmark/twice')}\n`)
    for (const run of ['run-1', 'run-2']) {
      const summary = await json('logs/benchmark/twice', run, 'timing_summary.json')
      const wall = Number(
        /^real_seconds=(.*)$/m.exec(await read('logs/benchmark/twice', run, 'time.txt'))?.[1],
      )
      expect(Object.keys(summary.stage_totals_seconds)).toEqual([
        'image-cache',
        'preflight',
        'provision',
        'runtime',
      ])
      expect(summary.total_wall_seconds).toBeLessThanOrEqual(wall + 0.01)
      expect(summary.unattributed_seconds).toBeLessThan(summary.total_wall_seconds / 3)
      const cleanUp = await json('logs/benchmark/twice', run, 'cleanup/timing_summary.json')
      expect(cleanUp).toMatchObject({ command: 'destroy', outcome: 'done' })
    }
  })

  it('C21: compares runs, and takes none alone for more than it is', async () => {
    const { code, stdout } = await benchmark(
      'compare',
      'logs/benchmark/twice/run-1',
      'logs/benchmark/twice/run-2',
    )
    expect(code).toBe(0)
    expect(stdout).toMatch(/^wall clock .* noise not known$/m)
  })

  it('C21: of a run that fails keeps the data, and shows an earlier result', async () => {
    const failed = await benchmark('cold', '-f', 'never.yaml', '--yes', '--dir', 'logs/benchmark/failed')
    expect(failed.code).toBe(1)
    expect(await read('logs/benchmark/failed/task_timings.csv')).toMatch(/,failed,.*,await-ready,bench,/)
    const report = await benchmark('report')
    expect(report.stdout).toContain(`Run: ${at('logs/benchmark/twice/run-2')}\n`)
    expect(report.stdout).toContain(`Left out: ${at('logs/benchmark/failed')}: the run ended as failed\n`)
  })

  it('C21: killed while it makes the machine leaves whole lines and no result', async () => {
    const args = ['benchmark', 'cold', '--yes', '--dir', 'logs/benchmark/killed']
    const { signal } = await lab.space.vmwright(args, { VMWRIGHT_FAULT: 'kill:after:10' })
    expect(signal).toBe('SIGKILL')
    const lines = (await read('logs/benchmark/killed/task_timings.jsonl')).split('\n')
    expect(lines.pop()).toBe('')
    expect(lines.map((line) => JSON.parse(line)).length).toBeGreaterThan(2)
    expect(await benchmark('report', '--dir', 'logs/benchmark/killed')).toMatchObject({ code: 1 })
  })
})
