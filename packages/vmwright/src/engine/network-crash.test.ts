import { describe, expect, it } from 'vitest'
import { stopNetwork, undefineNetwork } from '../hypervisor/fake/network-daemon.ts'
import { createFakeVm, createFakeWorld, type FakeWorld } from '../hypervisor/fake/world.ts'
import { createFakeSeam } from '../lib/testing/fake-seam.ts'
import type { InstanceSpec, ResolvedSpec } from '../spec/resolved.ts'
import { instanceSpec, ownNetwork, resolvedSpec } from '../testing/specs.ts'
import { censusWithoutRecord, openBench } from './testing.ts'
import { killEverywhere } from './testing/kills.ts'

const forwarding = { outside: 'eth0', masquerade: true, to: [], from: ['192.0.2.0/24'] }
const range = { from: '10.10.0.100', to: '10.10.0.200' }
const lan = ownNetwork('lan', {
  ipv4: { address: '10.10.0.1', prefix: 24, dhcp: range },
  forwarding,
})

function onLan(name: string, lease: string): InstanceSpec {
  const base = instanceSpec(name)
  return { ...base, interfaces: [{ ...base.interfaces[0], network: 'lan', leases: [lease] }] }
}

const cluster = (...instances: readonly InstanceSpec[]): ResolvedSpec =>
  resolvedSpec(instances, { networks: [lan] })

const spec = cluster(onLan('web-1', '10.10.0.11'), onLan('web-2', '10.10.0.12'))

const others = resolvedSpec(
  [{ ...instanceSpec('db-1'), interfaces: [{ ...instanceSpec('db-1').interfaces[0], network: 'back' }] }],
  {
    project: 'other',
    networks: [
      {
        ...ownNetwork('back', { forwarding, ipv4: { address: '10.20.0.1', prefix: 24, dhcp: undefined } }),
        name: 'other-back',
      },
    ],
  },
)

/** A host that another cluster uses too. */
async function sharedWorld(): Promise<FakeWorld> {
  const world = createFakeWorld()
  await openBench(others, world, createFakeSeam()).apply()
  return world
}

const withoutIds = (lines: readonly string[]): readonly string[] =>
  lines.map((line) => line.replaceAll(/iid-\w+/g, 'iid'))

async function converge(world: FakeWorld, wanted = spec): Promise<void> {
  const result = await openBench(wanted, world, createFakeSeam()).apply()
  expect(result.run?.errors ?? new Map()).toEqual(new Map())
  const again = await openBench(wanted, world, createFakeSeam()).plan()
  expect([again.steps, again.resources, again.findings]).toEqual([[], [], []])
  expect(Object.values(world.vms).flatMap(({ detached }) => detached)).toEqual([])
}

async function removeAll(world: FakeWorld): Promise<void> {
  const result = await openBench(spec, world, createFakeSeam()).destroy()
  expect(result.run?.errors ?? new Map()).toEqual(new Map())
  const again = await openBench(spec, world, createFakeSeam()).destroy()
  expect([again.plan.steps, again.plan.resources]).toEqual([[], []])
}

describe('X4, K4, K6: a cluster with its own network and rules, killed at any moment', () => {
  it('X4, K4, K6: an apply killed around every effect converges beside another cluster', async () => {
    const start = await sharedWorld()
    const clean = structuredClone(start)
    await converge(clean)
    expect(Object.keys(clean.system.rules).toSorted()).toEqual(['lab/lab-lan', 'other/other-back'])
    const kills = await killEverywhere(
      start,
      (world, seam) => openBench(spec, world, seam).apply(),
      async (world) => {
        await converge(world)
        expect(withoutIds(censusWithoutRecord(world))).toEqual(withoutIds(censusWithoutRecord(clean)))
      },
    )
    expect(kills).toBeGreaterThan(50)
  })

  it('X4, K11: a destroy killed around every effect leaves the host as it was, and the other cluster alone', async () => {
    const start = await sharedWorld()
    const before = censusWithoutRecord(start)
    await converge(start)
    const kills = await killEverywhere(
      start,
      (world, seam) => openBench(spec, world, seam).destroy(),
      async (world) => {
        await removeAll(world)
        expect(censusWithoutRecord(world)).toEqual(before)
      },
    )
    expect(kills).toBeGreaterThan(25)
  })

  it('X4, K11: a destroy after an apply that was killed anywhere leaves the host as it was', async () => {
    const start = await sharedWorld()
    const before = censusWithoutRecord(start).filter((line) => !line.includes('vmwright-images'))
    await killEverywhere(
      start,
      (world, seam) => openBench(spec, world, seam).apply(),
      async (world) => {
        await removeAll(world)
        expect(censusWithoutRecord(world).filter((line) => !line.includes('vmwright-images'))).toEqual(before)
      },
    )
  })

  it('X4, K4: a restart of the network killed around every effect is finished, and nobody is left without', async () => {
    const start = await sharedWorld()
    await converge(start)
    const changed = {
      ...spec,
      networks: [{ ...lan, own: { ...lan.own!, domain: 'new.example', records: [] } }],
    }
    const asked = { restartNetworks: new Set(['lan']) }
    const kills = await killEverywhere(
      start,
      (world, seam) => openBench(changed, world, seam).apply(asked),
      async (world) => {
        const result = await openBench(changed, world, createFakeSeam()).apply(asked)
        expect(result.run?.errors ?? new Map()).toEqual(new Map())
        await converge(world, changed)
        expect(world.networks['lab-lan']?.running?.domain).toBe('new.example')
      },
    )
    expect(kills).toBeGreaterThan(7)
  })

  it('X4: an apply whose every effect in turn happened but looked like a time-out converges', async () => {
    const start = await sharedWorld()
    for (let ordinal = 1; ; ordinal++) {
      const world = structuredClone(start)
      const seam = createFakeSeam()
      seam.timeoutAfterAt(ordinal)
      await openBench(spec, world, seam).apply()
      if (seam.mutations.length < ordinal) break
      await converge(world)
    }
  })
})

describe('bad days of a network', () => {
  async function running(): Promise<FakeWorld> {
    const world = await sharedWorld()
    await converge(world)
    return world
  }

  it('K4: destroyed behind our back while guests run, it is started and the guests are attached again', async () => {
    const world = await running()
    stopNetwork(world, 'lab-lan')
    expect(world.vms['web-1']?.detached).not.toEqual([])
    const { steps, resources } = await openBench(spec, world, createFakeSeam()).plan()
    expect(steps.map(({ title }) => title)).toEqual([
      'start network lab-lan',
      'attach web-1 to lab-lan again',
      'attach web-2 to lab-lan again',
    ])
    expect(resources.map(({ kind, name, action }) => [kind, name, action])).toEqual([
      ['network', 'lab-lan', 'start'],
    ])
    await converge(world)
    expect(world.vms['web-1']?.state).toBe('running')
  })

  it('K4: removed behind our back while guests run, it is made again with the same definition', async () => {
    const world = await running()
    const before = world.networks['lab-lan']?.definition
    stopNetwork(world, 'lab-lan')
    undefineNetwork(world, 'lab-lan')
    await converge(world)
    expect(world.networks['lab-lan']?.definition).toEqual(before)
  })

  it("K4: started again by somebody else, only the guests are attached, also a stranger's", async () => {
    const world = await running()
    const { mac } = instanceSpec('guest').interfaces[0]
    world.vms['guest'] = createFakeVm('guest', {
      state: 'running',
      interfaces: [{ mac, network: 'lab-lan' }],
      detached: [mac],
    })
    const { steps } = await openBench(spec, world, createFakeSeam()).plan()
    expect(steps.map(({ kind, title }) => [kind, title])).toEqual([
      ['reattach-vm', 'attach guest to lab-lan again'],
    ])
    await converge(world)
  })

  it('K6: after a restart of the host, rules that did not come back are applied, and machines started', async () => {
    const world = await running()
    for (const vm of Object.values(world.vms)) vm.state = 'stopped'
    const rules = world.system.rules['lab/lab-lan']
    if (rules !== undefined) rules.active = false
    const { plan } = await openBench(spec, world, createFakeSeam()).apply()
    expect(plan.resources.map(({ kind, reason }) => [kind, reason])).toEqual([
      ['rules', 'they are not in force'],
    ])
    const ruleStep = plan.steps.find(({ kind }) => kind === 'apply-rules')?.id
    const starts = plan.steps.filter(({ kind }) => kind === 'start-vm')
    expect(starts.map(({ after }) => after)).toEqual([[ruleStep], [ruleStep]])
    await converge(world)
  })

  it('K4: after a restart of the host with a network that does not start by itself, it is started', async () => {
    const world = await running()
    for (const vm of Object.values(world.vms)) vm.state = 'stopped'
    stopNetwork(world, 'lab-lan')
    await converge(world)
    expect(world.networks['lab-lan']?.active).toBe(true)
  })

  it('K11: of two clusters on a host, the removal of one leaves the other serving', async () => {
    const world = await running()
    await removeAll(world)
    expect(Object.keys(world.networks).toSorted()).toEqual(['default', 'other-back'])
    expect(Object.keys(world.system.rules)).toEqual(['other/other-back'])
    expect(world.networks['other-back']?.active).toBe(true)
    expect(world.vms['db-1']).toMatchObject({ state: 'running', detached: [] })
    await converge(world, others)
  })
})
