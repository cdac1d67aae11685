import { describe, expect, it } from 'vitest'
import { Progress } from '../../lib/progress.ts'
import { createFakeSeam } from '../../lib/testing/fake-seam.ts'
import type { NetworkDefinition } from '../networks.ts'
import { census } from './census.ts'
import { openFakeHost } from './fake-host.ts'
import { stopNetwork } from './network-daemon.ts'
import { rebootHost } from './reboot.ts'
import { createFakeNetwork, createFakeVm, createFakeWorld, type FakeWorld } from './world.ts'

const mark = { project: 'p', network: 'lab' }
const lab: NetworkDefinition = {
  name: 'p-lab',
  mark,
  mode: 'nat',
  bridge: 'vw-lab',
  mac: undefined,
  interface: undefined,
  mtu: undefined,
  ipv4: { address: '10.1.2.1', prefix: 24, dhcp: { from: '10.1.2.100', to: '10.1.2.200' } },
  ipv6: undefined,
  domain: undefined,
  records: [],
  forwarders: [],
  reservations: [],
  autostart: true,
}
const web = { mac: '52:54:00:00:00:01', name: 'web', address: '10.1.2.10' }

function open(world: FakeWorld = createFakeWorld()) {
  const seam = createFakeSeam()
  return { world, seam, host: openFakeHost(world, seam), progress: new Progress(seam) }
}

/** A network with a machine that runs on it. */
async function openWithGuest() {
  const opened = open()
  const { host, world, progress } = opened
  await host.networks.ensure(progress, { ...lab, reservations: [web] })
  world.vms['web'] = createFakeVm('web', { interfaces: [{ mac: web.mac, network: lab.name }] })
  await host.startVm(progress, 'web')
  return opened
}

const observed = async ({ host, progress }: ReturnType<typeof open>) =>
  (await host.observe(progress)).networks.find(({ name }) => name === lab.name)

describe('networks of the in-memory host', () => {
  it('K4: one is defined, marked and started, then seen as it was wanted', async () => {
    const opened = open()
    await opened.host.networks.ensure(opened.progress, lab)
    expect(await observed(opened)).toEqual({
      name: 'p-lab',
      active: true,
      autostart: true,
      mark,
      bridge: 'vw-lab',
      subnets: ['10.1.2.0/24'],
      hasDhcp: true,
      definition: lab,
      running: undefined,
      leases: [],
    })
  })

  it.each<[string, (world: FakeWorld) => void]>([
    ['a network has its name', (world) => void (world.networks['p-lab'] = createFakeNetwork())],
    [
      'a network has its bridge',
      (world) => void (world.networks['other'] = createFakeNetwork({ bridge: 'vw-lab' })),
    ],
    [
      'a network has its addresses',
      (world) => void (world.networks['other'] = createFakeNetwork({ subnets: ['10.1.0.0/16'] })),
    ],
    [
      'an interface has the name of its bridge',
      ({ system }) =>
        void (system.network.interfaces = system.network.interfaces.map((one) => ({
          ...one,
          name: 'vw-lab',
        }))),
    ],
    [
      'a route of the host has its addresses',
      ({ system }) =>
        void (system.network.routes = [{ to: '10.1.2.128/25', via: undefined, interface: 'eth0' }]),
    ],
    [
      'something answers DNS there',
      ({ system }) => void (system.network.dnsListeners = [{ address: '0.0.0.0', program: 'named' }]),
    ],
  ])('K4: it is a conflict that %s', async (_, change) => {
    const { host, world, progress } = open()
    change(world)
    await expect(host.networks.ensure(progress, lab)).rejects.toMatchObject({ code: 'network.conflict' })
  })

  it('K4: a reservation is made while machines are connected, and they stay so', async () => {
    const opened = await openWithGuest()
    const { host, world, progress } = opened
    const changed = {
      ...lab,
      reservations: [web, { ...web, mac: '52:54:00:00:00:02', address: '10.1.2.11' }],
    }
    await host.networks.update(progress, changed, 'live')
    expect(await observed(opened)).toMatchObject({ definition: changed, running: undefined })
    expect(world.vms['web']?.detached).toEqual([])
    expect((await observed(opened))?.leases).toEqual([
      { mac: web.mac, address: web.address, hostname: 'web' },
    ])
  })

  it('K4: what is not live is refused as such, and done by a restart that attaches machines again', async () => {
    const opened = await openWithGuest()
    const { host, world, progress, seam } = opened
    const changed = { ...lab, reservations: [web], mtu: 1400 }
    await expect(host.networks.update(progress, changed, 'live')).rejects.toMatchObject({
      code: 'network.in-use',
    })
    await host.networks.update(progress, changed, 'restart')
    expect(await observed(opened)).toMatchObject({ definition: changed, running: undefined, active: true })
    expect(world.vms['web']?.detached).toEqual([])
    expect(seam.mutations.map(({ kind }) => kind)).toContain('fake.attachInterface')
  })

  it('K4: a network that was stopped behind our back leaves its machines hanging until they are attached', async () => {
    const opened = await openWithGuest()
    const { host, world, progress } = opened
    stopNetwork(world, lab.name)
    expect((await host.observe(progress)).vms[0]?.detached).toEqual([web.mac])
    await host.networks.ensure(progress, { ...lab, reservations: [web] })
    expect((await host.observe(progress)).vms[0]?.detached).toEqual([web.mac])
    await host.networks.reattach(progress, 'web')
    expect((await host.observe(progress)).vms[0]?.detached).toEqual([])
  })

  it('K11: it is removed when nobody is connected, and only with its mark', async () => {
    const { host, world, progress } = await openWithGuest()
    const unwanted = { ...mark, name: lab.name }
    await expect(host.networks.remove(progress, unwanted)).rejects.toMatchObject({ code: 'network.in-use' })
    await host.stopVm(progress, 'web', 'force')
    await host.networks.remove(progress, { ...unwanted, project: 'other' })
    expect(world.networks[lab.name]).toBeDefined()
    await host.networks.remove(progress, unwanted)
    await host.networks.remove(progress, unwanted)
    expect(world.networks[lab.name]).toBeUndefined()
  })

  it('a restart of the host brings back what starts with it', async () => {
    const { world } = await openWithGuest()
    world.networks['idle'] = createFakeNetwork({ autostart: false })
    rebootHost(world, 0)
    expect(world.networks).toMatchObject({ [lab.name]: { active: true }, idle: { active: false } })
    expect(world.vms['web']?.state).toBe('stopped')
  })

  it('each of its changes can be the last one, and the next run goes on', async () => {
    const changed = { ...lab, mtu: 1400, reservations: [web] }
    const run = async (opened: ReturnType<typeof open>): Promise<void> => {
      const { host, progress } = opened
      const found = await observed(opened)
      if (found?.definition === undefined) await host.networks.ensure(progress, lab)
      await host.networks.ensure(progress, (await observed(opened))?.definition ?? lab)
      await host.networks.update(progress, changed, 'restart')
    }
    const whole = open()
    await run(whole)
    const wanted = census(whole.world)
    const mutations = whole.seam.mutations.length
    expect(mutations).toBeGreaterThan(4)
    for (let at = 1; at < mutations; at++) {
      const world = createFakeWorld()
      const killed = open(world)
      killed.seam.killAt(at, 'after')
      await expect(run(killed)).rejects.toThrow('dead')
      await run(open(world))
      expect(census(world)).toEqual(wanted)
    }
  })
})
