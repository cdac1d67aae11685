import { describe, expect, it } from 'vitest'
import { openFakeHost } from '../../hypervisor/fake/fake-host.ts'
import { createFakeWorld, type FakeWorld } from '../../hypervisor/fake/world.ts'
import { ProvisionError } from '../../lib/errors.ts'
import { Progress } from '../../lib/progress.ts'
import type { Seam } from '../../lib/seam.ts'
import { createFakeSeam } from '../../lib/testing/fake-seam.ts'
import { decide } from '../../snapshots/decide.ts'
import { writeNote } from '../../snapshots/note.ts'
import { defaultLifecycle, lifecycleActions, type LifecycleSpec } from '../../spec/resolved-lifecycle.ts'
import type { InstanceSpec, ResolvedSpec } from '../../spec/resolved.ts'
import { hostSpec, instanceSpec, resolvedSpec } from '../../testing/specs.ts'
import type { SessionServices } from '../session.ts'
import { openBench, servicesFor } from '../testing.ts'
import { killEverywhere } from '../testing/kills.ts'
import { listCache } from './guest-layers.ts'
import { presentKeys } from './present-keys.ts'
import { pruneCache, type PruneOptions } from './prune.ts'

const lifecycle = (init: string, more: Partial<LifecycleSpec> = {}): LifecycleSpec => ({
  ...defaultLifecycle('/results'),
  phases: {
    init: [
      {
        kind: 'shell',
        title: 'init',
        command: init,
        directory: undefined,
        exitCodes: [0],
        timeoutMs: undefined,
        environment: {},
        user: undefined,
      },
    ],
  },
  ...more,
})

const guest = (name: string, overrides: Partial<InstanceSpec> = {}): InstanceSpec =>
  instanceSpec(name, { firmware: 'bios', lifecycle: lifecycle('one'), ...overrides })

const specOf = (...instances: readonly InstanceSpec[]): ResolvedSpec =>
  resolvedSpec(instances, {
    project: 'shop',
    hosts: [...new Set(instances.map(({ host }) => host))].map((name) => hostSpec({ name })),
  })

const servicesOn = (worlds: readonly FakeWorld[]): SessionServices => ({
  ...servicesFor(worlds[0] ?? createFakeWorld()),
  async openHost(progress, { name }) {
    const world = worlds.find(({ host }) => host === name)
    if (world === undefined || world.down)
      throw new ProvisionError('host.unreachable', { message: `${name} does not answer.` })
    const host = openFakeHost(world, progress.seam)
    let isOpen = true
    return {
      ...host,
      listSnapshots: async (...args) => {
        if (isOpen) return host.listSnapshots(...args)
        throw new ProvisionError('host.connection-lost', { message: `${name} was closed.` })
      },
      close: async () => void (isOpen = false),
    }
  },
})

/** A stopped machine, with a snapshot as `apply` makes one and the layers that its spec asks for. */
async function addGuest(world: FakeWorld, instance: InstanceSpec, project = 'shop'): Promise<void> {
  const seam = createFakeSeam()
  const progress = new Progress(seam)
  const spec = resolvedSpec([instance], { hosts: [hostSpec({ name: instance.host })], project })
  await openBench(spec, world, seam).apply()
  await openFakeHost(world, seam).stopVm(progress, instance.name, 'force')
  await addLayers(world, instance, project)
}

async function addLayers(world: FakeWorld, instance: InstanceSpec, project = 'shop'): Promise<void> {
  const progress = new Progress(createFakeSeam({ seed: 3 }))
  const host = openFakeHost(world, progress.seam)
  const vm = (await host.observe(progress)).vms.find(({ name }) => name === instance.name)
  const keys = vm?.mark && (await presentKeys(progress, instance, vm.mark))
  if (keys === undefined || typeof keys === 'string') throw new Error(`no keys: ${keys}`)
  const { create } = decide({
    project,
    revision: instance.lifecycle.revision,
    allowed: lifecycleActions,
    keys,
    phases: ['init'],
    observed: await host.listSnapshots(progress, instance.name),
    memory: false,
    used: false,
  })
  for (const { snapshot, note } of create)
    await host.createSnapshot(progress, instance.name, {
      name: snapshot,
      description: '',
      note: writeNote(note),
    })
}

const spec = specOf(guest('web-1'), guest('web-2', { host: 'other' }))

async function twoHosts(): Promise<readonly [FakeWorld, FakeWorld]> {
  const worlds = [createFakeWorld(), createFakeWorld({ host: 'other' })] as const
  await addGuest(worlds[0], guest('web-1'))
  await addGuest(worlds[1], guest('web-2', { host: 'other' }))
  return worlds
}

const list = (worlds: readonly FakeWorld[], given = spec) =>
  listCache(new Progress(createFakeSeam()), {
    spec: given,
    instances: given.instances,
    services: servicesOn(worlds),
  })

const prune = (
  worlds: readonly FakeWorld[],
  options: Partial<PruneOptions['limits']> = {},
  more: { readonly spec?: ResolvedSpec; readonly how?: PruneOptions['how']; readonly seam?: Seam } = {},
) =>
  pruneCache(new Progress(more.seam ?? createFakeSeam()), {
    spec: more.spec ?? spec,
    instances: (more.spec ?? spec).instances,
    services: servicesOn(worlds),
    limits: {
      all: false,
      olderThanMs: undefined,
      keep: undefined,
      maxBytes: undefined,
      layers: [],
      ...options,
    },
    how: more.how ?? 'remove',
    holder: 'test',
    lockTimeoutMs: 1_000,
  })

const snapshotsIn = (world: FakeWorld): readonly string[] =>
  Object.values(world.vms).flatMap((vm) =>
    vm.snapshots.map(({ name }) => `${vm.name} ${name.replace(/auto-\w+/, 'auto')}`),
  )
const layersOf = (name: string) => [`${name} snapshot-a`, `${name} clean`, `${name} shop.auto.init`]

describe('listCache', () => {
  it('G8: lists the layers of all guests on all hosts, and no other snapshots', async () => {
    const { guests, unreachable } = await list(await twoHosts())
    expect(unreachable.size).toBe(0)
    expect(
      guests.map(({ guest, host, state, layers }) => [guest, host, state, layers.map(({ layer }) => layer)]),
    ).toEqual([
      ['web-1', 'fake', 'there', ['clean', 'init']],
      ['web-2', 'other', 'there', ['clean', 'init']],
    ])
    expect(guests.flatMap(({ layers }) => layers.map(({ state }) => state))).toEqual(
      Array.from({ length: 4 }, () => 'current'),
    )
  })

  it('G8: tells what is outdated, and by what', async () => {
    const edited = specOf(guest('web-1', { lifecycle: lifecycle('two') }))
    const { guests } = await list(await twoHosts(), edited)
    expect(
      guests[0]?.layers.map(({ state, because }) => [state, because.replace(/auto-\w+/, 'auto')]),
    ).toEqual([
      ['current', expect.any(String)],
      ['outdated', 'Since the snapshot shop.auto.init was made the steps of init in the spec changed.'],
    ])
  })

  it('G8: a host that does not answer costs its own guests alone', async () => {
    const worlds = await twoHosts()
    worlds[1].down = true
    const { guests, unreachable } = await list(worlds)
    expect(guests.map(({ guest }) => guest)).toEqual(['web-1'])
    expect([...unreachable.keys()]).toEqual(['other'])
  })

  it('G8: phases that cannot be read leave the state of layers unknown', async () => {
    const unreadable = specOf(
      guest('web-1', { lifecycle: lifecycle('one', { phasesFolder: '/nowhere/at/all' }) }),
    )
    const { guests } = await list(await twoHosts(), unreadable)
    expect(guests[0]?.layers.map(({ state }) => state)).toEqual(['unknown', 'unknown'])
    expect(guests[0]?.layers[0]?.because).toMatch(/^What the spec asks for is not known: .*nowhere/)
  })

  it("G2: machines that are not there, and other people's, have no layers", async () => {
    const world = createFakeWorld()
    await addGuest(world, guest('web-1'), 'strangers')
    const { guests } = await list([world], specOf(guest('web-1'), guest('web-3')))
    expect(guests).toEqual([
      { guest: 'web-1', host: 'fake', state: 'foreign', busy: false, layers: [] },
      { guest: 'web-3', host: 'fake', state: 'absent', busy: false, layers: [] },
    ])
  })
})

describe('pruneCache', () => {
  it('G8: removes on all hosts what no run of the present spec would restore, and nothing else', async () => {
    const worlds = await twoHosts()
    const edited = specOf(
      guest('web-1', { lifecycle: lifecycle('two') }),
      guest('web-2', { host: 'other', lifecycle: lifecycle('two') }),
    )
    for (const [index, world] of worlds.entries())
      await addLayers(world, edited.instances[index] ?? guest('web-1'))
    const { plan, failed } = await prune(worlds, {}, { spec: edited })
    expect([plan.remove.length, failed.size]).toEqual([2, 0])
    expect(worlds.flatMap(snapshotsIn)).toEqual([...layersOf('web-1'), ...layersOf('web-2')])
    expect(
      (await list(worlds, edited)).guests.flatMap(({ layers }) => layers.map(({ state }) => state)),
    ).toEqual(Array.from({ length: 4 }, () => 'current'))
    expect((await prune(worlds, {}, { spec: edited })).plan.remove).toEqual([])
  })

  it('G8: only tells what would go when it is only asked', async () => {
    const worlds = await twoHosts()
    const before = structuredClone(worlds)
    const { plan } = await prune(worlds, { all: true }, { how: 'plan' })
    expect(plan.remove.length).toBe(4)
    expect(worlds).toEqual(before)
  })

  it('G2, G8: removes all of this project, and leaves the snapshots of others', async () => {
    const worlds = await twoHosts()
    await addLayers(worlds[0], guest('web-1'), 'strangers')
    await prune(worlds, { all: true })
    expect(worlds.flatMap(snapshotsIn)).toEqual([
      'web-1 snapshot-a',
      'web-1 strangers.auto.clean',
      'web-1 strangers.auto.init',
      'web-2 snapshot-a',
    ])
  })

  it('G8: leaves a guest alone on which a run has begun', async () => {
    const worlds = await twoHosts()
    const mark = worlds[0].vms['web-1']?.mark
    if (worlds[0].vms['web-1'] !== undefined && mark !== undefined)
      worlds[0].vms['web-1'].mark = { ...mark, run: '2030-01-01-1' }
    const { plan } = await prune(worlds, { all: true })
    expect(plan.keep.map(({ because }) => because)[0]).toMatch(/^A run has begun on web-1/)
    expect(worlds.flatMap(snapshotsIn)).toEqual([...layersOf('web-1'), 'web-2 snapshot-a'])
  })

  it('G8: a host that does not answer stops no other', async () => {
    const worlds = await twoHosts()
    worlds[0].down = true
    const { unreachable } = await prune(worlds, { all: true })
    expect([...unreachable.keys()]).toEqual(['fake'])
    worlds[0].down = false
    expect(worlds.flatMap(snapshotsIn)).toEqual([...layersOf('web-1'), 'web-2 snapshot-a'])
  })

  it('G8: a host that is lost on the way stops no other, and what is left there is named', async () => {
    const worlds = await twoHosts()
    const seam = createFakeSeam()
    const losing: Seam = {
      ...seam,
      async effect(effect, work) {
        if (effect.mutates && effect.object.startsWith('web-1/')) worlds[0].down = true
        return seam.effect(effect, work)
      },
    }
    const { failed, plan } = await prune(worlds, { all: true }, { seam: losing })
    expect(plan.remove.length).toBe(4)
    expect([...failed].map(([{ guest }, { code }]) => [guest, code])).toEqual([
      ['web-1', 'host.unreachable'],
      ['web-1', 'host.unreachable'],
    ])
    expect(snapshotsIn(worlds[1])).toEqual(['web-2 snapshot-a'])
  })

  it('G8: waits for nobody longer than it may', async () => {
    const worlds = await twoHosts()
    const progress = new Progress(createFakeSeam())
    await using _lock = await openFakeHost(worlds[0], progress.seam).lock(progress, 'another run')
    await expect(prune(worlds, { all: true })).rejects.toMatchObject({ code: 'host.locked' })
    expect(worlds.flatMap(snapshotsIn)).toEqual([...layersOf('web-1'), ...layersOf('web-2')])
  })

  it.each(['bios', 'uefi'] as const)(
    'G8, X4: killed around every effect and run again, it leaves what it would have left (%s)',
    async (firmware) => {
      const own = guest('web-1', { firmware })
      const start = createFakeWorld()
      await addGuest(start, own)
      await addLayers(start, guest('web-1', { firmware, lifecycle: lifecycle('two') }))
      await addLayers(start, own, 'strangers')
      const wanted = structuredClone(start)
      await prune([wanted], { all: true }, { spec: specOf(own) })
      expect(snapshotsIn(wanted)).toEqual([
        'web-1 snapshot-a',
        'web-1 strangers.auto.clean',
        'web-1 strangers.auto.init',
      ])
      const kills = await killEverywhere(
        start,
        (world, seam) => prune([world], { all: true }, { spec: specOf(own), seam }),
        async (world) => {
          const { failed } = await prune([world], { all: true }, { spec: specOf(own) })
          expect(failed.size).toBe(0)
          expect(snapshotsIn(world)).toEqual(snapshotsIn(wanted))
          expect(world.pools).toEqual(wanted.pools)
        },
      )
      expect(kills).toBeGreaterThan(5)
    },
  )
})
