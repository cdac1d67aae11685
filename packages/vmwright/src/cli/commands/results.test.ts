import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { jsonText, resultsName } from '../../results/files.ts'
import { sampleRun } from '../../results/testing/sample-run.ts'
import type { CliContext } from '../context.ts'
import { results } from './results.ts'

let root: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'results-command-'))
  mkdirSync(join(root, 'results', sampleRun.id), { recursive: true })
  writeFileSync(join(root, 'results', sampleRun.id, resultsName), jsonText(sampleRun))
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

/** The command with a folder, which needs no spec, and what it writes. */
async function call(
  name: string | undefined,
  options: { json?: boolean; junit?: string; folder?: string } = {},
) {
  const written = { stdout: '', stderr: '' }
  const stream = (key: 'stdout' | 'stderr') => ({ write: (text: string) => (written[key] += text) })
  // What a command without a host needs of the context.
  const context = {
    stdout: stream('stdout'),
    stderr: stream('stderr'),
    environment: {},
    currentDirectory: root,
    signal: new AbortController().signal,
  } as unknown as CliContext
  const exitCode = await results(context, name, {
    file: 'vmwright.yaml',
    var: {},
    json: false,
    folder: 'results',
    ...options,
  })
  return { exitCode, ...written }
}

describe('vmwright results (G10)', () => {
  it('G10: lists runs, as text and as JSON', async () => {
    const text = await call(undefined)
    expect(text).toMatchObject({ exitCode: 0, stderr: '' })
    expect(text.stdout).toMatch(/^RUN .*\n20261121T101500Z-4711 .* failed .* debian-12-arm64\n$/)
    const list = JSON.parse((await call(undefined, { json: true })).stdout)
    expect(list).toMatchObject([
      { id: sampleRun.id, folder: join(root, 'results', sampleRun.id), outcome: 'failed' },
    ])
    expect(list[0].guests[0]).toEqual({ name: 'debian-12-amd64', outcome: 'passed' })
  })

  it('G10: shows one run, as text and as JSON', async () => {
    expect((await call('latest')).stdout).toMatch(
      /^GUEST .*\n[^]*Report: results\/20261121T101500Z-4711\/report.html\n$/,
    )
    const { stdout } = await call(sampleRun.id, { json: true })
    expect(JSON.parse(stdout)).toEqual({
      ...JSON.parse(jsonText(sampleRun)),
      folder: join(root, 'results', sampleRun.id),
    })
  })

  it('G10: writes JUnit XML where it is wanted, of the latest when none is named', async () => {
    expect(await call(undefined, { junit: 'run.xml' })).toMatchObject({ exitCode: 0, stderr: '' })
    expect(readFileSync(join(root, 'run.xml'), 'utf8')).toMatch(/^<\?xml [^]*<\/testsuites>\n$/)
  })

  it.each([
    ['no such run', 'nope', {}, 'results.not-found', 1],
    ['no runs', 'latest', { folder: 'elsewhere' }, 'results.not-found', 1],
    ['no place for JUnit XML', 'latest', { junit: 'missing/run.xml' }, 'usage.invalid', 64],
  ])('G10: says that there is %s', async (_what, name, options, code, exitCode) => {
    const ended = await call(name, options)
    expect(ended).toMatchObject({ exitCode, stdout: '' })
    expect(ended.stderr).toContain(`[${code}]`)
  })
})
