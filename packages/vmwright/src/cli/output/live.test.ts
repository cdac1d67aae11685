import type { RunEvent } from '@vmwright/contract'
import { describe, expect, it, test } from 'vitest'
import { amountText, fit, renderLive } from './live-screen.ts'
import { applyEvent, initialState, type LiveState, statusOf, withPhase } from './live-state.ts'

const startMs = 1_000_000

const step = (id: string, instance: string | undefined, title: string, after: readonly string[] = []) => ({
  id,
  kind: 'any',
  host: 'local',
  ...(instance === undefined ? {} : { instance }),
  title,
  reason: '',
  after,
})

const started: RunEvent = {
  atMs: startMs,
  kind: 'run-started',
  command: 'apply',
  project: 'demo',
  steps: [
    step('image', undefined, 'fetch image debian-12'),
    step('web/disk', 'web', 'create disk web.qcow2 (10 GiB)', ['image']),
    step('web/ready', 'web', 'wait until ready', ['web/disk']),
    step('db/disk', 'db', 'create disk db.qcow2 (10 GiB)', ['image']),
  ],
}

type Told = RunEvent extends infer E ? (E extends RunEvent ? Omit<E, 'atMs'> : never) : never

/** The state after events at these seconds. */
const after = (...events: readonly (readonly [seconds: number, event: Told])[]): LiveState =>
  events.reduce(
    (state, [seconds, event]) => applyEvent(state, { ...event, atMs: startMs + seconds * 1000 } as RunEvent),
    applyEvent(initialState(startMs), started),
  )

const begins = (id: string) => ({ kind: 'step-started', step: id }) as const
const ends = (id: string) => ({ kind: 'step-finished', step: id, durationMs: 1 }) as const
const fails = (id: string, message: string) =>
  ({
    kind: 'step-failed',
    step: id,
    durationMs: 1,
    error: { code: 'wait.timeout', message, hint: '', details: {}, retryable: false },
  }) as const
const skips = (id: string) => ({ kind: 'step-skipped', step: id, because: 'x' }) as const
const tells = (id: string, what: string) => ({ kind: 'step-progress', step: id, what }) as const
const loads = (done: number) =>
  ({
    kind: 'step-progress',
    step: 'image',
    what: 'download debian-12',
    done,
    total: 100e6,
    unit: 'bytes',
  }) as const

const screen = (state: LiveState, seconds: number, size: { columns?: number; rows?: number } = {}): string =>
  renderLive(state, {
    columns: 72,
    rows: 24,
    nowMs: startMs + seconds * 1000,
    colors: false,
    ...size,
  }).join('\n')

describe('the live view (X8)', () => {
  test.each([
    ['nothing has begun', after(), 'waiting'],
    ['a step runs', after([0, begins('web/disk')]), 'running'],
    ['one is done and one is left', after([0, begins('web/disk')], [1, ends('web/disk')]), 'waiting'],
    ['all are done', after([0, ends('web/disk')], [1, ends('web/ready')]), 'done'],
    [
      'one failed and the rest was skipped',
      after([0, fails('web/disk', 'no')], [0, skips('web/ready')]),
      'failed',
    ],
    ['all were skipped', after([0, skips('web/disk')], [0, skips('web/ready')]), 'skipped'],
  ])('calls a machine by the state of its steps: %s', (_title, state, want) => {
    const web = state.subjects.get('web')
    expect(web && statusOf(web)).toBe(want)
  })

  it('does not call failed what was cancelled', () => {
    const { error, ...failure } = fails('web/disk', 'Cancelled.')
    const cancelled = { ...failure, error: { ...error, code: 'run.cancelled' as const } }
    const shown = screen(after([0, begins('web/disk')], [3, cancelled], [3, skips('web/ready')]), 4)
    expect(shown).toContain('- web       3s create disk web.qcow2 (10 GiB): cancelled')
    expect(shown).not.toContain('failed')
  })

  it('counts finished steps, and none twice', () => {
    expect(after([0, begins('image')], [1, ends('image')], [2, ends('image')]).finishedSteps).toBe(1)
  })

  it('leaves a state as it was when it makes the next', () => {
    const before = after()
    const copy = structuredClone(before)
    applyEvent(before, { atMs: startMs, ...begins('web/disk') })
    expect(before).toEqual(copy)
  })

  it('shows what is waited for before the run', () => {
    const state = withPhase(initialState(startMs), 'the lock of local, held by ann@laptop', startMs)
    expect(screen(state, 7)).toBe('⠴ the lock of local, held by ann@laptop 7s')
  })

  it('shows a download with amount, rate and time left, and what waits for it', () => {
    const state = after([0, begins('image')], [1, loads(0)], [2, loads(20e6)], [3, loads(40e6)])
    expect(screen(state, 3, { columns: 100 })).toMatchInlineSnapshot(`
      "⠴ local     3s download debian-12 38.1 MiB of 95.4 MiB (40%), 19.1 MiB/s, 3s left
      · web          after: fetch image debian-12
      · db           after: fetch image debian-12
      apply demo 3s · 0 of 4 steps · 2 waiting"
    `)
  })

  it('shows for each machine its step, since when, and what it waits for', () => {
    const state = after(
      [0, begins('image')],
      [4.2, ends('image')],
      [5, begins('web/disk')],
      [6, ends('web/disk')],
      [6, begins('web/ready')],
      [8, tells('web/ready', 'SSH of web on 192.168.122.17: no answer')],
      [9, begins('db/disk')],
      [10, fails('db/disk', 'The pool default has no space left.')],
    )
    expect(screen(state, 70)).toMatchInlineSnapshot(`
      "✓ local   4.2s fetch image debian-12
      ⠋ web    1m04s SSH of web on 192.168.122.17: no answer
      ✗ db        1s create disk db.qcow2 (10 GiB): The pool default has no s…
      apply demo 1m10s · 3 of 4 steps · 1 failed, 1 running"
    `)
  })

  it('folds a finished machine into a tick and its whole time', () => {
    const state = after(
      [5, begins('web/disk')],
      [6, ends('web/disk')],
      [6, begins('web/ready')],
      [35, ends('web/ready')],
    )
    expect(screen(state, 40)).toContain('✓ web      30s done')
  })

  it('changes at least once a second while something runs', () => {
    const state = after([0, begins('web/disk')])
    expect(screen(state, 3.9)).not.toBe(screen(state, 4.9))
  })

  test.each([10, 20, 40, 80])('has no line wider than a terminal of %s columns', (columns) => {
    const state = after(
      [0, begins('image')],
      [1, loads(0)],
      [2, loads(5e6)],
      [2, fails('db/disk', 'x'.repeat(200))],
    )
    const lines = renderLive(state, { columns, rows: 24, nowMs: startMs + 5000, colors: true })
    // oxlint-disable-next-line no-control-regex -- colours take no room
    expect(Math.max(...lines.map((line) => line.replaceAll(/\u001b\[\d+m/g, '').length))).toBeLessThanOrEqual(
      columns,
    )
  })

  it('shows those that run or failed when not all fit, and counts the rest', () => {
    const many = Array.from({ length: 40 }, (_, index) => step(`s${index}`, `vm-${index}`, 'start'))
    let state = applyEvent(initialState(startMs), { ...started, steps: many })
    for (const event of [ends('s0'), begins('s20'), fails('s30', 'no'), begins('s39')])
      state = applyEvent(state, { ...event, atMs: startMs } as RunEvent)
    const lines = screen(state, 1, { rows: 8 }).split('\n')
    expect(lines).toHaveLength(7)
    expect(lines.join('\n')).toMatch(/vm-20.*\n.*vm-30.*\n.*vm-39.*\n/)
    expect(lines.at(-1)).toBe('apply demo 1s · 2 of 40 steps · 1 failed, 2 running, 36 waiting, 1 done…')
  })

  it('shows no control characters of hosts and guests', () => {
    const state = after(
      [0, begins('web/ready')],
      [1, tells('web/ready', 'bell\u0007 \u001b[2Jclear\r\nnext')],
    )
    expect(screen(state, 2)).toContain('bell clear next')
  })

  const lifecycles: RunEvent = {
    ...started,
    command: 'run',
    steps: ['web', 'db'].flatMap((name) =>
      ['startup', 'main'].map((action) => step(`${name}/${action}`, name, action)),
    ),
  }
  const prints = (text: string, instance = 'web') =>
    ({ kind: 'output', instance, phase: 'main', stream: 'stdout', text }) as const
  const afterRun = (...events: readonly (readonly [seconds: number, event: Told])[]): LiveState =>
    after([0, lifecycles], ...events)

  it('G10: shows of each guest its phase, the step, since when, and the last line that it printed', () => {
    const state = afterRun(
      [0, begins('web/startup')],
      [2, ends('web/startup')],
      [2, begins('web/main')],
      [3, tells('web/main', '2 of 5: build the package')],
      [4, prints('compiling a.c\n\u001b[32mcompiling b.c\u001b[0m\u0007\n\n')],
      [4, prints('compiling c.c\n\n')],
      [5, prints('\n')],
      [5, begins('db/startup')],
    )
    expect(screen(state, 64)).toMatchInlineSnapshot(`
      "⠋ web  1m02s main: 2 of 5: build the package │ compiling c.c
      ⠋ db     59s startup
      run demo 1m04s · 1 of 4 steps · 2 running"
    `)
  })

  it('G10: forgets what a phase printed when the next one begins', () => {
    const state = afterRun([0, begins('web/startup')], [1, prints('old')], [2, ends('web/startup')])
    expect(screen(state, 3)).not.toContain('old')
    expect(state.subjects.get('web')?.output).toBeUndefined()
  })

  it('G10: shows an action that no plan could foresee, such as the end of an earlier run', () => {
    const state = afterRun([0, begins('web/recover')], [0, begins('nobody/recover')])
    expect(screen(state, 2)).toContain('web     2s recover')
    expect(screen(state, 2)).not.toContain('nobody')
    expect(screen(state, 2)).toContain('0 of 5 steps')
  })

  it.each([
    [{ done: 5, total: 10, unit: 'steps', rate: 1, atMs: 0 }, 0, '5 of 10 (50%)'],
    [{ done: 1e6, total: undefined, unit: 'bytes', rate: 1e6, atMs: 0 }, 0, '976.6 KiB, 976.6 KiB/s'],
    [
      { done: 1e6, total: 2e6, unit: 'bytes', rate: 1e6, atMs: 0 },
      9000,
      '976.6 KiB of 1.9 MiB (50%), nothing for 9s',
    ],
    [{ done: 2e6, total: 2e6, unit: 'bytes', rate: 1e6, atMs: 0 }, 9000, '1.9 MiB of 1.9 MiB (100%)'],
    [{ done: 0, total: 0, unit: 'bytes', rate: undefined, atMs: 0 }, 0, '0 B of 0 B (100%)'],
  ] as const)('says how far a transfer is: %o at %s', (amount, nowMs, want) => {
    expect(amountText(amount, nowMs)).toBe(want)
  })

  it.each([
    ['short', 10, 'short'],
    ['exactly ten', 11, 'exactly ten'],
    ['a longer text', 8, 'a longe…'],
    ['\u001b[31mred and long\u001b[39m', 5, '\u001b[31mred …\u001b[39m'],
    ['x', 0, '…'],
  ])('cuts %j to %s columns', (text, width, want) => {
    expect(fit(text, width)).toBe(want)
  })
})
