import { describe, expect, it, test } from 'vitest'
import { createFakeVm, createFakeWorld } from '../../hypervisor/fake/world.ts'
import { ProvisionError } from '../../lib/errors.ts'
import type { Progress } from '../../lib/progress.ts'
import { createFakeSeam } from '../../lib/testing/fake-seam.ts'
import { lifecycleActions, type LifecycleAction, type LifecycleSpec } from '../../spec/resolved-lifecycle.ts'
import type { InstanceSpec } from '../../spec/resolved.ts'
import type { LifecycleServices } from './services.ts'
import { done, farmServices, farmSpec, guestSpec, journalOf, openFarm, rootOf } from './testing.ts'

const all = { dependencies: 'deps', init: 'init', main: 'main', terminate: 'bye' }

const without = (...left: readonly LifecycleAction[]): readonly LifecycleAction[] =>
  lifecycleActions.filter((action) => !left.includes(action))

describe('G1: a lifecycle', () => {
  it('G1: makes the machine, runs all phases in order, keeps its layers, and shuts it down', async () => {
    const world = createFakeWorld()
    const run = await openFarm(farmSpec([guestSpec('web', all)]), world, createFakeSeam()).run()
    expect(done(run.guests[0])).toEqual([
      'create',
      'connect',
      'create-clean',
      'dependencies',
      'create-dependencies',
      'init',
      'create-init',
      'main',
      'terminate',
      'shutdown',
    ])
    expect(run.outcome).toBe('passed')
    expect(journalOf(world)).toEqual(['web dependencies', 'web init', 'web main', 'web terminate'])
    expect(world.vms['web']).toMatchObject({ state: 'stopped' })
    expect(world.vms['web']?.mark?.run).toBeUndefined()
  })

  test.each([
    ['fails', 'fail', 'phase.failed'],
    ['hangs', 'hang', 'phase.timeout'],
  ])(
    'G1: an init that %s surfaces, is ended all the same, and keeps nothing',
    async (_title, command, code) => {
      const world = createFakeWorld()
      const farm = openFarm(farmSpec([guestSpec('web', { ...all, init: command })]), world, createFakeSeam())
      const run = await farm.run()
      expect(run).toMatchObject({ outcome: 'failed', guests: [{ outcome: 'failed' }] })
      expect(run.guests[0]?.actions.find(({ action }) => action === 'init')).toMatchObject({
        status: 'failed',
        error: { code },
      })
      expect(run.guests[0]?.actions.find(({ action }) => action === 'main')).toMatchObject({
        status: 'skipped',
        because: 'init failed',
      })
      expect(journalOf(world)).toEqual(['web dependencies', 'web terminate'])
      expect(world.vms['web']?.state).toBe('stopped')
      expect(world.vms['web']?.snapshots.map(({ name }) => name.split('.').at(-1))).toEqual([
        'clean',
        'dependencies',
      ])
    },
  )

  it('G1: a terminate that fails makes the guest fail, and it is shut down', async () => {
    const world = createFakeWorld()
    const run = await openFarm(
      farmSpec([guestSpec('web', { terminate: 'fail' })]),
      world,
      createFakeSeam(),
    ).run()
    expect(run.guests[0]?.outcome).toBe('failed')
    expect(done(run.guests[0]).slice(-2)).toEqual(['terminate failed', 'shutdown'])
  })

  it('G1: a guest that ignores to be shut down is asked as often as the spec says, then powered off', async () => {
    const world = createFakeWorld()
    world.guests['web'] = { shutdownMs: undefined }
    const guest = guestSpec(
      'web',
      { main: 'main' },
      { memory: 'require', shutdown: { attempts: 3, delayMs: 7_000 } },
    )
    const run = await openFarm(farmSpec([guest]), world, createFakeSeam()).run()
    const shutdown = run.guests[0]?.actions.find(({ action }) => action === 'shutdown')
    expect(shutdown).toMatchObject({
      status: 'passed',
      durationMs: 21_000,
      because: 'powered off: it was asked 3 times to shut down',
    })
    expect(world.vms['web']?.state).toBe('stopped')
  })

  it('G1: it is kept running where that is asked for, and ended nevertheless', async () => {
    const world = createFakeWorld()
    await openFarm(farmSpec([guestSpec('web', all)]), world, createFakeSeam()).run({ keepRunning: true })
    expect(journalOf(world).at(-1)).toBe('web terminate')
    expect(world.vms['web']).toMatchObject({ state: 'running' })
    expect(world.vms['web']?.mark?.run).toBeUndefined()
  })

  it('G1: a guest that does not get through its first boot fails, and is not left running', async () => {
    const world = createFakeWorld()
    world.guests['web'] = { leaseAfterMs: undefined, agentAfterMs: undefined, address: undefined }
    const run = await openFarm(farmSpec([guestSpec('web', all)]), world, createFakeSeam()).run()
    expect(done(run.guests[0])).toEqual(['create failed', 'shutdown'])
    expect(world.vms['web']?.state).toBe('stopped')
  })

  it('G10: what became of the guests is told also when it cannot be written down', async () => {
    const world = createFakeWorld()
    const seam = createFakeSeam()
    const full = new ProvisionError('results.unwritable', { message: 'The disk is full.' })
    const services = farmServices({ [world.host]: world }, seam)
    const openResults = async (progress: Progress) => ({
      ...(await services.openResults(progress)),
      finish: () => Promise.reject(full),
    })
    const farm = openFarm(farmSpec([guestSpec('web', all)]), world, seam, { services: { openResults } })
    const run = await farm.run()
    expect(run.guests).toMatchObject([{ name: 'web', outcome: 'passed' }])
    expect(farm.events.at(-1)).toMatchObject({ kind: 'run-finished', outcome: 'done' })
    expect(farm.unwritten).toEqual([full])
  })

  it('G1: a machine of somebody else is left alone', async () => {
    const world = createFakeWorld()
    world.vms['web'] = createFakeVm('web', { state: 'running' })
    const before = structuredClone(world.vms)
    const run = await openFarm(farmSpec([guestSpec('web', all)]), world, createFakeSeam()).run()
    expect(run.guests[0]?.actions[0]).toMatchObject({ status: 'failed', error: { code: 'vm.foreign' } })
    expect(world.vms).toEqual(before)
  })

  it('G1: a cancellation ends the phase, and terminate and shutdown still come', async () => {
    const world = createFakeWorld()
    const seam = createFakeSeam()
    const controller = new AbortController()
    const farm = openFarm(farmSpec([guestSpec('web', { ...all, main: 'hang' })]), world, seam, {
      signal: controller.signal,
    })
    const running = farm.run()
    void seam.sleep(600_000).then(() => controller.abort(new Error('cancelled')))
    const run = await running
    expect(run).toMatchObject({ outcome: 'cancelled', guests: [{ outcome: 'cancelled' }] })
    expect(done(run.guests[0]).slice(-3)).toEqual(['main cancelled', 'terminate', 'shutdown'])
    expect(world.vms['web']?.state).toBe('stopped')
  })
})

describe('G2: the second run', () => {
  async function twice(first: InstanceSpec, second: InstanceSpec, memory: 'with' | 'without' = 'with') {
    const world = createFakeWorld(memory === 'with' ? {} : { whyNoMemory: 'it has none to spare' })
    const seam = createFakeSeam()
    await openFarm(farmSpec([first]), world, seam).run()
    journalOf(world).length = 0
    const run = await openFarm(farmSpec([second]), world, seam).run()
    return { world, guest: run.guests[0], journal: journalOf(world) }
  }

  it('G2: restores init with its memory, steps the clock and runs main only', async () => {
    const { guest, journal } = await twice(guestSpec('web', all), guestSpec('web', all))
    expect(done(guest)).toEqual(
      [
        'restore-init cached',
        'dependencies cached',
        'init cached',
        'connect',
        'clock',
        'main',
        'terminate',
        'shutdown',
      ].toSorted((a, b) => order(guest, a) - order(guest, b)),
    )
    expect(journal).toEqual(['web clock', 'web main', 'web terminate'])
  })

  it('G2: starts it where the snapshot has no memory, and says so in the first run', async () => {
    const { guest, journal } = await twice(guestSpec('web', all), guestSpec('web', all), 'without')
    expect(done(guest)).toContain('startup')
    expect(done(guest)).not.toContain('clock')
    expect(journal).toEqual(['web main', 'web terminate'])
  })

  it('G2: finds a restored guest where it was, although its lease is over', async () => {
    const world = createFakeWorld()
    const seam = createFakeSeam()
    const spec = farmSpec([guestSpec('web', all)])
    await openFarm(spec, world, seam).run()
    const kept = world.vms['web']?.mark?.addresses ?? []
    expect(kept).toHaveLength(1)
    world.guests['web'] = { leaseAfterMs: undefined, agentAfterMs: undefined }
    for (const network of Object.values(world.networks)) network.assigned = {}
    const seen: string[] = []
    const { connectorOf } = farmServices({ fake: world }, seam)
    const looking: LifecycleServices['connectorOf'] = (context) => ({
      ...connectorOf(context),
      async awaitReachable() {
        seen.push(...context.knownAddresses)
        return undefined
      },
    })
    await openFarm(spec, world, seam, { services: { connectorOf: looking } }).run()
    expect(seen).toEqual(kept)
  })

  it('G2: a change of init repeats init alone', async () => {
    const { guest, journal, world } = await twice(
      guestSpec('web', all),
      guestSpec('web', { ...all, init: 'other' }),
    )
    expect(done(guest)).toContain('restore-dependencies cached')
    expect(journal).toEqual(['web clock', 'web init', 'web main', 'web terminate'])
    expect(rootOf(world, 'web')?.data).toMatch(/\+deps\+other\+main/)
  })

  it('G2: a change of main repeats nothing but main', async () => {
    const { journal } = await twice(guestSpec('web', all), guestSpec('web', { ...all, main: 'other' }))
    expect(journal).toEqual(['web clock', 'web main', 'web terminate'])
  })

  it('G2: a new revision starts again from clean', async () => {
    const revision = (value: string): Partial<LifecycleSpec> => ({ revision: { kind: 'fixed', value } })
    const { guest, world } = await twice(
      guestSpec('web', all, revision('1')),
      guestSpec('web', all, revision('2')),
    )
    expect(done(guest)).toContain('restore-clean cached')
    expect(done(guest)).toContain('dependencies')
    expect(world.vms['web']?.snapshots.map(({ name }) => name).toSorted()).toEqual([
      'clean',
      'lab.1.dependencies',
      'lab.1.init',
      'lab.2.dependencies',
      'lab.2.init',
    ])
  })

  it('G1: other hardware makes a disposable machine anew', async () => {
    const { guest, world } = await twice(
      guestSpec('web', all),
      guestSpec('web', all, {}, { memoryMib: 2048 }),
    )
    expect(guest?.actions.find(({ action }) => action === 'create')?.because).toContain(
      'memory: 1024 MiB → 2048 MiB',
    )
    expect(world.vms['web']?.memoryMib).toBe(2048)
    expect(rootOf(world, 'web')?.data).not.toMatch(/deps.*deps/)
  })

  it('G1: other hardware of one that is not disposable is refused, and nothing is done', async () => {
    const { guest, world, journal } = await twice(
      guestSpec('web', all),
      guestSpec('web', all, {}, { memoryMib: 2048, disposable: false }),
    )
    expect(guest).toMatchObject({ outcome: 'failed' })
    expect(guest?.actions.find(({ error }) => error !== undefined)?.error?.code).toBe('run.not-disposable')
    expect(journal).toEqual([])
    expect(world.vms['web']?.memoryMib).toBe(1024)
  })
})

describe('memory of snapshots', () => {
  it('G2: required where it cannot be had fails before anything is run in the guest', async () => {
    const world = createFakeWorld({ whyNoMemory: 'its disk is raw' })
    const guest = guestSpec('web', all, { memory: 'require' })
    const run = await openFarm(farmSpec([guest]), world, createFakeSeam()).run()
    const error = run.guests[0]?.actions.find((action) => action.error !== undefined)?.error
    expect(error).toMatchObject({ code: 'snapshot.unsupported' })
    expect(error?.message).toContain('its disk is raw')
    expect(journalOf(world)).toEqual([])
  })

  it('G2: falls back where it may, and the report says why', async () => {
    const world = createFakeWorld({ whyNoMemory: 'its disk is raw' })
    const run = await openFarm(farmSpec([guestSpec('web', all)]), world, createFakeSeam()).run()
    const created = run.guests[0]?.actions.find(({ action }) => action === 'create-init')
    expect(created?.because).toContain('without memory: its disk is raw')
  })
})

describe('G6: only what is allowed is done', () => {
  test.each<[string, readonly LifecycleAction[], readonly string[]]>([
    ['main alone, on a machine that is up', ['main'], ['web main']],
    ['nothing but startup and shutdown', ['startup', 'shutdown'], []],
    ['no main', without('main'), ['web dependencies', 'web init', 'web terminate']],
    ['no init', without('init'), ['web dependencies', 'web main', 'web terminate']],
    ['no dependencies', without('dependencies'), ['web init', 'web main', 'web terminate']],
    ['no terminate', without('terminate'), ['web dependencies', 'web init', 'web main']],
  ])('G6: %s', async (_title, allowed, wanted) => {
    const world = createFakeWorld()
    const run = await openFarm(farmSpec([guestSpec('web', all, { allowed })]), world, createFakeSeam()).run()
    expect(run.outcome).toBe('passed')
    expect(journalOf(world)).toEqual(wanted)
    const left = run.guests[0]?.actions.filter(({ because }) => because === 'not allowed') ?? []
    expect(left.map(({ action }) => action).toSorted()).toEqual(
      lifecycleActions.filter((action) => !allowed.includes(action)).toSorted(),
    )
  })

  it('G6: without create-init and create-clean nothing is kept', async () => {
    const world = createFakeWorld()
    const guest = guestSpec('web', all, { allowed: without('create-clean', 'create-init') })
    await openFarm(farmSpec([guest]), world, createFakeSeam()).run()
    expect(world.vms['web']?.snapshots).toEqual([])
  })

  it('G6: without restore-init the phases run again from clean', async () => {
    const world = createFakeWorld()
    const seam = createFakeSeam()
    await openFarm(farmSpec([guestSpec('web', all)]), world, seam).run()
    const guest = guestSpec('web', all, { allowed: without('restore-init') })
    const run = await openFarm(farmSpec([guest]), world, seam).run()
    expect(done(run.guests[0])).toContain('restore-clean cached')
    expect(done(run.guests[0])).toContain('init')
  })

  it('G6: a phase in a machine that is off and may not be started is refused', async () => {
    const world = createFakeWorld()
    const seam = createFakeSeam()
    await openFarm(farmSpec([guestSpec('web', {})]), world, seam).run()
    const guest = guestSpec('web', { main: 'main' }, { allowed: ['main'] })
    const run = await openFarm(farmSpec([guest]), world, seam).run()
    expect(run.guests[0]?.actions.find(({ error }) => error !== undefined)?.error?.code).toBe('guest.stopped')
    expect(journalOf(world)).toEqual([])
  })
})

const order = (guest: Parameters<typeof done>[0], text: string): number =>
  guest?.actions.findIndex(({ action }) => action === text.split(' ')[0]) ?? -1
