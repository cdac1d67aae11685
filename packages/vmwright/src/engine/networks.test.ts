import { describe, expect, it } from 'vitest'
import { createFakeVm, createFakeWorld, type FakeWorld } from '../hypervisor/fake/world.ts'
import { createFakeSeam } from '../lib/testing/fake-seam.ts'
import type { Plan } from '../plan/plan.ts'
import type { InstanceSpec, ResolvedSpec } from '../spec/resolved.ts'
import type { OwnNetworkSpec } from '../spec/resolved-places.ts'
import { instanceSpec, ownNetwork, resolvedSpec } from '../testing/specs.ts'
import { openBench } from './testing.ts'

const range = { from: '10.10.0.100', to: '10.10.0.200' }
const own: Partial<OwnNetworkSpec> = { ipv4: { address: '10.10.0.1', prefix: 24, dhcp: range } }
const forwarding = { outside: 'eth0', masquerade: true, to: [], from: [] }

function onLan(name: string, lease: string): InstanceSpec {
  const base = instanceSpec(name)
  return { ...base, interfaces: [{ ...base.interfaces[0], network: 'lan', leases: [lease] }] }
}

const web = [onLan('web-1', '10.10.0.11'), onLan('web-2', '10.10.0.12')] as const
const specOf = (
  change: Partial<OwnNetworkSpec> = {},
  instances: readonly InstanceSpec[] = web,
): ResolvedSpec => resolvedSpec(instances, { networks: [ownNetwork('lan', { ...own, ...change })] })

const bench = (spec: ResolvedSpec, world: FakeWorld) => openBench(spec, world, createFakeSeam())

async function provisioned(spec = specOf()): Promise<FakeWorld> {
  const world = createFakeWorld()
  const { outcome } = await bench(spec, world).apply()
  expect(outcome).toBe('done')
  return world
}

const resourcesOf = ({ resources }: Plan) =>
  resources.map(({ kind, name, action }) => `${action} ${kind} ${name}`)
const stepsOf = ({ steps }: Plan) => steps.map(({ kind }) => kind)
const fieldsOf = ({ resources }: Plan) =>
  resources.flatMap(({ fields }) =>
    fields.map(({ field, from, to, how }) => `${field}: ${from} → ${to} (${how})`),
  )

describe('K4: a network of the spec', () => {
  it('K4, X2: is made before the machines on it start, with a lease for each, and then there is nothing to do', async () => {
    const world = createFakeWorld()
    const plan = await bench(specOf(), world).plan()
    expect(resourcesOf(plan)).toEqual([
      'create network lab-lan',
      'create pool vmwright-instances',
      'create pool vmwright-images',
    ])
    const made = plan.steps.find(({ kind }) => kind === 'ensure-network')
    for (const step of plan.steps.filter(({ id }) => id.endsWith('/start-vm')))
      expect(step.after).toContain(made?.id)
    await bench(specOf(), world).apply()
    expect(world.networks['lab-lan']?.running?.reservations).toEqual(
      web.map(({ name, interfaces: [{ mac, leases }] }) => ({ mac, name, address: leases[0] })),
    )
    const again = await bench(specOf(), world).apply()
    expect([again.outcome, again.plan.resources]).toEqual(['unchanged', []])
  })

  it('K11: the host is recorded before anything else is made, once', async () => {
    const world = createFakeWorld()
    const plan = await bench(specOf(), world).plan()
    const record = plan.steps[0]
    expect(record?.kind).toBe('record-host')
    const early = plan.steps.filter(({ id, after }) => id !== record?.id && after.length === 0)
    expect(early.map(({ kind }) => kind)).toEqual(['probe-acceleration'])
    const seam = createFakeSeam()
    await openBench(specOf(), world, seam).apply()
    expect([Object.keys(world.system.records), seam.mutations[0]?.kind]).toEqual([['lab'], 'fake.keepRecord'])
    const more = specOf({}, [...web, onLan('web-3', '10.10.0.13')])
    expect(stepsOf(await bench(more, world).plan())).not.toContain('record-host')
  })

  it('K4: an instance that is not named keeps its reservation', async () => {
    const world = await provisioned()
    const [first] = web
    const narrowed = openBench(specOf(), world, createFakeSeam(), { instances: [first] })
    expect((await narrowed.plan()).steps).toEqual([])
    expect(world.networks['lab-lan']?.definition?.reservations.length).toBe(2)
  })

  it('K4: a further machine is reserved its address while the others stay connected', async () => {
    const world = await provisioned()
    const more = specOf({}, [...web, onLan('web-3', '10.10.0.13')])
    const { plan } = await bench(more, world).apply()
    expect(resourcesOf(plan)).toEqual(['update network lab-lan'])
    const { mac } = instanceSpec('web-3').interfaces[0]
    expect(fieldsOf(plan)).toEqual([`reservation web-3: none → 10.10.0.13 for ${mac} (in-place)`])
    expect(plan.findings).toEqual([])
    expect(world.networks['lab-lan']?.running?.reservations.map(({ name }) => name)).toEqual([
      'web-1',
      'web-2',
      'web-3',
    ])
    expect(world.vms['web-1']?.detached).toEqual([])
  })
})

describe('K4: a change that needs a restart of the network', () => {
  const changed = specOf({ domain: 'new.example', records: [{ address: '10.10.0.5', names: ['nas'] }] })

  it('K4: is not done unasked while machines are connected; the rest is, and it stays pending', async () => {
    const world = await provisioned()
    const { plan, outcome } = await bench(changed, world).apply()
    expect(outcome).toBe('done')
    expect(fieldsOf(plan)).toEqual([
      'reservation nas: none → 10.10.0.5 (name alone) (in-place)',
      'domain: lab.example → new.example (restart)',
    ])
    expect(plan.findings).toMatchObject([
      { severity: 'warning', code: 'network.in-use', hint: expect.stringContaining('--restart-network lan') },
    ])
    expect(plan.findings[0]?.message).toContain('web-1, web-2 would lose it')
    expect(world.networks['lab-lan']?.running).toMatchObject({
      domain: 'lab.example',
      reservations: [{ name: 'nas' }, { name: 'web-1' }, { name: 'web-2' }],
    })
    const again = await bench(changed, world).plan()
    expect([again.steps, resourcesOf(again)]).toEqual([[], ['blocked network lab-lan']])
  })

  it.each(['lan', 'lab-lan'])(
    'K4: is done when it is asked for by %s, and the machines are attached again',
    async (name) => {
      const world = await provisioned()
      const { plan } = await bench(changed, world).apply({ restartNetworks: new Set([name]) })
      expect(resourcesOf(plan)).toEqual(['restart network lab-lan'])
      expect(plan.resources[0]?.reason).toContain('web-1, web-2 lose it meanwhile')
      expect(stepsOf(plan)).toEqual(['update-network', 'reattach-vm', 'reattach-vm'])
      expect(world.networks['lab-lan']?.running?.domain).toBe('new.example')
      expect(Object.values(world.vms).flatMap(({ detached }) => detached)).toEqual([])
      expect((await bench(changed, world).plan()).steps).toEqual([])
    },
  )

  it('K4: is done unasked when nobody is connected', async () => {
    const world = await provisioned()
    for (const vm of Object.values(world.vms)) vm.state = 'stopped'
    const { plan } = await bench(changed, world).apply()
    expect(resourcesOf(plan)).toEqual(['restart network lab-lan'])
    expect(plan.findings).toEqual([])
  })

  it('K4: of addresses takes the reservations with it', async () => {
    const world = await provisioned()
    const moved = specOf(
      { ipv4: { address: '10.11.0.1', prefix: 24, dhcp: undefined } },
      web.map((instance) => ({
        ...instance,
        interfaces: [{ ...instance.interfaces[0], leases: ['10.11.0.9'] }],
      })),
    )
    expect((await bench(moved, world).plan()).steps).toEqual([])
    await bench(moved, world).apply({ restartNetworks: new Set(['lan']) })
    expect(world.networks['lab-lan']?.subnets).toEqual(['10.11.0.0/24'])
  })
})

describe('K6: forwarding rules', () => {
  const ruled = specOf({ forwarding })

  it('K6: are put into force after their network and before the machines, and follow the spec', async () => {
    const world = await provisioned(ruled)
    expect(world.networks['lab-lan']?.definition?.mode).toBe('open')
    expect(world.system.rules['lab/lab-lan']).toMatchObject({
      active: true,
      persistent: true,
      set: { subnets: ['10.10.0.0/24'], outside: 'eth0', masquerade: true },
    })
    const wider = specOf({ forwarding: { ...forwarding, from: ['192.0.2.0/24'] } })
    const { plan } = await bench(wider, world).apply()
    expect(resourcesOf(plan)).toEqual(['update rules lab-lan'])
    expect(world.system.rules['lab/lab-lan']?.set.from).toEqual(['192.0.2.0/24'])
    expect((await bench(wider, world).plan()).steps).toEqual([])
  })

  it('K6: stay while the network has to run without the rules of the hypervisor, then go', async () => {
    const world = await provisioned(ruled)
    const waiting = await bench(specOf(), world).apply()
    expect(resourcesOf(waiting.plan)).toEqual(['blocked network lab-lan'])
    expect(Object.keys(world.system.rules)).toEqual(['lab/lab-lan'])
    const { plan } = await bench(specOf(), world).apply({ restartNetworks: new Set(['lan']) })
    expect(resourcesOf(plan)).toEqual(['restart network lab-lan', 'remove rules lab-lan'])
    expect(world.system.rules).toEqual({})
  })

  it.each([
    ['iptables', 'docker', 'iptables -I DOCKER-USER -i vw-'],
    ['nftables', 'firewalld', 'firewall-cmd --permanent --zone=libvirt --add-interface=vw-'],
    ['nftables', 'ufw', 'ufw route allow in on vw-'],
  ] as const)(
    'K6: with %s beside %s, the command that lets the traffic through is told once',
    async (backend, manager, command) => {
      const world = createFakeWorld()
      world.system.network.firewall = { backend, managers: [manager], dropsForwarded: true }
      const { plan } = await bench(ruled, world).apply()
      expect(plan.findings).toMatchObject([{ severity: 'warning', code: 'network.rules-failed' }])
      expect(plan.findings[0]?.hint).toContain(command)
      expect((await bench(ruled, world).plan()).findings).toEqual([])
    },
  )

  it('K6: move when another packet filter of the host has the last word', async () => {
    const world = await provisioned(ruled)
    world.system.network.firewall = { backend: 'iptables', managers: ['docker'], dropsForwarded: false }
    const { plan } = await bench(ruled, world).apply()
    expect(plan.resources).toMatchObject([
      { kind: 'rules', reason: 'they stand in nftables, and have effect in iptables alone' },
    ])
    expect(world.system.rules['lab/lab-lan']?.backend).toBe('iptables')
    expect((await bench(ruled, world).plan()).steps).toEqual([])
  })

  it('K6: nothing is told of others that drop nothing of ours', async () => {
    const world = createFakeWorld()
    world.system.network.firewall = { backend: 'iptables', managers: ['docker'], dropsForwarded: false }
    expect((await bench(ruled, world).plan()).findings).toEqual([])
  })
})

describe('K11: the removal of networks', () => {
  it('K11: of a part leaves the network with its reservations; the last machine takes it', async () => {
    const world = await provisioned(specOf({ forwarding }))
    const [first, second] = web
    const narrowed = (instance: InstanceSpec) =>
      openBench(specOf({ forwarding }), world, createFakeSeam(), { instances: [instance] })
    await narrowed(first).destroy()
    expect(world.networks['lab-lan']?.definition?.reservations.length).toBe(2)
    const { plan } = await narrowed(second).destroy()
    expect(resourcesOf(plan)).toEqual([
      'remove rules lab-lan',
      'remove network lab-lan',
      'remove pool vmwright-instances',
    ])
    expect([Object.keys(world.networks), world.system.rules]).toEqual([['default'], {}])
  })

  it("K11: a network that a stranger's machine has stays, with its rules, and that is told", async () => {
    const world = await provisioned(specOf({ forwarding }))
    world.vms['guest'] = createFakeVm('guest', {
      interfaces: [{ mac: '52:54:00:00:00:01', network: 'lab-lan' }],
    })
    const { plan, outcome } = await bench(specOf({ forwarding }), world).destroy()
    expect([outcome, resourcesOf(plan)]).toEqual(['done', ['remove pool vmwright-instances']])
    expect(plan.findings).toMatchObject([{ severity: 'warning', code: 'network.in-use' }])
    expect(plan.findings[0]?.message).toContain('guest')
    expect(Object.keys(world.networks)).toEqual(['default', 'lab-lan'])
    expect(Object.keys(world.system.rules)).toEqual(['lab/lab-lan'])
  })

  it('K11: one that the spec has no more is told by apply, and removed by destroy', async () => {
    const world = await provisioned(specOf({ forwarding }))
    const without = resolvedSpec([instanceSpec('web-1'), instanceSpec('web-2')])
    const { plan } = await bench(without, world).apply({ restart: new Set(['web-1', 'web-2']) })
    expect(plan.findings).toMatchObject([{ severity: 'warning', object: 'network lan on fake' }])
    expect(world.networks['lab-lan']?.active).toBe(true)
    await bench(without, world).destroy()
    expect([Object.keys(world.networks), world.system.rules]).toEqual([['default'], {}])
  })
})
