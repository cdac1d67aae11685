import { afterEach, expect, it } from 'vitest'
import { sha256Hex } from '../../lib/hash.ts'
import type { NetworkDefinition, NetworkMode, ObservedNetwork, Reservation } from '../networks.ts'
import { normalNetwork } from '../normal-network.ts'
import { expectCode, type Suite } from './suite.ts'

/** Networks that are made (K4). The addresses are of one /16 that nothing else here uses: 10.213.0.0. */
export function describeNetworks(suite: () => Suite): void {
  const network = (what: string, overrides: Partial<NetworkDefinition> = {}): NetworkDefinition => {
    const name = suite().name(what)
    return {
      name,
      mark: { project: suite().name('project'), network: what },
      mode: 'open',
      bridge: `vwt${sha256Hex(name).slice(0, 8)}`,
      mac: undefined,
      interface: undefined,
      mtu: undefined,
      ipv4: { address: '10.213.210.1', prefix: 24, dhcp: { from: '10.213.210.100', to: '10.213.210.199' } },
      ipv6: undefined,
      domain: undefined,
      records: [],
      forwarders: [],
      reservations: [],
      autostart: false,
      ...overrides,
    }
  }
  const see = async (name: string): Promise<ObservedNetwork | undefined> =>
    (await suite().host.observe(suite().progress)).networks.find((other) => other.name === name)
  /** Its definition, and that it runs with it. */
  const expectSeen = async (wanted: NetworkDefinition): Promise<void> => {
    const seen = await see(wanted.name)
    const given = wanted.mac === undefined ? { mac: undefined } : {}
    expect({ ...seen?.definition, ...given }).toEqual(normalNetwork(wanted))
    const { mark, autostart } = wanted
    expect(seen).toMatchObject({ active: true, mark, autostart, running: undefined })
  }

  afterEach(async () => {
    const { host, progress, prefix } = suite()
    const all = await host.observe(progress)
    for (const { name, interfaces } of all.vms)
      if (interfaces.some((nic) => nic.network?.startsWith(prefix) === true))
        await host.stopVm(progress, name, 'force')
    for (const { name, mark } of all.networks)
      if (mark !== undefined && name.startsWith(prefix))
        await host.networks.remove(progress, { ...mark, name })
  })

  it.each<[string, Partial<NetworkDefinition>]>([
    [
      'NAT with everything',
      {
        mode: 'nat',
        mac: '52:54:00:D5:00:01',
        mtu: 1400,
        ipv6: {
          address: 'fd00:213:1::1',
          prefix: 64,
          dhcp: { from: 'fd00:213:1::100', to: 'fd00:213:1::1ff' },
        },
        domain: 'lab.test',
        forwarders: ['9.9.9.9', '2620:fe::fe'],
        records: [
          { address: '10.213.210.20', names: ['registry', 'mirror'] },
          { address: '192.0.2.80', names: ['outside'] },
        ],
        reservations: [
          { mac: '52:54:00:d5:01:01', name: 'web', address: '10.213.210.10' },
          { mac: '52:54:00:d5:01:01', name: 'web', address: 'fd00:213:1::10' },
          { mac: '52:54:00:d5:01:02', name: 'web', address: '10.213.210.11' },
          { mac: undefined, name: 'still', address: '10.213.210.12' },
        ],
        autostart: true,
      },
    ],
    ['routed IPv4 with names alone', withoutDhcp('routed')],
    ['isolated', withoutDhcp('isolated')],
    ['open', {}],
    ['IPv6 alone', { ipv4: undefined, ipv6: { address: 'fd00:213:2::1', prefix: 64, dhcp: undefined } }],
    ['a bridge of the host', { ...noAddresses, mode: 'bridge', bridge: 'vwtbr0' }],
    [
      'an interface of the host',
      { ...noAddresses, mode: 'macvtap', bridge: undefined, interface: 'vwteth0' },
    ],
  ])('K4: a network comes back as it was defined: %s', async (_, overrides) => {
    const { host, progress } = suite()
    const wanted = network('lab', overrides)
    await host.networks.ensure(progress, wanted)
    await expectSeen(wanted)
    const seen = await see(wanted.name)
    await host.networks.ensure(progress, wanted)
    expect(await see(wanted.name)).toEqual(seen)
  })

  it('K4: a network serves its blocks', async () => {
    const { host, progress } = suite()
    const ipv6 = { address: 'fd00:213:1::1', prefix: 64, dhcp: undefined }
    await host.networks.ensure(progress, network('lab', { ipv6 }))
    expect(await see(network('lab').name)).toMatchObject({
      subnets: ['10.213.210.0/24', 'fd00:213:1::/64'],
      hasDhcp: true,
      bridge: network('lab').bridge,
    })
  })

  it.each<[string, Partial<NetworkDefinition>]>([
    ['the name', { mark: { project: 'another', network: 'lab' } }],
    ['the bridge', { name: 'other' }],
    ['its addresses', { name: 'other', bridge: 'vwtother' }],
    [
      'addresses of it',
      { name: 'other', bridge: 'vwtother', ipv4: { address: '10.213.0.1', prefix: 16, dhcp: undefined } },
    ],
  ])('K4: a network that needs %s of another is a conflict, and changes nothing', async (_, overrides) => {
    const { host, progress, name } = suite()
    const first = network('lab')
    await host.networks.ensure(progress, first)
    const second = { ...first, ...overrides, name: name(overrides.name ?? 'lab') }
    await expectCode(host.networks.ensure(progress, second), 'network.conflict', first.name)
    await expectSeen(first)
  })

  it('K4: reservations and names change while it runs, each to what was wanted', async () => {
    const { host, progress } = suite()
    const ipv6 = {
      address: 'fd00:213:1::1',
      prefix: 64,
      dhcp: { from: 'fd00:213:1::100', to: 'fd00:213:1::1ff' },
    }
    const base = network('lab', { ipv6, domain: 'lab.test' })
    await host.networks.ensure(progress, base)
    const steps: readonly Pick<NetworkDefinition, 'reservations' | 'records'>[] = [
      { reservations: [at(10, 'a'), at(11, 'b'), at(12, 'c')], records: [] },
      // Two change places, one has another MAC, one is new, and one goes.
      {
        reservations: [at(10, 'b'), at(11, 'a'), { ...at(12, 'c'), mac: macOf(99) }, at(13, 'd')],
        records: [],
      },
      {
        reservations: [{ ...at(13, 'a'), mac: undefined }],
        records: [{ address: '10.213.210.13', names: ['x', 'y'] }],
      },
      {
        reservations: [at(10, 'a'), { ...at(10, 'a'), address: 'fd00:213:1::10' }],
        records: [{ address: '192.0.2.1', names: ['a'] }],
      },
      { reservations: [], records: [] },
    ]
    for (const step of steps) {
      await host.networks.update(progress, { ...base, ...step }, 'live')
      await expectSeen({ ...base, ...step })
      await host.networks.update(progress, { ...base, ...step }, 'live')
    }
    await host.networks.update(progress, { ...base, autostart: true }, 'live')
    await expectSeen({ ...base, autostart: true })
  })

  it('K4: what needs a restart is not done live', async () => {
    const { host, progress } = suite()
    const base = network('lab')
    await host.networks.ensure(progress, base)
    await expectCode(
      host.networks.update(progress, { ...base, mtu: 1400 }, 'live'),
      'network.in-use',
      base.name,
    )
    await expectSeen(base)
    await host.networks.update(progress, { ...base, mtu: 1400 }, 'restart')
    await expectSeen({ ...base, mtu: 1400 })
  })

  it('K4 K11: a machine stays connected over a live change and a restart, and keeps its network', async () => {
    const { host, progress, machine, findVm } = suite()
    const base = network('lab')
    await host.networks.ensure(progress, base)
    const mac = '52:54:00:d5:02:01'
    const vm = await machine('connected', { interfaces: [{ mac, network: base.name }] })
    await host.startVm(progress, vm.name)
    const live = { ...base, reservations: [{ mac, name: 'connected', address: '10.213.210.10' }] }
    await host.networks.update(progress, live, 'live')
    expect((await findVm(vm.name))?.detached).toEqual([])
    await host.networks.update(progress, { ...live, mtu: 1400 }, 'restart')
    await expectSeen({ ...live, mtu: 1400 })
    expect((await findVm(vm.name))?.detached).toEqual([])
    await host.networks.reattach(progress, vm.name)
    const unwanted = { ...base.mark, name: base.name }
    await expectCode(host.networks.remove(progress, unwanted), 'network.in-use', vm.name)
    await host.stopVm(progress, vm.name, 'force')
    await host.networks.remove(progress, unwanted)
    expect(await see(base.name)).toBeUndefined()
  })

  it('K11: only the network with the mark is removed, and removing it again is nothing', async () => {
    const { host, progress } = suite()
    const wanted = network('lab')
    await host.networks.ensure(progress, wanted)
    await host.networks.remove(progress, { project: 'another', network: 'lab', name: wanted.name })
    await expectSeen(wanted)
    await host.networks.remove(progress, { ...wanted.mark, name: wanted.name })
    expect(await see(wanted.name)).toBeUndefined()
    await host.networks.remove(progress, { ...wanted.mark, name: wanted.name })
  })
}

const withoutDhcp = (mode: NetworkMode): Partial<NetworkDefinition> => ({
  mode,
  ipv4: { address: '10.213.210.1', prefix: 25, dhcp: undefined },
  reservations: [{ mac: undefined, name: 'still', address: '10.213.210.12' }],
})

const noAddresses: Partial<NetworkDefinition> = { ipv4: undefined, ipv6: undefined }

const macOf = (last: number): string => `52:54:00:d5:03:${String(last).padStart(2, '0')}`

/** The MAC goes with the name. */
const at = (last: number, name: string): Reservation => ({
  mac: macOf('abcdef'.indexOf(name)),
  name,
  address: `10.213.210.${last}`,
})
