import { expect, it, test } from 'vitest'
import { createFakeWorld } from '../hypervisor/fake/world.ts'
import { createFakeSeam } from '../lib/testing/fake-seam.ts'
import { openBench } from '../engine/testing.ts'
import { extraDisk, instanceSpec, resolvedSpec } from '../testing/specs.ts'
import { stageOfStep } from './stages.ts'

test.each([
  ['create-disk', 'apply', 'provision'],
  ['await-ready', 'apply', 'runtime'],
  ['stop-vm', 'apply', 'runtime'],
  ['stop-vm', 'destroy', 'cleanup'],
  ['delete-volume', 'apply', 'cleanup'],
  ['constructor', 'apply', 'other'],
])('books %s of %s under %s', (kind, command, stage) => expect(stageOfStep(kind, command)).toBe(stage))

it('C21: books no step of a whole run under "other", batches of machines included', async () => {
  const instances = ['web-1', 'web-2', 'web-3'].map((name) =>
    instanceSpec(name, { extraDisks: [extraDisk('vdb')] }),
  )
  const bench = openBench(resolvedSpec(instances), createFakeWorld(), createFakeSeam())
  await bench.apply()
  await bench.destroy()
  const kinds = bench.events.flatMap((event) =>
    event.kind === 'run-started' ? event.steps.map((step) => stageOfStep(step.kind, event.command)) : [],
  )
  expect(kinds.length).toBeGreaterThan(30)
  expect(new Set(kinds)).toEqual(new Set(['preflight', 'image-cache', 'provision', 'runtime', 'cleanup']))
})
