import { describe, expect, it } from 'vitest'
import { census } from '../hypervisor/fake/census.ts'
import {
  createFakeNetwork,
  createFakePool,
  createFakeWorld,
  type FakeWorld,
} from '../hypervisor/fake/world.ts'
import { createFakeSeam } from '../lib/testing/fake-seam.ts'
import { GiB, MiB } from '../lib/units.ts'
import type { InstanceSpec, ResolvedSpec } from '../spec/resolved.ts'
import { hostSpec, instanceSpec, resolvedSpec } from '../testing/specs.ts'
import { openBench } from './testing.ts'

const one = instanceSpec('web-1')
const nic = one.interfaces[0]
const withNic = (change: Partial<typeof nic>): InstanceSpec => ({
  ...one,
  interfaces: [{ ...nic, ...change }],
})
const bench = (world: FakeWorld, spec: ResolvedSpec) => openBench(spec, world, createFakeSeam())

async function findingsOf(world: FakeWorld, spec: ResolvedSpec): Promise<readonly string[]> {
  const { findings } = await bench(world, spec).plan()
  return findings.map((finding) => `${finding.severity} ${finding.code}`)
}

describe('C15: preflight', () => {
  it.each<[string, Partial<FakeWorld>, ResolvedSpec, readonly string[]]>([
    ['nothing to find', {}, resolvedSpec([one]), []],
    [
      'C13: a network that does not exist',
      { networks: {} },
      resolvedSpec([one]),
      ['error network.not-found'],
    ],
    [
      'C13: a network that is not active',
      { networks: { default: createFakeNetwork({ active: false }) } },
      resolvedSpec([one]),
      ['error network.inactive'],
    ],
    [
      'a pool that does not exist',
      {},
      resolvedSpec([one], { pools: [{ id: 'instances', kind: 'use', name: 'fast' }] }),
      ['error pool.not-found'],
    ],
    [
      'a pool of the name at another path',
      { pools: { 'vmwright-instances': createFakePool('/elsewhere') } },
      resolvedSpec([one]),
      ['error pool.not-found'],
    ],
    [
      'images kept at another path than the spec says',
      { pools: { 'vmwright-images': createFakePool('/elsewhere') } },
      resolvedSpec([one]),
      ['error pool.not-found'],
    ],
    [
      'more memory than the host has',
      {},
      resolvedSpec([{ ...one, memoryMib: 1_000_000 }]),
      ['error host.no-space', 'warning host.no-space'],
    ],
    ['more CPUs than the host has', {}, resolvedSpec([{ ...one, vcpus: 64 }]), ['warning host.no-space']],
    [
      'a disk smaller than its image',
      {},
      resolvedSpec([{ ...one, rootDisk: { ...one.rootDisk, sizeMib: 1024 } }]),
      ['error disk.shrink-refused'],
    ],
    [
      'an address outside its network',
      {},
      resolvedSpec([withNic({ dhcp4: false, addresses: ['10.9.8.7/24'] })]),
      ['warning address.conflict'],
    ],
  ])('%s', async (_what, world, spec, wanted) => {
    expect([...(await findingsOf(createFakeWorld(world), spec))].toSorted()).toEqual(wanted)
  })

  it('a host without UEFI firmware', async () => {
    const world = createFakeWorld()
    world.capabilities = { ...world.capabilities, uefi: false }
    expect(await findingsOf(world, resolvedSpec([one]))).toEqual(['error host.missing-capability'])
  })

  it('G7: a host without the emulator of an architecture, unless one is named', async () => {
    const world = createFakeWorld()
    world.capabilities = { ...world.capabilities, uefi: false }
    const of = (architecture: string, emulator?: string) =>
      resolvedSpec([{ ...one, processor: { architecture, model: undefined, emulator } }])
    expect(await findingsOf(world, of('s390x'))).toEqual(['error host.missing-capability'])
    expect(await findingsOf(world, of('aarch64'))).toEqual([])
    expect(await findingsOf(world, of('s390x', '/opt/qemu-s390x'))).toEqual([])
  })

  it('an address or a MAC that another machine has', async () => {
    const world = createFakeWorld()
    await bench(
      world,
      resolvedSpec([{ ...withNic({ mac: '52:54:00:aa:bb:cc' }), name: 'other' }], { project: 'other' }),
    ).apply()
    expect(await findingsOf(world, resolvedSpec([withNic({ mac: '52:54:00:aa:bb:cc' })]))).toEqual([
      'error address.conflict',
    ])
    const address = '192.168.122.77'
    world.networks['default']?.leases.push({ mac: '52:54:00:99:99:99', address, hostname: 'printer' })
    expect(
      await findingsOf(world, resolvedSpec([withNic({ dhcp4: false, addresses: [`${address}/24`] })])),
    ).toEqual(['error address.conflict'])
  })

  it('a pool without room for full copies', async () => {
    const world = createFakeWorld({
      pools: {
        'vmwright-instances': {
          ...createFakePool('/var/lib/libvirt/images/vmwright/instances'),
          capacityBytes: 100 * MiB,
        },
      },
    })
    const copy = { ...one, rootDisk: { ...one.rootDisk, mode: 'copy' as const } }
    expect(await findingsOf(world, resolvedSpec([copy]))).toEqual(['error pool.full'])
  })

  it('tells everything at once, lists what exists, and stops apply before anything is done', async () => {
    const world = createFakeWorld({ networks: { lab: createFakeNetwork() } })
    const before = census(world)
    const spec = resolvedSpec([one, { ...instanceSpec('web-2'), memoryMib: 1_000_000 }])
    const result = await bench(world, spec).apply()
    expect(result.outcome).toBe('blocked')
    expect(
      result.plan.findings.filter((finding) => finding.severity === 'error').map((finding) => finding.code),
    ).toEqual(expect.arrayContaining(['network.not-found', 'host.no-space']))
    expect(result.plan.findings.find((finding) => finding.code === 'network.not-found')?.hint).toContain(
      'lab',
    )
    expect(census(world)).toEqual(before)
  })
})

describe('C13: an inactive network', () => {
  it('C13: is started where the host allows it', async () => {
    const world = createFakeWorld({ networks: { default: createFakeNetwork({ active: false }) } })
    const spec = resolvedSpec([one], { hosts: [hostSpec({ startInactiveNetworks: true })] })
    expect((await bench(world, spec).apply()).outcome).toBe('done')
    expect(world.networks['default']?.active).toBe(true)
  })
})

describe('C14: a stage runs alone', () => {
  const spec = resolvedSpec([one])

  it('C14, T10: preflight finds and does nothing', async () => {
    const world = createFakeWorld()
    const before = census(world)
    const seam = createFakeSeam()
    const result = await openBench(spec, world, seam).apply({ stage: 'preflight' })
    expect(result.plan.steps).toEqual([])
    expect(seam.mutations).toEqual([])
    expect(census(world)).toEqual(before)
  })

  it('C3, C14: image-cache handles every image of the spec, and no machine', async () => {
    const second = { ...spec.images[0]!, id: 'debian-13' }
    const plan = await bench(createFakeWorld(), { ...spec, images: [...spec.images, second] }).plan({
      stage: 'image-cache',
    })
    expect(plan.steps.map((step) => step.id)).toEqual([
      'fake/fetch-image:debian-12',
      'fake/fetch-image:debian-13',
    ])
  })

  it('C14, C17: provision makes machines without starting them, runtime starts and finishes them', async () => {
    const world = createFakeWorld()
    await bench(world, spec).apply({ stage: 'provision' })
    expect(world.vms['web-1']).toMatchObject({ state: 'stopped', mark: { stage: 'created' } })
    await bench(world, spec).apply({ stage: 'runtime' })
    expect(world.vms['web-1']).toMatchObject({
      state: 'running',
      mark: { stage: 'provisioned', seed: { sealed: true } },
    })
    expect(world.vms['web-1']?.snapshots.map((snapshot) => snapshot.name)).toEqual(['snapshot-a'])
    expect((await bench(world, spec).plan()).steps).toEqual([])
  })

  it('C14: runtime of a machine that does not exist says so', async () => {
    const result = await bench(createFakeWorld(), spec).apply({ stage: 'runtime' })
    expect(result.plan.findings.map((finding) => finding.code)).toEqual(['vm.not-found'])
  })
})

describe('C20: parallel workers', () => {
  it('C20: never more steps at once on a host than it allows, and the same result as with one', async () => {
    const instances = Array.from({ length: 6 }, (_none, index) =>
      instanceSpec(`web-${index}`, { rootDisk: { ...one.rootDisk, sizeMib: (10 * GiB) / MiB } }),
    )
    const results = await Promise.all(
      [1, 8].map(async (parallel) => {
        const world = createFakeWorld()
        const opened = bench(world, resolvedSpec(instances, { hosts: [hostSpec({ parallel })] }))
        await opened.apply()
        let running = 0
        let most = 0
        for (const event of opened.events) {
          if (event.kind === 'step-started') most = Math.max(most, ++running)
          if (event.kind === 'step-finished') running--
        }
        expect(most).toBeLessThanOrEqual(parallel)
        return census(world)
      }),
    )
    expect(results[0]).toEqual(results[1])
  })
})
