import { expect, it } from 'vitest'
import { action, guest, runOf, sampleRun } from '../../results/testing/sample-run.ts'
import { lifecycleJsonLine, renderLifecycleRun } from './lifecycle-text.ts'

const options = {
  folder: '/srv/lab/results/20261121T101500Z-4711',
  currentDirectory: '/srv/lab',
  colors: false,
}

it('G10: ends with a table of guests, why some failed, and where the report is', () => {
  expect(renderLifecycleRun(sampleRun, options)).toMatchInlineSnapshot(`
    "GUEST            PLATFORM   TARGET  OUTCOME    CACHE  TIME   FAILED IN     LOG
    debian-12-amd64  debian-12  amd64   passed     init   1m10s  -             results/20261121T101500Z-4711/debian-12-amd64/01-main.log
    debian-12-arm64  debian-12  arm64   failed     cold   4m07s  main          results/20261121T101500Z-4711/debian-12-arm64/03-main.log
    fedora-42-amd64  fedora-42  amd64   cancelled  clean  4m10s  dependencies  -
    fedora-42-arm64  fedora-42  arm64   not run    -      -      -             -

      debian-12-arm64: The step "run its tests" of main failed on debian-12-arm64 with exit code 2.
      fedora-42-arm64: the run was cancelled before its turn

    shop: 1 passed, 1 failed, 1 cancelled, 1 not run in 4m11s
    Report: results/20261121T101500Z-4711/report.html
    "
  `)
})

it('G10: has no columns for a matrix that is not there, and whole paths from elsewhere', () => {
  const run = runOf([guest('web', { actions: [action('main', 0, 65, { log: 'web/01-main.log' })] })], {
    outcome: 'passed',
  })
  expect(renderLifecycleRun(run, { ...options, currentDirectory: '/home/me' })).toMatchInlineSnapshot(`
    "GUEST  OUTCOME  CACHE  TIME   FAILED IN  LOG
    web    passed   cold   1m05s  -          /srv/lab/results/20261121T101500Z-4711/web/01-main.log

    shop: 1 passed in 4m11s
    Report: /srv/lab/results/20261121T101500Z-4711/report.html
    "
  `)
})

it('G10: tells a reason that many guests share once', () => {
  const because = 'the run was cancelled before its turn'
  const run = runOf([
    guest('a', { outcome: 'not-run', because }),
    guest('b', { outcome: 'not-run', because }),
    guest('c', { outcome: 'not-run', because: 'no room' }),
  ])
  const text = renderLifecycleRun(run, options)
  expect(text).toContain(`\n  a, b: ${because}\n  c: no room\n`)
  expect(text).toContain('shop: 3 not run in 4m11s')
})

it('G10: leads to the folder of a run that was killed, which has no report', () => {
  const text = renderLifecycleRun(runOf([], { outcome: 'unfinished', durationMs: 2_000 }), options)
  expect(text).toBe('No guests.\n\nshop: unfinished in 2s\nFolder: results/20261121T101500Z-4711\n')
})

it('G10: colours outcomes without disturbing the columns', () => {
  const coloured = renderLifecycleRun(sampleRun, { ...options, colors: true })
  expect(coloured).toContain('\u001b[31mfailed\u001b[39m')
  // oxlint-disable-next-line no-control-regex -- colours take no room
  expect(coloured.replaceAll(/\u001b\[\d+m/g, '')).toBe(renderLifecycleRun(sampleRun, options))
})

it('G10: is the last line of JSON, with the folder', () => {
  const line = lifecycleJsonLine(sampleRun, options.folder)
  expect(line).toMatch(
    /^\{"kind":"result","folder":"\/srv\/lab\/results\/20261121T101500Z-4711","version":1,[^\n]*\}\n$/,
  )
  expect(JSON.parse(line)).toMatchObject({ outcome: 'failed', guests: { length: 4 } })
})
