import type { RunEvent } from '@vmwright/contract'
import { describe, expect, it, test } from 'vitest'
import { isLively } from './output.ts'
import { openPlainLines } from './plain.ts'

function setUp() {
  let nowMs = 1_000_000
  let beat = (): void => {}
  const lines: string[] = []
  const sink = openPlainLines(
    { write: (text) => lines.push(...text.trimEnd().split('\n')) },
    {
      nowMs: () => nowMs,
      every: (_ms, tick) => {
        beat = tick
        return () => (beat = () => {})
      },
    },
  )
  return {
    lines,
    sink,
    tell: (event: object) => sink.event({ atMs: nowMs, ...event } as RunEvent),
    pass(seconds: number) {
      for (let second = 0; second < seconds; second++) {
        nowMs += 1000
        beat()
      }
    },
  }
}

const run = {
  kind: 'run-started',
  command: 'apply',
  project: 'demo',
  steps: [
    { id: 'a', kind: 'x', host: 'local', instance: 'web', title: 'wait until ready', reason: '', after: [] },
  ],
}

describe('plain lines (X8)', () => {
  it('says every ten seconds what a running step waits for', () => {
    const { lines, tell, pass } = setUp()
    tell(run)
    tell({ kind: 'step-started', step: 'a' })
    pass(4)
    tell({ kind: 'step-progress', step: 'a', what: 'SSH of web: no answer' })
    pass(19)
    tell({ kind: 'step-finished', step: 'a', durationMs: 23_000 })
    pass(30)
    expect(lines).toEqual([
      'web: wait until ready',
      'web: … SSH of web: no answer (10s)',
      'web: … SSH of web: no answer (20s)',
      'web: wait until ready: done in 23s',
    ])
  })

  it('says what is waited for before the run, too', () => {
    const { lines, sink, tell, pass } = setUp()
    sink.phase('the lock of local, held by ann@laptop')
    pass(11)
    tell(run)
    pass(30)
    expect(lines).toEqual(['… the lock of local, held by ann@laptop (10s)'])
  })

  it('G10: tells whose each line is, aligned, and leaves out signs that move a cursor', () => {
    const { lines, tell } = setUp()
    const steps = ['web', 'db-replica'].map((instance) => ({
      ...run.steps[0],
      id: `${instance}/main`,
      instance,
    }))
    tell({ ...run, steps })
    const print = (instance: string, phase: string, stream: string, text: string) =>
      tell({ kind: 'output', instance, phase, stream, text })
    print('web', 'init', 'stdout', 'one\ntwo\n')
    print('db-replica', 'main', 'stderr', '\u001b[31mno space\u001b[0m left\u0007')
    print('web', 'main', 'stdout', '\n::error::not a command of a CI')
    expect(lines).toEqual([
      'web        init | one',
      'web        init | two',
      'db-replica main ! no space left',
      'web        main |',
      'web        main | ::error::not a command of a CI',
    ])
  })

  it('G10: says why an action was left out, also one that no plan could foresee', () => {
    const { lines, tell } = setUp()
    tell(run)
    tell({ kind: 'step-started', step: 'web/recover' })
    tell({ kind: 'step-skipped', step: 'web/init', because: 'restored from shop.1.init' })
    expect(lines).toEqual(['web: recover', 'web: skipped: init (restored from shop.1.init)'])
  })

  it('says nothing more once it is closed', () => {
    const { lines, sink, pass } = setUp()
    sink.phase('anything')
    sink.close()
    pass(30)
    expect(lines).toEqual([])
  })
})

test.each([
  ['a terminal', { isTTY: true }, { TERM: 'xterm' }, true],
  ['a pipe', {}, { TERM: 'xterm' }, false],
  ['a dumb terminal', { isTTY: true }, { TERM: 'dumb' }, false],
  ['a build machine', { isTTY: true }, { TERM: 'xterm', CI: 'true' }, false],
  ['a terminal with CI empty', { isTTY: true }, { TERM: 'xterm', CI: '' }, true],
])('draws in place on %s: %o %o', (_title, out, environment, want) => {
  expect(isLively(out, environment)).toBe(want)
})
