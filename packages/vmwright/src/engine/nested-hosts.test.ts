import { describe, expect, it } from 'vitest'
import { openFakeHost } from '../hypervisor/fake/fake-host.ts'
import { createFakeVm, createFakeWorld } from '../hypervisor/fake/world.ts'
import { ProvisionError } from '../lib/errors.ts'
import { Progress } from '../lib/progress.ts'
import { createFakeSeam } from '../lib/testing/fake-seam.ts'
import { hostSpec, instanceSpec, resolvedSpec } from '../testing/specs.ts'
import { apply, destroy, type OperationOptions, status } from './operations.ts'
import { plainRequest } from '../plan/plain-request.ts'
import { servicesFor } from './testing.ts'
import { verifyHosts } from './verify.ts'

const instances = [
  instanceSpec('outer', { host: 'ground' }),
  instanceSpec('inner', { host: 'nest' }),
  instanceSpec('innermost', { host: 'nest-in-nest' }),
  instanceSpec('beside', { host: 'ground' }),
]
const spec = resolvedSpec(instances, {
  hosts: [
    hostSpec({ name: 'ground' }),
    hostSpec({ name: 'nest', guest: 'outer' }),
    hostSpec({ name: 'nest-in-nest', guest: 'inner' }),
  ],
})

/** A host with two machines, of which one is a host that does not answer. */
async function openNest() {
  const ground = createFakeWorld({ host: 'ground' })
  const seam = createFakeSeam()
  const services: OperationOptions['services'] = {
    ...servicesFor(ground),
    async openHost(_progress, { name }) {
      if (name === 'ground') return openFakeHost(ground, seam)
      throw new ProvisionError('host.unreachable', { message: `${name} does not answer.` })
    },
  }
  const on = (...names: readonly string[]): OperationOptions => ({
    spec,
    instances: names.length === 0 ? instances : instances.filter(({ name }) => names.includes(name)),
    services,
    onEvent: () => {},
    holder: 'test',
    lockTimeoutMs: 60_000,
    confirm: async () => true,
  })
  const progress = new Progress(seam)
  await apply(progress, on('outer', 'beside'), plainRequest)
  const { outer } = ground.vms
  if (outer === undefined) throw new Error('There is no outer machine.')
  return {
    ground,
    outer,
    states: async (...names: readonly string[]) =>
      (await status(progress, on(...names))).map((each) => [
        each.name,
        each.state,
        each.offWith,
        each.problem,
      ]),
    destroy: async (disks: 'keep' | 'delete', ...names: readonly string[]) => {
      const result = await destroy(progress, on(...names), { disks, adopt: new Set() })
      return {
        outcome: result.outcome,
        changes: result.plan.changes.map(({ instance, action, reason }) => [instance, action, reason]),
        warnings: result.plan.findings.length,
        states: result.instances.map(({ name, state }) => [name, state]),
      }
    },
    verdicts: () => verifyHosts(progress, { spec, services }),
  }
}

const off = (name: string, host: string, guest: string) => [
  name,
  'unknown',
  guest,
  `its host ${host} is the guest ${guest}, which is off`,
]

describe('G9: a host that is a guest and does not answer', () => {
  it('is off when that guest is, and so are those inside, also where only these are asked for', async () => {
    const { outer, states } = await openNest()
    outer.state = 'stopped'
    const inside = [off('inner', 'nest', 'outer'), off('innermost', 'nest-in-nest', 'inner')]
    expect(await states()).toEqual([
      ['outer', 'stopped', undefined, undefined],
      ...inside,
      ['beside', 'running', undefined, undefined],
    ])
    expect(await states('inner', 'innermost')).toEqual(inside)
  })

  it('is a failure when that guest runs', async () => {
    const { states } = await openNest()
    expect(await states('inner')).toEqual([
      ['inner', 'unknown', undefined, 'its host nest cannot be reached (nest does not answer.)'],
    ])
  })

  it('has nothing on it when that guest does not exist', async () => {
    const { ground, states, destroy: remove } = await openNest()
    delete ground.vms['outer']
    expect(await states('inner', 'innermost')).toEqual([
      ['inner', 'absent', undefined, undefined],
      ['innermost', 'absent', undefined, undefined],
    ])
    expect(await remove('delete', 'inner', 'innermost')).toMatchObject({ outcome: 'unchanged', warnings: 0 })
  })

  it.each(['running', 'stopped'] as const)('goes with that guest and its disks, %s or not', async (state) => {
    const { ground, outer, destroy: remove } = await openNest()
    outer.state = state
    expect(await remove('delete')).toEqual({
      outcome: 'done',
      changes: [
        ['outer', 'destroy', 'with its disks, with inner, innermost inside of it'],
        ['inner', 'destroy', 'with outer, inside of which it is'],
        ['innermost', 'destroy', 'with outer, inside of which it is'],
        ['beside', 'destroy', 'with its disks'],
      ],
      warnings: 0,
      states: instances.map(({ name }) => [name, 'absent']),
    })
    expect(Object.keys(ground.vms)).toEqual([])
    expect(await remove('delete')).toMatchObject({ outcome: 'unchanged' })
  })

  it('stays on the disk of that guest when this stays', async () => {
    const { destroy: remove } = await openNest()
    expect(await remove('keep', 'outer', 'inner')).toMatchObject({
      outcome: 'done',
      changes: [
        ['outer', 'destroy', 'its disks stay, with inner, innermost inside of it'],
        ['inner', 'none', 'it stays on the disk of outer'],
      ],
    })
  })

  it('cannot have what is on it removed alone while that guest is off', async () => {
    const { ground, outer, destroy: remove } = await openNest()
    outer.state = 'stopped'
    expect(await remove('delete', 'inner', 'beside')).toMatchObject({
      outcome: 'failed',
      changes: [
        ['inner', 'blocked', 'its host nest is the guest outer, which is off'],
        ['beside', 'destroy', 'with its disks'],
      ],
    })
    expect(Object.keys(ground.vms)).toEqual(['outer'])
  })

  it('that belongs to somebody else is not removed with what is on it', async () => {
    const { ground, destroy: remove } = await openNest()
    ground.vms['outer'] = createFakeVm('outer')
    expect(await remove('delete', 'outer', 'inner')).toMatchObject({
      outcome: 'failed',
      changes: [
        ['outer', 'keep-foreign', expect.stringContaining('was not made by vmwright')],
        ['inner', 'blocked', expect.any(String)],
      ],
    })
  })

  it('is not known to be as before, which is no failure', async () => {
    const { verdicts } = await openNest()
    expect(await verdicts()).toMatchObject([
      { host: 'ground' },
      { host: 'nest', verdict: 'not-known', reason: 'it is the guest outer, which does not answer' },
      { host: 'nest-in-nest', verdict: 'not-known' },
    ])
  })
})
