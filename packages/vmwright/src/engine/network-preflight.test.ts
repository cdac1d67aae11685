import { describe, expect, it } from 'vitest'
import type { HostInterface } from '../hypervisor/host/network.ts'
import { census } from '../hypervisor/fake/census.ts'
import { createFakeNetwork, createFakeWorld, type FakeWorld } from '../hypervisor/fake/world.ts'
import { createFakeSeam } from '../lib/testing/fake-seam.ts'
import { noPreparation, type OwnNetworkSpec } from '../spec/resolved-places.ts'
import type { ResolvedSpec } from '../spec/resolved.ts'
import { hostSpec, instanceSpec, ownNetwork, resolvedSpec } from '../testing/specs.ts'
import { openBench } from './testing.ts'

const one = instanceSpec('web-1')
const specOf = (change: Partial<OwnNetworkSpec> = {}, more: Partial<ResolvedSpec> = {}): ResolvedSpec =>
  resolvedSpec([{ ...one, interfaces: [{ ...one.interfaces[0], network: 'lan' }] }], {
    networks: [ownNetwork('lan', change)],
    ...more,
  })
const bridge = ownNetwork('lan').own?.bridge ?? ''
const device = (name: string, more: Partial<HostInterface> = {}): HostInterface => ({
  name,
  mac: undefined,
  kind: 'bridge',
  isUp: true,
  master: undefined,
  addresses: [],
  ...more,
})

/** A world that was changed before anybody looks at it. */
function worldWith(change: (world: FakeWorld) => void): FakeWorld {
  const world = createFakeWorld()
  change(world)
  return world
}
const withDevice = (each: HostInterface): FakeWorld =>
  worldWith(({ system: { network } }) => {
    network.interfaces = [...network.interfaces, each]
  })
const withRoute = (to: string): FakeWorld =>
  worldWith(({ system: { network } }) => {
    network.routes = [...network.routes, { to, via: '198.51.100.9', interface: 'eth0' }]
  })
const withDns = (address: string, program: string | undefined): FakeWorld =>
  worldWith(({ system: { network } }) => {
    network.dnsListeners = [{ address, program }]
  })
const forwarding = { outside: undefined, masquerade: true, to: [], from: [] }

async function findingsOf(world: FakeWorld, spec: ResolvedSpec): Promise<readonly string[]> {
  const before = census(world)
  const result = await openBench(spec, world, createFakeSeam()).apply()
  const isRefused = result.plan.findings.some(({ severity }) => severity === 'error')
  const isTouched = census(world).join('\n') !== before.join('\n')
  expect([result.outcome === 'blocked', isRefused && isTouched]).toEqual([isRefused, false])
  return result.plan.findings.map(
    ({ severity, code, message, hint }) => `${severity} ${code}: ${message} ${hint}`,
  )
}

describe('C15, K4: what speaks against a network', () => {
  it.each<[string, FakeWorld, ResolvedSpec, string, readonly RegExp[]]>([
    [
      'addresses of an interface',
      withDevice(device('eth1', { kind: 'physical', addresses: ['10.10.0.77/16'] })),
      specOf(),
      'error network.conflict',
      [/10\.10\.0\.0\/24, which overlaps the address 10\.10\.0\.77\/16 of eth1/],
    ],
    [
      'a route',
      withRoute('10.10.0.128/25'),
      specOf(),
      'error network.conflict',
      [/overlaps the route to 10\.10\.0\.128\/25 via 198\.51\.100\.9 by eth0/],
    ],
    [
      "the host's own LAN in IPv6",
      withDevice(device('eth1', { addresses: ['fd00:1::2/48'] })),
      specOf({ ipv6: { address: 'fd00:1:0:5::1', prefix: 64, dhcp: undefined } }),
      'error network.conflict',
      [/fd00:1:0:5::\/64, which overlaps the address fd00:1::2\/48/],
    ],
    [
      'addresses of another network, also one that is off',
      createFakeWorld({
        networks: {
          default: createFakeNetwork(),
          old: createFakeNetwork({ subnets: ['10.10.0.0/20'], active: false }),
        },
      }),
      specOf(),
      'error network.conflict',
      [/overlaps the network old \(10\.10\.0\.0\/20\)/],
    ],
    [
      'a bridge that the host has',
      withDevice(device(bridge)),
      specOf(),
      'error network.conflict',
      [/would have the bridge vw-\w+, which the host \(bridge\) has already/, /another `bridge`/],
    ],
    [
      'a bridge of another network',
      createFakeWorld({ networks: { old: createFakeNetwork({ bridge, active: false }) } }),
      specOf(),
      'error network.conflict',
      [/which the network old has already/],
    ],
    [
      'a network of that name that others made',
      createFakeWorld({ networks: { 'lab-lan': createFakeNetwork() } }),
      specOf(),
      'error network.conflict',
      [/network lab-lan on the host already, which was not made by vmwright/, /`use: lab-lan`/],
    ],
    [
      'a name server on its address',
      withDns('10.10.0.1', 'named'),
      specOf(),
      'error network.conflict',
      [/named answers DNS on 10\.10\.0\.1/],
    ],
    [
      'a name server on every address',
      withDns('0.0.0.0', 'unbound'),
      specOf(),
      'error network.conflict',
      [/unbound answers DNS on every address of the host/],
    ],
    [
      'a bridge to join that is not there',
      createFakeWorld(),
      specOf({ mode: 'bridge', bridge: 'br0', ipv4: undefined }),
      'error network.not-found',
      [/no bridge br0 on the host, which the network lab-lan joins/, /`prepare\.bridges`/],
    ],
    [
      'a bridge to join that is to be prepared',
      createFakeWorld(),
      specOf(
        { mode: 'bridge', bridge: 'br0', ipv4: undefined },
        {
          hosts: [
            hostSpec({
              preparation: {
                ...noPreparation,
                bridges: [
                  {
                    name: 'br0',
                    interface: 'eth0',
                    stp: false,
                    confirmWithinMs: 60_000,
                    mayCarryDefaultRoute: true,
                  },
                ],
              },
            }),
          ],
        },
      ),
      'error network.not-found',
      [/make it with `vmwright host prepare fake`/],
    ],
    [
      'a bridge to join that is none',
      createFakeWorld(),
      specOf({ mode: 'bridge', bridge: 'eth0', ipv4: undefined }),
      'error network.not-found',
      [/joins eth0, which is no bridge on the host \(physical\)/],
    ],
    [
      'an interface to join that is not there',
      createFakeWorld(),
      specOf({ mode: 'macvtap', bridge: undefined, interface: 'eth7', ipv4: undefined }),
      'error network.not-found',
      [/no interface eth7/, /Interfaces of the host: eth0/],
    ],
    [
      'K6: no program that sets rules',
      worldWith(({ system: { network } }) => {
        network.firewall = { backend: 'none', managers: [], dropsForwarded: false }
      }),
      specOf({ forwarding }),
      'error host.tool-missing',
      [/Neither nft nor iptables/],
    ],
    [
      'K6: an outside that is not there',
      createFakeWorld(),
      specOf({ forwarding: { ...forwarding, outside: 'wan0' } }),
      'warning network.not-found',
      [/no interface wan0 on the host now/],
    ],
  ])('C15, K4: %s', async (_what, world, spec, kind, texts) => {
    const findings = await findingsOf(world, spec)
    expect(findings.map((text) => text.split(':')[0])).toEqual([kind])
    for (const text of texts) expect(findings[0]).toMatch(text)
  })

  it.each<[string, FakeWorld, Partial<OwnNetworkSpec>]>([
    ['a default route, also in two halves', withRoute('0.0.0.0/1'), {}],
    ['a neighbouring block', withRoute('10.10.1.0/24'), {}],
    ['a name server on another address', withDns('127.0.0.53', 'systemd-resolved'), {}],
    ['a bridge that is there to be joined', withDevice(device('br0')), { mode: 'bridge', bridge: 'br0' }],
    ['rules without anybody else', createFakeWorld(), { forwarding }],
  ])('C15, K4: nothing speaks against it beside %s', async (_what, world, change) => {
    const spec = change.mode === 'bridge' ? specOf({ ...change, ipv4: undefined }) : specOf(change)
    expect(await findingsOf(world, spec)).toEqual([])
  })

  it('C15: what came to the host later does not stop other work on a network that runs', async () => {
    const world = createFakeWorld()
    await openBench(specOf({ forwarding }), world, createFakeSeam()).apply()
    world.system.network.routes = [
      ...world.system.network.routes,
      { to: '10.0.0.0/8', via: undefined, interface: 'tun0' },
    ]
    world.system.network.dnsListeners = [{ address: '0.0.0.0', program: 'unbound' }]
    expect(await findingsOf(world, specOf({ forwarding }))).toEqual([])
  })

  it('K6, C15: where no command can be run on the host, rules of our own cannot be set', async () => {
    const world = createFakeWorld()
    world.capabilities = { ...world.capabilities, noShell: 'it is reached by TLS alone' }
    const findings = await findingsOf(world, specOf({ forwarding }))
    expect(findings.map((text) => text.split(':')[0])).toEqual(['error host.no-shell'])
    expect(await findingsOf(world, specOf())).toEqual([])
  })

  it('C13, K4: a fixed lease that another machine has now is refused', async () => {
    const world = createFakeWorld()
    await openBench(specOf(), world, createFakeSeam()).apply()
    world.networks['lab-lan']?.leases.push({
      mac: '52:54:00:99:99:99',
      address: '10.10.0.50',
      hostname: 'printer',
    })
    const base = specOf()
    const leased = base.instances.map((instance) => ({
      ...instance,
      interfaces: [{ ...instance.interfaces[0], leases: ['10.10.0.50'] }] as const,
    }))
    const { findings } = await openBench({ ...base, instances: leased }, world, createFakeSeam()).plan()
    expect(findings.map(({ code, message }) => `${code}: ${message}`)).toEqual([
      'address.conflict: Its address 10.10.0.50 is leased to printer.',
    ])
  })

  it('K4: a network cannot be renamed', async () => {
    const world = createFakeWorld()
    await openBench(specOf(), world, createFakeSeam()).apply()
    const renamed = { ...specOf(), networks: [{ ...ownNetwork('lan'), name: 'lan2' }] }
    const { findings } = await openBench(renamed, world, createFakeSeam()).plan()
    expect(findings.map(({ code, message }) => `${code}: ${message}`)).toEqual([
      'network.conflict: The network `lan` is on the host as lab-lan, and the spec calls it lan2: networks cannot be renamed.',
    ])
  })
})
