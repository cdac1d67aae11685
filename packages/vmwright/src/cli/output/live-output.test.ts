import type { RunEvent } from '@vmwright/contract'
import { describe, expect, test } from 'vitest'
import { openLiveView } from './live.ts'

/** What a terminal got after a run of these guests, each of which printed one line. */
function written(guests: readonly string[], verbose: boolean): string {
  let text = ''
  const terminal = { columns: 80, rows: 24, write: (part: string) => (text += part), on() {}, off() {} }
  const view = openLiveView(terminal as unknown as NodeJS.WriteStream, { colors: false, verbose })
  const tell = (event: object): void => view.event({ atMs: 0, ...event } as RunEvent)
  tell({
    kind: 'run-started',
    command: 'run',
    project: 'shop',
    steps: guests.map((name) => ({
      id: `${name}/main`,
      kind: 'main',
      host: 'local',
      instance: name,
      title: 'main',
      reason: '',
      after: [],
    })),
  })
  for (const name of guests) {
    tell({ kind: 'step-started', step: `${name}/main` })
    tell({ kind: 'output', instance: name, phase: 'main', stream: 'stdout', text: `hello from ${name}\n` })
  }
  view.close()
  return text
}

describe('what guests print, on a terminal (X8, G10)', () => {
  test.each<[string, readonly string[], boolean, boolean]>([
    ['all of a single guest', ['web'], false, true],
    ['all of several with --verbose', ['web', 'db-1'], true, true],
    ['no more than the last line of several', ['web', 'db-1'], false, false],
  ])('G10: is %s above the view', (_what, guests, verbose, isAbove) => {
    const text = written(guests, verbose)
    const width = Math.max(...guests.map((name) => name.length))
    expect(text.includes(`${'web'.padEnd(width)} main | hello from web\n`)).toBe(isAbove)
    expect(text).toContain('main │ hello from web')
  })
})
