import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, test } from 'vitest'
import { readLogTail } from './log-tail.ts'
import { openPhaseLog } from './phase-log.ts'

let folder: string
let nowMs: number
let problems: unknown[]
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'phase-log-'))
  nowMs = 500
  problems = []
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const open = (more: { readonly file?: string; readonly maxBytes?: number } = {}) =>
  openPhaseLog({
    file: join(folder, 'log'),
    path: 'web/01-main.log',
    nowMs: () => nowMs,
    onProblem: (error) => problems.push(error),
    ...more,
  })
const text = (): string => readFileSync(join(folder, 'log'), 'utf8')

describe('the log of a phase (G10)', () => {
  it('G10: is on disk as it comes, each line with its time and stream', () => {
    const log = open()
    log.write('stdout', 'Reading package lists...\n')
    nowMs += 12_345
    log.write('stderr', 'two\nlines')
    expect(text()).toBe(
      '    0.000 out | Reading package lists...\n   12.345 err | two\n   12.345 err | lines\n',
    )
    expect(statSync(join(folder, 'log')).mode & 0o777).toBe(0o600)
  })

  test.each([
    ['an empty line', '', ['']],
    ['a line break alone', '\n', ['']],
    ['lines of Windows', 'a\r\nb\r\n', ['a', 'b']],
    ['a progress bar', '10%\r50%\r100%\n', ['10%', '50%', '100%']],
    ['empty lines between', 'a\n\nb', ['a', '', 'b']],
  ])('G10: takes %s as what a person saw', (_what, written, lines) => {
    open().write('stdout', written)
    expect(text()).toBe(lines.map((line) => `    0.000 out | ${line}\n`).join(''))
  })

  it('G10: keeps the beginning and the end of what is too much', async () => {
    const log = open({ maxBytes: 100 })
    for (let count = 1; count <= 1000; count++) log.write('stdout', `line ${count}`)
    await log.close()
    const lines = text().trimEnd().split('\n')
    expect(lines.slice(0, 6).map((line) => line.slice(16))).toEqual([
      'line 1',
      'line 2',
      'line 3',
      'line 4',
      '… 796 lines are left out here …',
      'line 801',
    ])
    expect(lines.at(-1)).toContain('line 1000')
  })

  it('G10: tells once that it cannot be written, and does no other harm', async () => {
    const log = open({ file: join(folder, 'missing', 'log') })
    log.write('stdout', 'a')
    log.write('stdout', 'b')
    await log.close()
    expect(problems).toMatchObject([{ code: 'ENOENT' }])
  })

  it('G10: may be closed twice; what is written afterwards is lost', async () => {
    const log = open()
    await log.close()
    await log.close()
    log.write('stdout', 'late')
    expect(text()).toBe('')
    expect(problems).toEqual([])
  })
})

describe('the end of a log', () => {
  const tailAfter = (count: number, most: number) => {
    const log = open()
    for (let line = 1; line <= count; line++) log.write('stdout', `line ${line}`)
    return readLogTail(join(folder, 'log'), most)
  }

  test.each([
    [0, 3, [], false],
    [2, 3, ['line 1', 'line 2'], false],
    [3, 3, ['line 1', 'line 2', 'line 3'], false],
    [4, 3, ['line 2', 'line 3', 'line 4'], true],
    [9_000, 2, ['line 8999', 'line 9000'], true],
  ])('of %s lines, %s are wanted', (count, most, lines, cut) => {
    const tail = tailAfter(count, most)
    expect(tail?.lines.map((line) => line.slice(16))).toEqual(lines)
    expect(tail?.cut).toBe(cut)
  })

  it('has whole lines only, fewer where they are long', () => {
    const log = open()
    for (const letter of 'abcdef') log.write('stdout', letter.repeat(500))
    const lines = readLogTail(join(folder, 'log'), 3)?.lines ?? []
    expect(lines.map((line) => [line.slice(16, 17), line.length])).toEqual([
      ['e', 516],
      ['f', 516],
    ])
  })

  it('is cut where a line is very long, and is nothing where there is no log', () => {
    open().write('stdout', 'x'.repeat(100_000))
    const [line] = readLogTail(join(folder, 'log'), 200)?.lines ?? []
    expect(line).toHaveLength(2_001)
    expect(line?.endsWith('…')).toBe(true)
    expect(readLogTail(join(folder, 'missing'), 200)).toBeUndefined()
  })
})
