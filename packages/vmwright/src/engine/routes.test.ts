import { expect, it } from 'vitest'
import { createFakeWorld } from '../hypervisor/fake/world.ts'
import type { HostNetworkFacts } from '../hypervisor/host/network.ts'
import { Progress } from '../lib/progress.ts'
import { createFakeSeam } from '../lib/testing/fake-seam.ts'
import { instanceSpec, ownNetwork, resolvedSpec } from '../testing/specs.ts'
import { findRoutes, outwardAddresses } from './routes.ts'
import { servicesFor } from './testing.ts'

it('K9: own networks are told although nobody runs on them yet, and others as far as they are there', async () => {
  const usual = instanceSpec('web-1')
  const nic = usual.interfaces[0]
  const instances = [instanceSpec('web-1', { interfaces: [nic, { ...nic, network: 'lan' }] })]
  const networks = [
    { id: 'default', name: 'default', own: undefined },
    ownNetwork('lan', { mode: 'routed' }),
    ownNetwork('unused'),
  ]
  const found = await findRoutes(new Progress(createFakeSeam()), {
    spec: resolvedSpec(instances, { networks }),
    instances,
    services: servicesFor(createFakeWorld()),
  })
  expect(found.map(({ host }) => host)).toEqual(['fake'])
  expect(found[0]?.advice).toMatchObject([
    { network: 'default', blocks: ['192.168.122.0/24'], entry: { kind: 'unknown' } },
    { network: 'lab-lan', blocks: ['10.10.0.0/24'], entry: { kind: 'open', from: [] } },
  ])
})

it('K9: clients reach a host by the addresses beside its default route', () => {
  const link = { mac: undefined, kind: 'physical', isUp: true, master: undefined } as const
  const facts: HostNetworkFacts = {
    interfaces: [
      { ...link, name: 'lo', kind: 'loopback', addresses: ['127.0.0.1/8', '::1/128'] },
      { ...link, name: 'br0', addresses: ['fe80::1/64', '2001:db8::10/64', '192.168.1.10/24'] },
      { ...link, name: 'virbr0', addresses: ['192.168.122.1/24'] },
    ],
    routes: [
      { to: '0.0.0.0/0', via: '192.168.1.1', interface: 'br0' },
      { to: '192.168.122.0/24', via: undefined, interface: 'virbr0' },
    ],
    dnsListeners: [],
    firewall: { backend: 'none', managers: [], dropsForwarded: false },
  }
  expect(outwardAddresses(facts)).toEqual(['192.168.1.10', '2001:db8::10'])
  expect(outwardAddresses({ ...facts, routes: [] })).toEqual([])
})
