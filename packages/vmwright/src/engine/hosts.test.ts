import { describe, expect, it } from 'vitest'
import { openFakeHost } from '../hypervisor/fake/fake-host.ts'
import { createFakeVm, createFakeWorld, type FakeWorld } from '../hypervisor/fake/world.ts'
import type { Hypervisor } from '../hypervisor/contract.ts'
import { ProvisionError } from '../lib/errors.ts'
import { Progress } from '../lib/progress.ts'
import type { Seam } from '../lib/seam.ts'
import { createFakeSeam } from '../lib/testing/fake-seam.ts'
import type { InstanceSpec, ResolvedSpec } from '../spec/resolved.ts'
import { hostSpec, instanceSpec, resolvedSpec } from '../testing/specs.ts'
import { findLogins } from './logins.ts'
import { apply, destroy, type OperationOptions, preview, status } from './operations.ts'
import { ping } from './ping.ts'
import { restoreSnapshot } from './restore.ts'
import type { SessionServices } from './session.ts'
import { servicesFor } from './testing.ts'
import { plainRequest } from '../plan/plain-request.ts'

const names = ['a', 'b', 'c'] as const

const web = (index: number, more: Partial<InstanceSpec> = {}): InstanceSpec =>
  instanceSpec(`web-${index}`, {
    group: 'web',
    host: 'a',
    placement: { hosts: names, by: 'spread', group: 'together-allowed' },
    ...more,
  })

const specOf = (instances: readonly InstanceSpec[]): ResolvedSpec =>
  resolvedSpec(instances, { hosts: names.map((name) => hostSpec({ name })) })

const ten = specOf(Array.from({ length: 10 }, (_, index) => web(index + 1)))

/** Three hosts that outlive the runs on them. */
function createCluster(overrides: Partial<FakeWorld> = {}) {
  const worlds = Object.fromEntries(
    names.map((host) => [host, createFakeWorld({ host, ...structuredClone(overrides) })]),
  ) as Record<(typeof names)[number], FakeWorld>
  const opened: string[] = []
  const locks: string[] = []
  const closed: string[] = []
  const servicesOn = (seam: Seam): SessionServices => ({
    ...servicesFor(worlds.a),
    async openHost(_progress, { name }) {
      const world = worlds[name as keyof typeof worlds]
      if (world.down) throw new ProvisionError('host.unreachable', { message: `${name} does not answer.` })
      opened.push(name)
      const host: Hypervisor = openFakeHost(world, seam)
      return {
        ...host,
        lock: async (progress, holder) => {
          locks.push(name)
          return host.lock(progress, holder)
        },
        close: async () => void closed.push(name),
      }
    },
  })
  const on = (spec: ResolvedSpec, seam: Seam = createFakeSeam(), instances = spec.instances) => {
    const services = servicesOn(seam)
    const options: OperationOptions = {
      spec,
      instances,
      services,
      onEvent: (event) => onEvent?.(event),
      holder: 'test',
      lockTimeoutMs: 60_000,
      confirm: async () => true,
    }
    let onEvent: OperationOptions['onEvent'] | undefined
    const progress = new Progress(seam)
    return {
      apply: (listen?: OperationOptions['onEvent']) => {
        onEvent = listen
        return apply(progress, options, plainRequest)
      },
      destroy: () => destroy(progress, options, { disks: 'delete', adopt: new Set() }),
      plan: () => preview(progress, options, plainRequest),
      status: () => status(progress, options),
      logins: () => findLogins(progress, { spec, instances, services, identityFile: '/key' }),
      ping: () =>
        ping(progress, {
          spec,
          hosts: spec.hosts,
          instances,
          services,
          timeoutMs: 5_000,
          network: { tryPort: async () => 'open', connectSsh: async () => ({ kind: 'verified' }) },
        }),
    }
  }
  const machines = () => names.map((name) => Object.keys(worlds[name].vms).length)
  return { worlds, on, machines, opened, closed, locks, servicesOn }
}

describe('K12: several hosts', () => {
  it('K8, K12: ten instances are spread over three hosts, and stay there when other hosts become emptier', async () => {
    const { worlds, on, machines } = createCluster()
    const made = await on(ten).apply()
    expect(made.outcome).toBe('done')
    expect(machines()).toEqual([4, 3, 3])
    worlds.a.memoryMib = 5_000
    worlds.c.memoryMib = 500_000
    const seam = createFakeSeam()
    const again = await on(ten, seam).apply()
    expect([again.outcome, seam.mutations.length]).toEqual(['unchanged', 0])
    expect(again.instances.map(({ host }) => host)).toEqual(made.instances.map(({ host }) => host))
  })

  it('K12: the plan, the status, the logins and the ping know where each instance is', async () => {
    const { on } = createCluster()
    const run = on(ten)
    const hosts = (await run.apply()).instances.map(({ host }) => host)
    expect((await run.plan()).changes.map(({ host }) => host)).toEqual(hosts)
    expect((await run.status()).map(({ host, state }) => [host, state])).toEqual(
      hosts.map((host) => [host, 'running']),
    )
    const logins = await run.logins()
    expect(logins.guests.map(({ name }) => name)).toEqual(ten.instances.map(({ name }) => name))
    expect(logins.instances.map(({ host }) => host)).toEqual(hosts)
    const pinged = await run.ping()
    expect([pinged.ok, pinged.instances.map(({ host }) => host)]).toEqual([true, hosts])
  })

  it('K12: one connection for each host, whatever is done', async () => {
    const { on, opened, closed } = createCluster()
    await on(ten).apply()
    expect(opened.toSorted()).toEqual([...names])
    expect(closed.toSorted()).toEqual([...names])
  })

  it('K12: only hosts with work are locked', async () => {
    const { on, locks, worlds } = createCluster()
    worlds.a.memoryMib = 256
    worlds.c.memoryMib = 256
    const two = specOf([web(1), web(2)])
    await on(two).apply()
    expect(locks).toEqual(['b'])
    await on(two).apply()
    expect(locks).toEqual(['b'])
  })

  it('K12: one host is down: the rest is made, the result names what was left out', async () => {
    const { worlds, on, machines } = createCluster()
    const pinned = specOf(names.map((host) => instanceSpec(`db-${host}`, { host })))
    worlds.b.down = true
    const result = await on(pinned).apply()
    expect(result.outcome).toBe('failed')
    expect(result.plan.changes.map(({ instance, action, reason }) => [instance, action, reason])).toEqual([
      ['db-a', 'create', 'it does not exist'],
      ['db-b', 'blocked', 'its host b cannot be reached'],
      ['db-c', 'create', 'it does not exist'],
    ])
    expect([...result.unreachable.keys()]).toEqual(['b'])
    expect(result.instances.map(({ name, state, problem }) => [name, state, problem])).toEqual([
      ['db-a', 'running', undefined],
      ['db-b', 'unknown', 'its host b cannot be reached (b does not answer.)'],
      ['db-c', 'running', undefined],
    ])
    expect(machines()).toEqual([1, 0, 1])

    worlds.b.down = false
    const later = await on(pinned).apply()
    expect([later.outcome, machines()]).toEqual(['done', [1, 1, 1]])
  })

  it('K12: what may be on a host that is down is not made a second time, what is elsewhere goes on', async () => {
    const { worlds, on, machines } = createCluster()
    await on(ten).apply()
    worlds.c.down = true
    const seam = createFakeSeam()
    const { outcome, plan } = await on(ten, seam).apply()
    expect([outcome, seam.mutations.length]).toEqual(['failed', 0])
    expect(plan.changes.filter(({ action }) => action === 'blocked').map(({ reason }) => reason)).toEqual(
      Array(3).fill('it may be on c, which cannot be reached'),
    )
    worlds.c.down = false
    expect([(await on(ten).apply()).outcome, machines()]).toEqual(['unchanged', [4, 3, 3]])
  })

  it('K12: a candidate that is down and has nothing to do with it is told, and nothing failed', async () => {
    const { worlds, on } = createCluster()
    const two = specOf([web(1), web(2)])
    await on(two).apply()
    worlds.c.down = true
    const { outcome, plan } = await on(two).apply()
    expect(outcome).toBe('unchanged')
    expect(plan.findings).toMatchObject([{ severity: 'warning', code: 'host.unreachable', object: 'host c' }])
  })

  it('K12: a host that goes down in the middle takes its own instances with it and no others', async () => {
    const { worlds, on, machines } = createCluster()
    const { outcome, instances, run } = await on(ten).apply((event) => {
      if (event.kind === 'step-started' && event.step === 'web-2/start-vm') worlds.b.down = true
    })
    expect(outcome).toBe('failed')
    expect([...(run?.errors.keys() ?? [])].every((step) => /^(web-(2|5|8)|b)\//.test(step))).toBe(true)
    expect(instances.filter(({ host }) => host !== 'b').map(({ state }) => state)).toEqual(
      Array(7).fill('running'),
    )
    expect(instances.filter(({ host }) => host === 'b').map(({ state }) => state)).toEqual(
      Array(3).fill('unknown'),
    )
    worlds.b.down = false
    expect([(await on(ten).apply()).outcome, machines()]).toEqual(['done', [4, 3, 3]])
  })

  it('K12: a host that is lost between the connection and the look at it counts as down', async () => {
    const { worlds, servicesOn } = createCluster()
    const pinned = specOf(names.map((host) => instanceSpec(`db-${host}`, { host })))
    const seam = createFakeSeam()
    const usual = servicesOn(seam)
    const services: SessionServices = {
      ...usual,
      async openHost(progress, spec) {
        const host = await usual.openHost(progress, spec)
        if (spec.name === 'b') worlds.b.down = true
        return host
      },
    }
    const options = { spec: pinned, instances: pinned.instances, services }
    const states = await status(new Progress(seam), options)
    expect(states.map(({ state }) => state)).toEqual(['absent', 'unknown', 'absent'])
  })

  it('K12: all hosts down is an error, which names them', async () => {
    const { worlds, on } = createCluster()
    for (const name of names) worlds[name].down = true
    await expect(on(ten).apply()).rejects.toMatchObject({
      code: 'host.unreachable',
      message: expect.stringMatching(/Several hosts.* a does .* b does .* c does /) as string,
    })
    await expect(on(ten).status()).rejects.toMatchObject({ code: 'host.unreachable' })
  })

  it('K12: destroy removes what is on the hosts that answer', async () => {
    const { worlds, on, machines } = createCluster()
    await on(ten).apply()
    worlds.b.down = true
    const { outcome, plan } = await on(ten).destroy()
    expect(outcome).toBe('failed')
    expect(machines()).toEqual([0, 3, 0])
    expect(plan.changes.filter(({ action }) => action === 'blocked').length).toBe(3)
    worlds.b.down = false
    expect([(await on(ten).destroy()).outcome, machines()]).toEqual(['done', [0, 0, 0]])
  })

  it('K12: status, logins and ping tell why they know nothing of some', async () => {
    const { worlds, on } = createCluster()
    const run = on(ten)
    await run.apply()
    worlds.b.down = true
    const unknown = (await run.status()).filter(({ state }) => state === 'unknown')
    expect(unknown.map(({ problem }) => problem)).toEqual(
      Array(3).fill('it may be on b, which cannot be reached (b does not answer.)'),
    )
    const logins = await run.logins()
    expect([logins.guests.length, logins.missing.map(({ message }) => message)]).toEqual([
      7,
      ['web-2', 'web-5', 'web-8'].map((name) => `Nothing is known of ${name}: b does not answer.`),
    ])
    const pinged = await run.ping()
    expect(pinged.hosts.map(({ ok }) => ok)).toEqual([true, false, true])
    expect(pinged.instances.flatMap(({ problem }) => problem ?? [])).toEqual(
      Array(3).fill('it may be on b, which does not answer'),
    )
  })

  it('K12: a snapshot is restored where its machine is', async () => {
    const { on, servicesOn, worlds } = createCluster()
    await on(ten).apply()
    const seam = createFakeSeam()
    const result = await restoreSnapshot(
      new Progress(seam),
      {
        spec: ten,
        instance: web(2),
        services: servicesOn(seam),
        onEvent: () => {},
        holder: 'test',
        lockTimeoutMs: 1_000,
        confirm: async () => true,
      },
      undefined,
    )
    expect(result.outcome).toBe('done')
    expect(result.instances).toMatchObject([{ name: 'web-2', host: 'b', state: 'running' }])
    expect(worlds.b.vms['web-2']?.state).toBe('running')
  })

  it('K12: no room stops the plan before anything is done', async () => {
    const { on, machines } = createCluster({ memoryMib: 2_048 })
    const result = await on(ten).apply()
    expect([result.outcome, machines()]).toEqual(['blocked', [0, 0, 0]])
    expect(result.plan.findings.filter(({ code }) => code === 'host.no-room').length).toBe(4)
    expect(result.plan.changes.filter(({ action }) => action === 'blocked').length).toBe(4)
  })

  it('K12: of an instance on two hosts one is worked on, and both are told', async () => {
    const { worlds, on } = createCluster()
    const one = specOf([web(1)])
    await on(one).apply()
    const { mark } = worlds.a.vms['web-1'] ?? {}
    worlds.c.vms['web-1'] = createFakeVm('web-1', { mark: structuredClone(mark) })
    const again = await on(one).apply()
    expect(again.outcome).toBe('unchanged')
    expect(again.plan.findings).toMatchObject([{ severity: 'warning', code: 'vm.elsewhere' }])
    expect((await on(one).status())[0]?.problem).toContain('on a and on c too')
    await on(one).destroy()
    expect([worlds.a.vms['web-1'], worlds.c.vms['web-1']?.name]).toEqual([undefined, 'web-1'])
  })

  it('K12: a run that names one instance leaves the others where they are', async () => {
    const { on, machines } = createCluster()
    const three = specOf([web(1), web(2), web(3)])
    const named = (index: number) => three.instances.slice(index, index + 1)
    await on(three, createFakeSeam(), named(1)).apply()
    await on(three, createFakeSeam(), named(2)).apply()
    await on(three, createFakeSeam(), named(0)).apply()
    expect(machines()).toEqual([1, 1, 1])
    expect((await on(three).apply()).outcome).toBe('unchanged')
  })
})
