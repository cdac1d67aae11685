import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { readTails } from './tails.ts'
import { action, guest, runOf } from './testing/sample-run.ts'

it('G10: reads the logs of a run, and no file outside of its folder', () => {
  const root = mkdtempSync(join(tmpdir(), 'results-tails-'))
  try {
    mkdirSync(join(root, 'run', 'web'), { recursive: true })
    writeFileSync(join(root, 'run', 'web', '01-main.log'), 'a\nb\n')
    writeFileSync(join(root, 'secret'), 'x\n')
    const logs = ['web/01-main.log', '../secret', 'web/../../secret', join(root, 'secret'), 'web/missing.log']
    const actions = [...logs.map((log) => action('main', 0, 1, { log })), action('startup', 0, 1)]
    const tails = readTails(join(root, 'run'), runOf([guest('web', { actions })]))
    expect([...tails]).toEqual([['web/01-main.log', { lines: ['a', 'b'], cut: false, sizeBytes: 4 }]])
  } finally {
    rmSync(root, { recursive: true })
  }
})
