import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { isProvisionError } from '../../lib/errors.ts'
import { Progress } from '../../lib/progress.ts'
import { createFakeSeam } from '../../lib/testing/fake-seam.ts'
import { resolveSteps } from '../../spec/steps.ts'
import type { Phase } from '../phase.ts'
import { runPhase } from '../run.ts'
import { recordedContext } from '../testing/context.ts'
import { scriptedChannel } from '../testing/scripted-channel.ts'

describe('the step `fetch`', () => {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'vmwright-steps-'))
  })
  afterEach(async () => {
    await rm(folder, { recursive: true, force: true })
  })

  const at = (name: string): string => join(folder, name)
  const phaseOf = (...steps: Parameters<typeof resolveSteps>[0]): Phase => ({
    name: 'main',
    kind: 'native',
    steps: resolveSteps(steps, { localFile: (path) => at(path) }),
    origin: { kind: 'spec' },
  })
  const newProgress = (options: ConstructorParameters<typeof Progress>[1] = {}): Progress =>
    new Progress(createFakeSeam(), options)

  it.each([
    ['/var/log/*', ['a.log', 'sub/b c.log']],
    ['/var/log', ['log/a.log', 'log/sub/b c.log']],
    ['/v*/log', ['var/log/a.log', 'var/log/sub/b c.log']],
    ['/elsewhere/x', ['var/log/a.log', 'var/log/sub/b c.log']],
  ])('G4: fetch %s into the results, with names and paths from there', async (from, expected) => {
    const names = ['/var/log/a.log', '/var/log/sub/b c.log']
    const channel = scriptedChannel(() => ({ stdout: names.map((name) => `${name}\0`).join('') }))
    for (const name of names)
      await channel.put(newProgress(), { path: name, content: new TextEncoder().encode(name), mode: 0o600 })
    const context = recordedContext({ open: async () => channel, fetchFolder: at('fetched') })
    await runPhase(newProgress(), phaseOf({ fetch: from }), context)
    for (const [index, name] of expected.entries())
      expect(await readFile(at(`fetched/${name}`), 'utf8')).toBe(names[index])
    expect(await filesIn(at('fetched'))).toEqual(expected)
  })

  it('G4: fetch two files of one name without losing one', async () => {
    const channel = scriptedChannel(({ args = [] }) => ({ stdout: `${args[0]}\0` }))
    for (const path of ['/a/x.log', '/b/x.log'])
      await channel.put(newProgress(), { path, content: new TextEncoder().encode(path), mode: 0o600 })
    const context = recordedContext({ open: async () => channel, fetchFolder: at('fetched') })
    await runPhase(newProgress(), phaseOf({ fetch: '/a/x.log' }, { fetch: '/b/x.log' }), context)
    expect(await filesIn(at('fetched'))).toEqual(['b/x.log', 'x.log'])
    expect(await readFile(at('fetched/x.log'), 'utf8')).toBe('/a/x.log')
  })

  it.each(['../../etc/passwd', '/var/../../x', 'a\\..\\..\\x', '/'])(
    'G4: take no path out of the results from a guest: %s',
    async (path) => {
      const channel = scriptedChannel(() => ({ stdout: `${path}\0` }))
      await channel.put(newProgress(), { path, content: new Uint8Array(), mode: 0o600 })
      const context = recordedContext({ open: async () => channel, fetchFolder: at('in/fetched') })
      const error: unknown = await runPhase(newProgress(), phaseOf({ fetch: '/x' }), context).catch(
        (thrown: unknown) => thrown,
      )
      expect(isProvisionError(error, 'phase.failed')).toBe(true)
      expect(await readdir(folder)).toEqual([])
    },
  )

  it('G4: go on without an optional file, and not without another', async () => {
    const context = recordedContext({ open: async () => scriptedChannel(), fetchFolder: at('fetched') })
    await runPhase(newProgress(), phaseOf({ fetch: { from: '/x', optional: true } }), context)
    await expect(runPhase(newProgress(), phaseOf({ fetch: '/x' }), context)).rejects.toMatchObject({
      code: 'phase.failed',
      message: expect.stringContaining('there is nothing at /x'),
      hint: expect.stringContaining('optional'),
    })
  })
})

/** Relative paths of all files below a folder. */
async function filesIn(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .toSorted()
}
