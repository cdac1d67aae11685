import { describe, expect, it, test } from 'vitest'
import { createFakeVm, createFakeWorld, type FakeWorld } from '../hypervisor/fake/world.ts'
import { Progress } from '../lib/progress.ts'
import type { Seam } from '../lib/seam.ts'
import { createFakeSeam } from '../lib/testing/fake-seam.ts'
import { instanceSpec, resolvedSpec } from '../testing/specs.ts'
import { chooseSnapshot, restoreSnapshot } from './restore.ts'
import type { EventBody } from './run.ts'
import { openBench, servicesFor } from './testing.ts'

const instance = instanceSpec('web-1')
const spec = resolvedSpec([instance])

async function provisioned() {
  const world = createFakeWorld()
  const seam = createFakeSeam()
  await openBench(spec, world, seam).apply()
  return { world, seam }
}

async function restore(
  { world, seam }: { readonly world: FakeWorld; readonly seam: Seam },
  options: { readonly yes?: boolean; readonly snapshot?: string } = {},
) {
  const events: EventBody[] = []
  const result = await restoreSnapshot(
    new Progress(seam),
    {
      spec,
      instance,
      services: servicesFor(world),
      onEvent: (event) => void events.push(event),
      holder: 'test',
      lockTimeoutMs: 1000,
      confirm: async () => options.yes ?? true,
    },
    options.snapshot,
  )
  return { ...result, events }
}

describe('C17: a snapshot is restored', () => {
  it('with the power cut first and the machine running afterwards', async () => {
    const { outcome, snapshot, instances, events } = await restore(await provisioned())
    expect({ outcome, snapshot }).toEqual({ outcome: 'done', snapshot: 'snapshot-a' })
    expect(instances).toMatchObject([{ name: 'web-1', state: 'running', snapshots: ['snapshot-a'] }])
    expect(events.flatMap((event) => (event.kind === 'step-finished' ? [event.step] : []))).toEqual([
      'web-1/stop-vm',
      'web-1/restore-snapshot',
      'web-1/start-vm',
      'web-1/await-ready',
    ])
  })

  it('and again, which changes nothing', async () => {
    const host = await provisioned()
    await restore(host)
    expect((await restore(host)).outcome).toBe('done')
    expect((await openBench(spec, host.world, host.seam).plan()).steps).toEqual([])
  })

  it('only when it is confirmed', async () => {
    const host = await provisioned()
    const before = structuredClone(host.world.vms)
    expect((await restore(host, { yes: false })).outcome).toBe('declined')
    expect(host.world.vms).toEqual(before)
  })

  test.each<[string, (world: FakeWorld) => void, string]>([
    ['a machine that is not there', (world) => void delete world.vms['web-1'], 'vm.not-found'],
    ["a stranger's machine", (world) => void (world.vms['web-1'] = createFakeVm('web-1')), 'vm.foreign'],
    ['a machine without one', (world) => world.vms['web-1']?.snapshots.splice(0), 'snapshot.not-found'],
  ])('but not of %s', async (_title, change, code) => {
    const host = await provisioned()
    change(host.world)
    await expect(restore(host)).rejects.toMatchObject({ code })
  })
})

const declared = { name: 'web-1', snapshot: instance.snapshot }
const undeclared = { name: 'web-1', snapshot: undefined }

test.each([
  ['the one named', declared, ['snapshot-a', 'b'], 'b', 'b'],
  ['the one declared', declared, ['a', 'snapshot-a'], undefined, 'snapshot-a'],
  ['the only one', undeclared, ['b'], undefined, 'b'],
])('chooses %s', (_title, of, snapshots, wanted, want) => {
  expect(chooseSnapshot(of, { snapshots }, wanted)).toBe(want)
})

test.each([
  ['which of several', undeclared, ['a', 'b'], undefined, 'Name one of these: a, b.'],
  ['one that is not there', declared, ['a'], 'c', 'Name one of these: a.'],
  ['one where none is', declared, [], undefined, expect.stringContaining('Declare one')],
])('does not guess %s', (_title, of, snapshots, wanted, hint) => {
  expect(() => chooseSnapshot(of, { snapshots }, wanted)).toThrow(
    expect.objectContaining({ code: 'snapshot.not-found', hint }),
  )
})
