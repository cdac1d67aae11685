import { requireCode } from '../support/program.ts'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { sweep } from '../support/sweep.ts'
import { linesOf, openVirsh } from '../support/virsh.ts'
import { openWorkspace, type Workspace } from '../support/workspace.ts'

/**
 * What `make quickstart` and `make quickstart-clean` do, with the names changed, so that the test stays clear of a
 * quickstart that somebody has running. KVM is tried as it is there.
 */
const virsh = openVirsh('qemu:///system')
const prefix = 'vmwright-quick-'
const example = join(import.meta.dirname, '../../examples/quickstart.yaml')
const clean = ['destroy', '-f', 'quickstart.yaml', '--disks', '--yes']
let space: Workspace

beforeAll(async () => {
  await sweep(virsh, prefix)
  space = await openWorkspace('quick')
  const text = await readFile(example, 'utf8')
  const renamed = text
    .replace('project: quickstart', 'project: acceptance-quickstart')
    .replace('  web: {}\n  db: {}\n', `  ${prefix}web: {}\n  ${prefix}db: {}\n`)
  await space.write('quickstart.yaml', renamed)
  // The disks of a run that was killed.
  await space.vmwright(clean)
})
afterAll(async () => {
  await space?.vmwright(clean)
  await sweep(virsh, prefix)
  await space?.[Symbol.asyncDispose]()
})

it('T11: the quickstart ends with a table of two guests to log in to, never silent for long, and is cleaned up', async () => {
  const run = space.start(['apply', '-f', 'quickstart.yaml'])
  let lastMs = performance.now()
  let longestSilenceMs = 0
  run.child.stderr?.on('data', () => {
    longestSilenceMs = Math.max(longestSilenceMs, performance.now() - lastMs)
    lastMs = performance.now()
  })
  const { stdout } = requireCode(await run.ended)
  expect(longestSilenceMs).toBeLessThan(60_000)
  const rows = linesOf(stdout).map((line) => line.split(/\s{2,}/))
  expect(rows).toEqual([
    ['NAME', 'HOST', 'STATE', 'ADDRESS', 'LOG IN WITH'],
    ...['web', 'db'].map((each) => [
      `${prefix}${each}`,
      'local',
      'running',
      expect.stringMatching(/^\d+\.\d+\.\d+\.\d+$/),
      expect.stringMatching(new RegExp(`vmwright ssh -f quickstart.yaml ${prefix}${each}$`)),
    ]),
  ])

  expect((await space.vmwright(clean)).code).toBe(0)
  expect(await virsh('list', '--all', '--name')).not.toContain(prefix)
  // The pool goes too when nothing else is in it.
  const volumes = await virsh('vol-list', 'vmwright-instances').catch(() => '')
  expect(volumes).not.toContain(prefix)
})
