import { describe, expect, it, test } from 'vitest'
import { createFakeWorld } from '../../hypervisor/fake/world.ts'
import { createFakeSeam } from '../../lib/testing/fake-seam.ts'
import { noBudget, type RunBudget } from '../../spec/resolved-lifecycle.ts'
import { hostSpec } from '../../testing/specs.ts'
import { seatGuests, type Waiting } from './room.ts'
import { done, farmSpec, guestSpec, journalOf, openFarm } from './testing.ts'

const names = ['a', 'b', 'c', 'd'] as const
const main = { main: 'main' }

/** The most guests that had `main` going on at once, by the times of their actions. */
function mostAtOnce(guests: Awaited<ReturnType<ReturnType<typeof openFarm>['run']>>['guests']): number {
  const spans = guests.map(({ actions }) => {
    const work = actions.filter(({ action, status }) => action !== 'queue' && status === 'passed')
    return [
      Math.min(...work.map(({ startedAtMs }) => startedAtMs)),
      Math.max(...work.map(({ startedAtMs, durationMs }) => startedAtMs + durationMs)),
    ] as const
  })
  return Math.max(
    ...spans.map(([from]) => spans.filter(([start, end]) => start <= from && from < end).length),
  )
}

describe('G7: guests run side by side', () => {
  test.each<[string, Partial<RunBudget>, number | undefined, number]>([
    ['all at once where there is room', {}, undefined, 4],
    ['as many as the budget has guests', { guests: 2 }, undefined, 2],
    ['as many as --parallel says', {}, 3, 3],
    ['as many as the budget has memory for', { memoryMib: 2500 }, undefined, 2],
    ['as many as the budget has vCPUs for', { vcpus: 7 }, undefined, 3],
  ])('G7: %s', async (_title, budget, parallel, wanted) => {
    const world = createFakeWorld({ cpus: 64 })
    const spec = farmSpec(
      names.map((name) => guestSpec(name, main)),
      { budget: { ...noBudget, ...budget } },
    )
    const run = await openFarm(spec, world, createFakeSeam()).run({ parallel })
    expect(run.outcome).toBe('passed')
    expect(mostAtOnce(run.guests)).toBe(wanted)
    const queued = run.guests.filter(({ actions }) => actions.some(({ action }) => action === 'queue'))
    expect(queued).toHaveLength(4 - wanted)
  })

  it('G7: what a guest waited for is told with its time', async () => {
    const spec = farmSpec([guestSpec('a', main), guestSpec('b', main)], {
      budget: { ...noBudget, memoryMib: 1500 },
    })
    const run = await openFarm(spec, createFakeWorld(), createFakeSeam()).run()
    const [queue] = run.guests[1]?.actions ?? []
    expect(queue).toMatchObject({
      action: 'queue',
      because: 'fake has 476 MiB of memory for it, and it wants 1024',
    })
    expect(queue?.durationMs).toBeGreaterThan(1000)
  })

  it('G7: a guest that never fits is refused before anything starts', async () => {
    const world = createFakeWorld({ memoryMib: 4096 })
    const spec = farmSpec([guestSpec('a', main), guestSpec('b', main, {}, { memoryMib: 8192 })])
    await expect(openFarm(spec, world, createFakeSeam()).run()).rejects.toMatchObject({
      code: 'run.no-room',
      message: expect.stringContaining('b: fake has 4096 MiB of memory for it, and it wants 8192'),
    })
    expect(world.vms).toEqual({})
  })

  it('G7: a failure of one leaves the others alone, and makes the run fail', async () => {
    const spec = farmSpec([guestSpec('a', { main: 'fail' }), guestSpec('b', main)])
    const run = await openFarm(spec, createFakeWorld(), createFakeSeam()).run()
    expect(run.outcome).toBe('failed')
    expect(run.guests.map(({ outcome }) => outcome)).toEqual(['failed', 'passed'])
  })

  it('G7: --fail-fast ends those that run and starts no others', async () => {
    const world = createFakeWorld()
    const spec = farmSpec([
      guestSpec('a', { main: 'fail', terminate: 'bye' }),
      guestSpec('b', { main: 'hang', terminate: 'bye' }),
      guestSpec('c', main),
    ])
    const run = await openFarm(spec, world, createFakeSeam()).run({ failFast: true, parallel: 2 })
    expect(run.guests.map(({ outcome }) => outcome)).toEqual(['failed', 'cancelled', 'not-run'])
    expect(run.guests[2]?.because).toBe('a failed')
    expect(journalOf(world).toSorted()).toEqual(['a terminate', 'b terminate'])
    expect(world.vms['b']?.state).toBe('stopped')
  })

  it('G7: guests go over all hosts that can run them, those of another architecture where it is emulated', async () => {
    const x86 = createFakeWorld({ host: 'x86', memoryMib: 2048 })
    const arm = createFakeWorld({ host: 'arm', memoryMib: 2048 })
    arm.capabilities = { ...arm.capabilities, architecture: 'aarch64', architectures: ['aarch64'] }
    const anywhere = {
      host: 'x86',
      placement: { hosts: ['x86', 'arm'], by: 'spread', group: 'any' } as never,
    }
    const processor = (architecture: string) => ({ architecture, model: undefined, emulator: undefined })
    const spec = farmSpec(
      [
        guestSpec('a', main, {}, { ...anywhere, processor: processor('aarch64') }),
        guestSpec('b', main, {}, { ...anywhere, processor: processor('x86_64') }),
      ],
      { hosts: [hostSpec({ name: 'x86' }), hostSpec({ name: 'arm' })] },
    )
    const run = await openFarm(spec, x86, createFakeSeam(), { worlds: { x86, arm } }).run()
    expect(run.guests.map(({ name, host, outcome }) => [name, host, outcome])).toEqual([
      ['a', 'arm', 'passed'],
      ['b', 'x86', 'passed'],
    ])
  })

  it('G7: guests of a host that does not answer are not run, the others are', async () => {
    const fake = createFakeWorld()
    const lost = createFakeWorld({ host: 'lost', down: true })
    const spec = farmSpec([guestSpec('a', main), guestSpec('b', main, {}, { host: 'lost' })], {
      hosts: [hostSpec(), hostSpec({ name: 'lost' })],
    })
    const run = await openFarm(spec, fake, createFakeSeam(), { worlds: { fake, lost } }).run()
    expect(run.guests.map(({ outcome }) => outcome)).toEqual(['passed', 'not-run'])
    expect(run.guests[1]?.because).toContain('does not answer')
    expect(run.outcome).toBe('failed')
  })

  it('G7: the same revision on several guests is kept by each alone', async () => {
    const world = createFakeWorld()
    const revision = { kind: 'fixed', value: '7' } as const
    const spec = farmSpec(['a', 'b'].map((name) => guestSpec(name, { init: 'init' }, { revision })))
    await openFarm(spec, world, createFakeSeam()).run()
    for (const name of ['a', 'b'])
      expect(world.vms[name]?.snapshots.map((each) => each.name)).toEqual(['clean', 'lab.7.init'])
  })
})

describe('G7: who is seated first', () => {
  const guest = (name: string, memoryMib: number, overtaken = 0): Waiting => ({
    name,
    memoryMib,
    vcpus: 1,
    counts: true,
    hosts: [{ name: 'h', rank: 0 }],
    overtaken,
  })
  const view = (waiting: readonly Waiting[], taken: number) => ({
    budget: noBudget,
    parallel: undefined,
    hosts: new Map([['h', { freeMib: 1000, cpus: 8 }]]),
    running: taken === 0 ? [] : [{ memoryMib: taken, vcpus: 1, counts: true, host: 'h' }],
    waiting,
  })

  it('G7: the largest first', () => {
    const { starts } = seatGuests(view([guest('small', 300), guest('large', 800)], 0))
    expect(starts).toEqual([{ name: 'large', host: 'h' }])
  })

  it('G7: a smaller one goes before a larger one that has no room, which is noted', () => {
    const { starts, overtaken } = seatGuests(view([guest('small', 300), guest('large', 800)], 500))
    expect(starts).toEqual([{ name: 'small', host: 'h' }])
    expect(overtaken).toEqual(['large'])
  })

  it('G7: but not for ever', () => {
    const { starts, obstacles } = seatGuests(view([guest('small', 300), guest('large', 800, 3)], 500))
    expect(starts).toEqual([])
    expect(obstacles.get('small')).toBe('h is kept free for large')
  })
})

describe('G9: a guest that is a host', () => {
  const nested = () => {
    const outer = createFakeWorld()
    const inner = createFakeWorld({ host: 'inner', memoryMib: 3000 })
    const hosts = [hostSpec(), hostSpec({ name: 'inner', uri: 'qemu+ssh://hv/system', guest: 'hv' })]
    const hv = guestSpec('hv', { main: 'main', terminate: 'bye' }, {}, { memoryMib: 4096 })
    return { outer, inner, hosts, hv, worlds: { fake: outer, inner } }
  }

  it('G9: is run first, also where only its guests are named, and ended when the last of them is done', async () => {
    const { outer, inner, hosts, hv, worlds } = nested()
    const guests = ['a', 'b'].map((name) => guestSpec(name, main, {}, { host: 'inner' }))
    const spec = farmSpec([...guests, hv], { hosts, budget: { ...noBudget, guests: 1 } })
    const run = await openFarm(spec, outer, createFakeSeam(), { worlds }).run({ instances: guests })
    expect(run.guests.map(({ name, outcome }) => [name, outcome])).toEqual([
      ['a', 'passed'],
      ['b', 'passed'],
      ['hv', 'passed'],
    ])
    const at = (name: string, action: string): number =>
      run.guests.find((each) => each.name === name)?.actions.find((each) => each.action === action)
        ?.startedAtMs ?? Number.NaN
    expect(at('a', 'create')).toBeGreaterThan(at('hv', 'main'))
    expect(at('hv', 'terminate')).toBeGreaterThan(Math.max(at('a', 'shutdown'), at('b', 'shutdown')))
    expect(Object.keys(inner.vms).toSorted()).toEqual(['a', 'b'])
    expect(outer.vms['hv']?.state).toBe('stopped')
    expect(run.guests[0]?.actions[0]).toMatchObject({ action: 'queue', because: 'hv to be up' })
  })

  it('G9: that fails leaves its guests not run', async () => {
    const { outer, hosts, worlds } = nested()
    const hv = guestSpec('hv', { main: 'fail' }, {}, { memoryMib: 4096 })
    const spec = farmSpec([hv, guestSpec('a', main, {}, { host: 'inner' })], { hosts })
    const run = await openFarm(spec, outer, createFakeSeam(), { worlds }).run()
    expect(run.guests.map(({ outcome }) => outcome)).toEqual(['failed', 'not-run'])
    expect(run.guests[1]?.because).toBe('hv, which it is inside of, is not up')
  })

  it('G9: has no room for a guest as large as itself, which is refused before anything starts', async () => {
    const { outer, hosts, hv, worlds } = nested()
    const spec = farmSpec([hv, guestSpec('a', main, {}, { host: 'inner', memoryMib: 4096 })], { hosts })
    await expect(openFarm(spec, outer, createFakeSeam(), { worlds }).run()).rejects.toMatchObject({
      code: 'run.no-room',
    })
    expect(outer.vms).toEqual({})
  })

  it('G9: of which one guest fails is ended all the same', async () => {
    const { outer, hosts, hv, worlds } = nested()
    const spec = farmSpec([hv, guestSpec('a', { main: 'fail' }, {}, { host: 'inner' })], { hosts })
    const run = await openFarm(spec, outer, createFakeSeam(), { worlds }).run()
    expect(run.guests.map(({ outcome }) => outcome)).toEqual(['passed', 'failed'])
    expect(done(run.guests[0]).slice(-2)).toEqual(['terminate', 'shutdown'])
  })
})
