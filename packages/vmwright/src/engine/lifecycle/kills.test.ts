import { describe, expect, it, test } from 'vitest'
import { createFakeWorld, type FakeWorld } from '../../hypervisor/fake/world.ts'
import { createFakeSeam, type FakeSeam } from '../../lib/testing/fake-seam.ts'
import { readNote } from '../../snapshots/note.ts'
import { killEverywhere } from '../testing/kills.ts'
import { done, farmSpec, guestSpec, journalOf, openFarm, rootOf } from './testing.ts'

const phases = { dependencies: 'deps', init: 'init', main: 'main', terminate: 'bye' }
const spec = farmSpec([guestSpec('web', phases)])

const runIn = (world: FakeWorld, seam: FakeSeam = createFakeSeam({ seed: 9 })) =>
  openFarm(spec, world, seam).run()

/** What is there afterwards, without what is new with each machine. */
const stateOf = (world: FakeWorld) => {
  const vm = world.vms['web']
  return {
    state: vm?.state,
    run: vm?.mark?.run,
    used: vm?.mark?.used,
    disk: rootOf(world, 'web')?.data.replace(/^.*?(?=\+deps)/, ''),
    snapshots: vm?.snapshots.map(({ name, note, memory }) => ({
      name,
      layer: readNote(note)?.layer,
      whole: memory === undefined || memory.complete,
    })),
  }
}

/** Each `terminate` ends what is before it; nothing of a run comes after the end of the one before. */
function expectEndedFirst(before: readonly string[], after: readonly string[], wasUp: boolean): void {
  const added = after.slice(before.length)
  const hadBegun = before.length > 0 && before.at(-1) !== 'web terminate'
  if (hadBegun && wasUp) expect(added[0]).toBe('web terminate')
}

/** Kills a run around every effect and runs again; tells how often. */
async function killRuns(start: FakeWorld): Promise<number> {
  const whole = structuredClone(start)
  await runIn(whole)
  const wanted = stateOf(whole)
  return killEverywhere(start, runIn, async (killed) => {
    const before = [...journalOf(killed)]
    const wasUp = killed.vms['web']?.state === 'running' && killed.vms['web'].mark?.run !== undefined
    const run = await runIn(killed)
    expect(run.guests[0]?.actions.flatMap(({ error }) => error ?? [])).toEqual([])
    expectEndedFirst(before, journalOf(killed), wasUp)
    expect(stateOf(killed)).toEqual(wanted)
  })
}

describe('a run that is killed around every effect is ended by the next, which gets to the same', () => {
  it('G1: when the machine is made', async () => {
    expect(await killRuns(createFakeWorld())).toBeGreaterThan(50)
  })

  test.each([
    ['with memory', {}],
    ['without memory', { whyNoMemory: 'it has none to spare' }],
  ])('G1: when its layers are made, %s', async (_title, overrides) => {
    const start = createFakeWorld(overrides)
    const bare = farmSpec([guestSpec('web', phases, { allowed: ['startup', 'shutdown'] })])
    await openFarm(bare, start, createFakeSeam()).run()
    expect(await killRuns(start)).toBeGreaterThan(40)
  })

  test.each([
    ['with memory', {}],
    ['without memory', { whyNoMemory: 'it has none to spare' }],
  ])('G1: when it comes from its cache, %s', async (_title, overrides) => {
    const start = createFakeWorld(overrides)
    await runIn(start)
    journalOf(start).length = 0
    expect(await killRuns(start)).toBeGreaterThan(10)
  })
})

describe('two runs on one guest', () => {
  it('G1: the second fails with run.busy and touches nothing', async () => {
    const world = createFakeWorld()
    const seam = createFakeSeam()
    const [first, second] = await Promise.all([runIn(world, seam), runIn(world, seam)])
    expect([first.outcome, second.outcome].toSorted()).toEqual(['failed', 'passed'])
    const refused = first.outcome === 'failed' ? first : second
    const error = refused.guests[0]?.actions.find((action) => action.error !== undefined)?.error
    expect(error).toMatchObject({ code: 'run.busy', details: { instance: 'web', holder: 'another test' } })
    expect(done(refused.guests[0])).toEqual(['prepare failed'])
    expect(journalOf(world).filter((line) => line === 'web main')).toHaveLength(1)
  })
})
