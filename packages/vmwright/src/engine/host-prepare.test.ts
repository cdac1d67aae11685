import { describe, expect, it } from 'vitest'
import { openFakeHost } from '../hypervisor/fake/fake-host.ts'
import { openFakeSystem } from '../hypervisor/fake/system.ts'
import { createFakeVm, createFakeWorld, type FakeWorld } from '../hypervisor/fake/world.ts'
import { ProvisionError } from '../lib/errors.ts'
import { Progress } from '../lib/progress.ts'
import { createFakeSeam, type FakeSeam } from '../lib/testing/fake-seam.ts'
import { noPreparation } from '../spec/resolved-places.ts'
import type { HostSpec } from '../spec/resolved.ts'
import { hostSpec, resolvedSpec } from '../testing/specs.ts'
import { checkPrepared, type HostServices } from './host-check.ts'
import { type HostRunOptions, prepareHosts, restoreHosts } from './host-prepare.ts'

const host = hostSpec({ preparation: { ...noPreparation, packages: ['htop'], users: ['ann'] } })

const servicesOn = (world: FakeWorld, seam: FakeSeam): HostServices => ({
  openHost: async () => openFakeHost(world, seam),
  openSystem: () => openFakeSystem(world, seam),
})

function on(world: FakeWorld, seam: FakeSeam = createFakeSeam(), confirms = true) {
  const options: HostRunOptions = {
    spec: resolvedSpec([], { hosts: [host] }),
    hosts: [host],
    services: servicesOn(world, seam),
    onEvent: () => {},
    confirm: async () => confirms,
  }
  return {
    prepare: () => prepareHosts(new Progress(seam), options),
    restore: () => restoreHosts(new Progress(seam), options),
  }
}

describe('preparing a host', () => {
  it('K2: changes what is missing, nothing the second time, and takes all of it back', async () => {
    const world = createFakeWorld()
    const before = structuredClone(world.system.items)
    const first = await on(world).prepare()
    expect(first.outcome).toBe('done')
    expect(first.plan.steps.length).toBeGreaterThan(10)
    const second = await on(world).prepare()
    expect([second.outcome, second.plan.steps]).toEqual(['unchanged', []])
    expect((await on(world).restore()).outcome).toBe('done')
    expect(world.system.items).toEqual(before)
    expect((await on(world).restore()).outcome).toBe('unchanged')
  })

  it('K2: changes nothing that is not confirmed', async () => {
    const world = createFakeWorld()
    const before = structuredClone(world)
    expect((await on(world, createFakeSeam(), false).prepare()).outcome).toBe('declined')
    expect(world).toEqual(before)
  })

  it('K2: changes nothing where something that the spec asks for cannot be done', async () => {
    const world = createFakeWorld()
    world.system.unchangeable['package htop'] = 'it is forbidden'
    const before = structuredClone(world)
    const { outcome, plan } = await on(world).prepare()
    expect([outcome, plan.findings.map(({ message }) => message)]).toEqual([
      'blocked',
      ['package htop cannot be changed: it is forbidden.'],
    ])
    expect(world).toEqual(before)
  })

  it('K2: does not take libvirt away from under machines', async () => {
    const world = createFakeWorld()
    await on(world).prepare()
    world.vms['db-1'] = createFakeVm('db-1')
    const before = structuredClone(world.system)
    expect(await on(world).restore()).toMatchObject({
      outcome: 'blocked',
      plan: { findings: [{ message: expect.stringContaining('db-1') }] },
    })
    expect(world.system).toEqual(before)
  })

  it('K2: killed at any effect, it goes on, and restoring leads back to what was there first', async () => {
    const start = createFakeWorld()
    const before = structuredClone(start.system.items)
    let kills = 0
    for (const when of ['before', 'after'] as const) {
      for (let ordinal = 1; ; ordinal++) {
        const world = structuredClone(start)
        const seam = createFakeSeam()
        seam.killAt(ordinal, when)
        await on(world, seam)
          .prepare()
          .catch(() => undefined)
        if (!seam.killed) break
        kills++
        await on(world).prepare()
        expect((await on(world).prepare()).outcome).toBe('unchanged')
        await on(world).restore()
        expect(world.system.items).toEqual(before)
      }
    }
    expect(kills).toBeGreaterThan(50)
  })
})

describe('checking a host', () => {
  const check = (services: HostServices, spec: HostSpec = host) =>
    checkPrepared(new Progress(createFakeSeam()), [spec], services)

  it('K1: starts a guest to find out, and looks at the facts where no libvirt answers', async () => {
    const world = createFakeWorld()
    const services = servicesOn(world, createFakeSeam())
    expect(await check(services)).toMatchObject([{ kind: 'checked', verdict: { by: 'trial' } }])
    const withoutLibvirt: HostServices = {
      ...services,
      openHost: async () => {
        throw new ProvisionError('host.unreachable', { message: 'There is no libvirt.' })
      },
    }
    expect(await check(withoutLibvirt)).toMatchObject([
      { kind: 'checked', verdict: { by: 'facts', state: 'likely' } },
    ])
    expect(await check(services, { ...host, acceleration: 'emulate' })).toMatchObject([
      { verdict: { by: 'facts', reason: expect.stringContaining('software emulation') } },
    ])
  })

  it('K2: changes nothing, and tells of a host that gives no shell', async () => {
    const world = createFakeWorld()
    const before = structuredClone(world.system)
    await check(servicesOn(world, createFakeSeam()))
    expect(world.system).toEqual(before)
    world.capabilities = { ...world.capabilities, noShell: 'it is reached over TLS' }
    expect(await check(servicesOn(world, createFakeSeam()))).toMatchObject([
      { kind: 'failed', error: { code: 'host.no-shell' } },
    ])
  })
})
