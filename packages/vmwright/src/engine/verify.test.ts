import { expect, it } from 'vitest'
import { createFakeVm, createFakeVolume, createFakeWorld, type FakeWorld } from '../hypervisor/fake/world.ts'
import { Progress } from '../lib/progress.ts'
import { createFakeSeam } from '../lib/testing/fake-seam.ts'
import type { InstanceSpec, ResolvedSpec } from '../spec/resolved.ts'
import { hostSpec, instanceSpec, ownNetwork, resolvedSpec } from '../testing/specs.ts'
import { openBench, servicesFor } from './testing.ts'
import { verifyHosts, type VerifyOptions } from './verify.ts'

const forwarding = { outside: undefined, masquerade: true, to: [], from: [] }

function labOf(project: string, octet: number): ResolvedSpec {
  const address = { address: `10.${octet}.0.1`, prefix: 24 }
  const ipv4 = { ...address, dhcp: { from: `10.${octet}.0.100`, to: `10.${octet}.0.200` } }
  const base = instanceSpec(`${project}-1`)
  const [nic] = base.interfaces
  const instance: InstanceSpec = {
    ...base,
    interfaces: [{ ...nic, network: 'lan', leases: [`10.${octet}.0.11`] }],
  }
  const network = ownNetwork('lan', { ipv4, forwarding, bridge: `br-${project}` })
  return resolvedSpec([instance], {
    project,
    networks: [{ ...network, name: `${project}-lan` }],
  })
}

const lab = labOf('lab', 10)
const other = labOf('other', 11)

const bench = (spec: ResolvedSpec, world: FakeWorld) => openBench(spec, world, createFakeSeam())
const verify = (world: FakeWorld, spec = lab, services: VerifyOptions['services'] = servicesFor(world)) =>
  verifyHosts(new Progress(createFakeSeam()), { spec, services })

/** `left domains lab-1`, without what is meant to be left. */
async function differencesOf(world: FakeWorld, spec = lab): Promise<readonly string[]> {
  const [verdict] = await verify(world, spec)
  if (verdict === undefined || !('differences' in verdict)) throw new Error(JSON.stringify(verdict))
  return verdict.differences
    .filter(({ kept }) => kept === undefined)
    .map(({ what, kind, name }) => `${what} ${kind} ${name}`)
}

async function provisioned(...specs: readonly ResolvedSpec[]): Promise<FakeWorld> {
  const world = createFakeWorld()
  for (const spec of specs) expect((await bench(spec, world).apply()).outcome).toBe('done')
  return world
}

it('K11: nothing is left after a destroy, and then nothing is known any more', async () => {
  const world = await provisioned(lab)
  await bench(lab, world).destroy()
  const [verdict] = await verify(world)
  expect(verdict).toMatchObject({ verdict: 'as-before', recordedAtMs: expect.any(Number) })
  expect(verdict).toMatchObject({
    differences: expect.arrayContaining([
      expect.objectContaining({ name: 'vmwright-images', kept: expect.stringContaining('images prune') }),
    ]),
  })
  expect(world.system.records).toEqual({})
  expect(await verify(world)).toMatchObject([
    { verdict: 'as-before', recordedAtMs: undefined, differences: [] },
  ])
})

it('K11: what is left is listed, and the record stays for the next look', async () => {
  const world = await provisioned(lab)
  expect(await differencesOf(world)).toEqual(
    expect.arrayContaining(['left domains lab-1', 'left networks lab-lan', 'left pools vmwright-instances']),
  )
  expect((await differencesOf(world)).filter((each) => each.includes('rules'))).toHaveLength(1)
  await bench(lab, world).destroy({ disks: 'keep' })
  expect(await differencesOf(world)).toContain('left volumes vmwright-instances/lab-1.qcow2')
  expect(Object.keys(world.system.records)).toEqual(['lab'])
  await bench(lab, world).destroy()
  expect(await differencesOf(world)).toEqual([])
})

it('K11: what belongs to another project, or was there before, does not count', async () => {
  const world = createFakeWorld({ vms: { old: createFakeVm('old') } })
  await bench(lab, world).apply()
  await bench(other, world).apply()
  await bench(lab, world).destroy()
  expect(await differencesOf(world)).toEqual([])
  expect(Object.keys(world.system.records)).toEqual(['other'])
  // What was there when the other one came, and was not its own, may be gone when it goes.
  await bench(other, world).destroy()
  expect(await differencesOf(world, other)).toEqual([])
})

it('K11: what is missing or changed is listed too, whoever did it', async () => {
  const world = createFakeWorld({ vms: { old: createFakeVm('old'), big: createFakeVm('big') } })
  if (world.pools['default'] !== undefined) world.pools['default'].volumes['data.qcow2'] = createFakeVolume()
  await bench(lab, world).apply()
  await bench(lab, world).destroy()
  delete world.vms['old']
  delete world.pools['default']?.volumes['data.qcow2']
  if (world.vms['big'] !== undefined) world.vms['big'].vcpus = 7
  world.vms['new'] = createFakeVm('new')
  expect(await differencesOf(world)).toEqual([
    'changed domains big',
    'left domains new',
    'missing domains old',
    'missing volumes default/data.qcow2',
  ])
})

it('K11: without a record, what bears the mark of the project is still found', async () => {
  const world = await provisioned(lab)
  world.system.records = {}
  expect(await differencesOf(world)).toEqual([
    'left domains lab-1',
    'left networks lab-lan',
    'left rules lab-lan',
  ])
})

it('K11, K12: one host that is down does not keep the others from being looked at', async () => {
  const world = await provisioned(lab)
  await bench(lab, world).destroy()
  const down = createFakeWorld({ host: 'rack2', down: true })
  const spec = { ...lab, hosts: [...lab.hosts, hostSpec({ name: 'rack2' })] }
  const services: VerifyOptions['services'] = {
    openHost: (progress, host) => servicesFor(host.name === 'rack2' ? down : world).openHost(progress, host),
  }
  expect(await verify(world, spec, services)).toMatchObject([
    { host: 'fake', verdict: 'as-before' },
    { host: 'rack2', verdict: 'failed', error: { code: 'host.unreachable' } },
  ])
})

it('K11: a host on which nothing can be run is not known', async () => {
  const world = createFakeWorld()
  world.capabilities = { ...world.capabilities, noShell: 'it is reached over TLS' }
  expect(await verify(world)).toEqual([
    { host: 'fake', verdict: 'not-known', reason: 'it is reached over TLS' },
  ])
})
