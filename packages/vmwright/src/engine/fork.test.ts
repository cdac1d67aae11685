import { expect, it } from 'vitest'
import { census } from '../hypervisor/fake/census.ts'
import { createFakeWorld, readyGuest, type FakeWorld } from '../hypervisor/fake/world.ts'
import type { GuestNetwork } from '../guest/network.ts'
import { ProvisionError } from '../lib/errors.ts'
import { Progress } from '../lib/progress.ts'
import type { Seam } from '../lib/seam.ts'
import { createFakeSeam } from '../lib/testing/fake-seam.ts'
import { instanceSpec, resolvedSpec } from '../testing/specs.ts'
import { forkMachines } from './fork.ts'
import { listForks, removeForks } from './fork-remove.ts'
import { openBench, servicesFor } from './testing.ts'
import { killEverywhere } from './testing/kills.ts'

const usual = instanceSpec('web')
const [nic] = usual.interfaces
const spec = resolvedSpec([
  instanceSpec('web', { interfaces: [{ ...nic, dhcp4: true, addresses: [] }], snapshot: undefined }),
])
const [web] = spec.instances as readonly [typeof usual]

/** Whoever asks finds the right host key. */
const network: GuestNetwork = {
  tryPort: async () => 'open',
  connectSsh: async () => ({ kind: 'verified' }),
}

async function booted(): Promise<FakeWorld> {
  const world = createFakeWorld()
  expect((await openBench(spec, world, createFakeSeam()).apply()).outcome).toBe('done')
  return world
}

const fork = (world: FakeWorld, seam: Seam, count: number, pattern?: string) =>
  forkMachines(new Progress(seam, {}), {
    spec,
    instance: web,
    services: servicesFor(world),
    count,
    pattern,
    snapshot: undefined,
    holder: 'test',
    lockTimeoutMs: 1_000,
    network,
  })

const remove = (world: FakeWorld, seam: Seam = createFakeSeam({ seed: 3 })) =>
  removeForks(new Progress(seam, {}), {
    spec,
    services: servicesFor(world),
    names: [],
    holder: 'test',
    lockTimeoutMs: 1_000,
    confirm: async () => true,
  })

const codeOf = (error: unknown): string => (error instanceof ProvisionError ? error.code : String(error))

it('X9: forks differ from each other and from their original in all that makes a machine one', async () => {
  const world = await booted()
  const { forks, failures } = await fork(world, createFakeSeam({ seed: 2 }), 3)
  expect([...failures]).toEqual([])
  expect(forks.map(({ name }) => name)).toEqual(['web-fork-1', 'web-fork-2', 'web-fork-3'])
  const vms = Object.values(world.vms)
  expect(vms.map(({ state }) => state)).toEqual(['running', 'running', 'running', 'running'])
  for (const of of [
    vms.map(({ id }) => id),
    vms.flatMap(({ interfaces }) => interfaces.map(({ mac }) => mac)),
    vms.flatMap(({ mark }) => mark?.hostKeys ?? []),
    vms.map(({ mark }) => mark?.seed.instanceId),
    vms.flatMap(({ disks }) => disks.map(({ path }) => path)),
    forks.map(({ address }) => address),
    forks.map(({ machineId }) => machineId),
  ])
    expect(new Set(of).size).toBe(of.length)
  expect(vms.map(({ mark }) => mark?.stage)).toEqual(Array.from({ length: 4 }, () => 'provisioned'))
})

it('X9: further forks count on from those that there are, and a pattern names them otherwise', async () => {
  const world = await booted()
  await fork(world, createFakeSeam({ seed: 2 }), 1)
  const { forks } = await fork(world, createFakeSeam({ seed: 3 }), 1)
  expect(forks.map(({ name }) => name)).toEqual(['web-fork-2'])
  const named = await fork(world, createFakeSeam({ seed: 4 }), 2, 'test-{n}')
  expect(named.forks.map(({ name }) => name)).toEqual(['test-1', 'test-2'])
})

it('X9: a fork that does not take its identity is removed, and the others stay', async () => {
  const world = await booted()
  world.guests['web-fork-2'] = {
    agentReplies: {
      ...readyGuest.agentReplies,
      'guest-exec-status': {
        exited: true,
        exitcode: 1,
        'err-data': Buffer.from('read-only').toString('base64'),
      },
    },
  }
  const { forks, failures } = await fork(world, createFakeSeam({ seed: 2 }), 3)
  expect(forks.map(({ name }) => name)).toEqual(['web-fork-1', 'web-fork-3'])
  expect([...failures].map(([name, error]) => [name, codeOf(error)])).toEqual([['web-fork-2', 'fork.failed']])
  expect(Object.keys(world.vms)).toEqual(['web', 'web-fork-1', 'web-fork-3'])
  expect(census(world).some((line) => line.includes('web-fork-2'))).toBe(false)
})

it.each([
  [
    'a machine that is off',
    (world: FakeWorld) => void (world.vms['web']!.state = 'stopped'),
    'guest.stopped',
  ],
  ['a machine that is not there', (world: FakeWorld) => void delete world.vms['web'], 'vm.not-found'],
  ['a host without memory', (world: FakeWorld) => void (world.memoryMib = 100), 'host.no-room'],
])('X9: %s is not forked, and nothing is done', async (_what, spoil, code) => {
  const world = await booted()
  spoil(world)
  const before = census(world)
  await expect(fork(world, createFakeSeam({ seed: 2 }), 1)).rejects.toMatchObject({ code })
  expect(census(world)).toEqual(before)
})

it('X9: removing the forks leaves the host as it was, source and all', async () => {
  const world = await booted()
  const before = census(world)
  await fork(world, createFakeSeam({ seed: 2 }), 2)
  await remove(world)
  expect(census(world)).toEqual(before)
})

it('X9: killed around every effect, the next fork works and all can be removed', async () => {
  const start = await booted()
  const before = census(start)
  const kills = await killEverywhere(
    start,
    (world, seam) => fork(world, seam, 2),
    async (world) => {
      const { forks, failures } = await fork(world, createFakeSeam({ seed: 9 }), 2)
      expect([...failures]).toEqual([])
      expect(forks).toHaveLength(2)
      const progress = new Progress(createFakeSeam({ seed: 5 }), {})
      const listed = await listForks(progress, { spec, services: servicesFor(world) })
      expect(listed.forks.every(({ complete }) => complete)).toBe(true)
      expect(world.vms['web']?.state).toBe('running')
      await remove(world)
      expect(census(world)).toEqual(before)
    },
  )
  expect(kills).toBeGreaterThan(20)
})
