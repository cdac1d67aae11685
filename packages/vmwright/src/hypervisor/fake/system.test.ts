import { describe, expect, it } from 'vitest'
import { Progress } from '../../lib/progress.ts'
import { createFakeSeam } from '../../lib/testing/fake-seam.ts'
import type { HostItem } from '../host/items.ts'
import { ruleDigest } from '../host/rule-digest.ts'
import { ownTable } from '../host/rule-names.ts'
import type { RuleSet } from '../host/rules.ts'
import { census } from './census.ts'
import { openFakeSystem } from './system.ts'
import { createFakeNetwork, createFakeWorld } from './world.ts'

function open() {
  const world = createFakeWorld()
  const seam = createFakeSeam()
  return { world, seam, system: openFakeSystem(world, seam), progress: new Progress(seam) }
}

const forwarding: HostItem = { kind: 'sysctl', name: 'net.ipv4.ip_forward', value: '1' }
const rules: RuleSet = {
  project: 'p',
  network: 'default',
  bridge: 'virbr0',
  subnets: ['192.168.122.0/24'],
  outside: undefined,
  masquerade: true,
  to: [],
  from: [],
}
const bridge = { name: 'br0', interface: 'eth0', stp: false, confirmWithinMs: 1_000 }

describe('the host below the in-memory hypervisor', () => {
  it('K2: an item is changed once, told, and taken back to what it was', async () => {
    const { world, system, progress } = open()
    world.system.items['sysctl net.ipv4.ip_forward'] = '0'
    const before = census(world)
    expect((await system.items.inspect(progress, [forwarding])).states).toMatchObject([
      { isSo: false, now: '0', whyNot: undefined },
    ])
    await system.items.change(progress, forwarding)
    await system.items.change(progress, forwarding)
    const changes = await system.items.changes(progress)
    expect(changes).toMatchObject([{ item: forwarding, before: { value: '0' } }])
    expect(await Promise.all(changes.map((change) => system.items.restore(progress, change)))).toEqual([
      'done',
    ])
    expect(census(world)).toEqual(before)
  })

  it('K2: what somebody else changed since is kept', async () => {
    const { world, system, progress } = open()
    await system.items.change(progress, forwarding)
    world.system.items['sysctl net.ipv4.ip_forward'] = '2'
    const [change] = await system.items.changes(progress)
    expect(await system.items.restore(progress, change!)).toBe('kept')
    expect(world.system.items).toEqual({ 'sysctl net.ipv4.ip_forward': '2' })
    expect(await system.items.restore(progress, change!)).toBe('already')
  })

  it('K6: rules are in force and kept, and leave nothing', async () => {
    const { world, system, progress } = open()
    const before = census(world)
    await system.rules.apply(progress, rules)
    await system.rules.apply(progress, rules)
    expect(await system.rules.read(progress)).toEqual([
      {
        project: 'p',
        network: 'default',
        digest: ruleDigest(rules),
        backend: 'nftables',
        active: true,
        persistent: true,
      },
    ])
    await system.rules.remove(progress, rules)
    await system.rules.remove(progress, rules)
    expect(census(world)).toEqual(before)
  })

  it('K5: a bridge takes over the addresses of its interface, and gives them back', async () => {
    const { world, system, progress } = open()
    const before = structuredClone(world)
    await system.bridges.make(progress, bridge)
    const { interfaces, routes } = await system.network.read(progress)
    expect(interfaces.find(({ name }) => name === 'br0')?.addresses).toEqual(['198.51.100.10/24'])
    expect(routes.every((route) => route.interface !== 'eth0')).toBe(true)
    expect(await system.bridges.inspect(progress, bridge)).toMatchObject({ state: 'present' })
    await system.bridges.remove(progress, bridge)
    expect(world).toEqual(before)
  })

  it('K5: a bridge that nobody confirms is gone', async () => {
    const { world, system, progress } = open()
    world.system.bridgesRollBack = true
    const before = structuredClone(world)
    await expect(system.bridges.make(progress, bridge)).rejects.toMatchObject({
      code: 'host.bridge-rolled-back',
    })
    expect(world).toEqual(before)
  })

  it('K11: the census tells what was added to the host, and the first record stays', async () => {
    const { world, system, progress } = open()
    const before = await system.records.census(progress)
    const first = { ...before, atMs: 7, domains: {}, volumes: {}, networks: {}, pools: {} }
    await system.records.keep(progress, 'p', first)
    await system.rules.apply(progress, rules)
    await system.items.change(progress, forwarding)
    await system.bridges.make(progress, bridge)
    world.networks['other'] = createFakeNetwork({ subnets: ['10.9.0.0/24'], bridge: 'virbr9' })
    const after = await system.records.census(progress)
    expect(Object.keys(after.rules)).toEqual([`inet ${ownTable(rules)} chain forward`])
    expect(after.sysctls).toEqual({ 'net.ipv4.ip_forward': '1' })
    expect(Object.keys(after.interfaces)).toEqual(['lo', 'eth0', 'br0'])
    await system.records.keep(progress, 'p', { ...first, atMs: 8 })
    expect(await system.records.kept(progress, 'p')).toEqual(first)
    await system.records.forget(progress, 'p')
    expect(await system.records.kept(progress, 'p')).toBeUndefined()
  })

  it('K4: the facts of the network have the bridges of networks that run', async () => {
    const { system, progress } = open()
    const facts = await system.network.read(progress)
    expect(facts.interfaces.map(({ name }) => name)).toEqual(['lo', 'eth0', 'virbr0'])
    expect(facts.routes).toContainEqual({ to: '192.168.122.0/24', via: undefined, interface: 'virbr0' })
    expect(facts.dnsListeners).toEqual([{ address: '192.168.122.1', program: 'dnsmasq' }])
  })

  it('without a shell nothing of it works', async () => {
    const { world, system, progress } = open()
    world.capabilities = { ...world.capabilities, noShell: 'it is reached over TLS' }
    const calls = [
      system.items.inspect(progress, []),
      system.items.change(progress, forwarding),
      system.network.read(progress),
      system.rules.read(progress),
      system.rules.apply(progress, rules),
      system.bridges.make(progress, bridge),
      system.records.census(progress),
    ]
    for (const call of await Promise.allSettled(calls))
      expect(call).toMatchObject({ status: 'rejected', reason: { code: 'host.no-shell' } })
  })
})
