import { describe, expect, it } from 'vitest'
import type { FileChange } from '../hypervisor/disks.ts'
import { createFakeWorld, type FakeWorld } from '../hypervisor/fake/world.ts'
import { ProvisionError } from '../lib/errors.ts'
import { createFakeSeam } from '../lib/testing/fake-seam.ts'
import type { CustomiseSpec } from '../spec/resolved-places.ts'
import type { InstanceSpec } from '../spec/resolved.ts'
import { instanceSpec, resolvedSpec } from '../testing/specs.ts'
import { openBench } from './testing.ts'
import { ordinalsOf, volumesOf } from './testing/templates.ts'

const usual = instanceSpec('node-1')

const customised = (
  name: string,
  customise: Partial<CustomiseSpec> = {},
  more: Partial<InstanceSpec> = {},
): InstanceSpec =>
  instanceSpec(name, {
    source: {
      kind: 'image',
      id: 'debian-12',
      customise: {
        rootKeys: ['ssh-ed25519 AAAA admin'],
        certificates: [],
        install: ['nginx'],
        remove: [],
        commands: [],
        network: 'netplan',
        interfaces: ['enp1s0'],
        ...customise,
      },
    },
    cloudInit: { ...usual.cloudInit, user: { ...usual.cloudInit.user, name: 'root' } },
    ...more,
  })

const editsOf = (world: FakeWorld, name: string): readonly FileChange[] =>
  world.edits[`/var/lib/libvirt/images/vmwright/instances/${name}.qcow2`] ?? []
const applied = async (instances: readonly InstanceSpec[], world: FakeWorld = createFakeWorld()) => ({
  world,
  result: await openBench(resolvedSpec(instances), world, createFakeSeam()).apply(),
})

describe('K7: instances without cloud-init', () => {
  it('are made, customised, started and snapshotted, and have no seed', async () => {
    const { world, result } = await applied([customised('node-1')])
    expect(result.outcome).toBe('done')
    expect(result.plan.steps.map(({ kind }) => kind)).toEqual(
      expect.arrayContaining(['create-disk', 'edit-disks', 'create-snapshot']),
    )
    expect(result.plan.steps.map(({ kind }) => kind)).not.toContain('write-seed')
    expect(volumesOf(world, 'node-1').filter((volume) => volume.includes('seed'))).toEqual([])
    expect(world.vms['node-1']).toMatchObject({
      state: 'running',
      mark: { stage: 'provisioned', user: 'root', seed: { sealed: true }, image: { kind: 'image' } },
    })
    expect(world.vms['node-1']?.mark?.hostKeys).toHaveLength(2)
    expect(editsOf(world, 'node-1')).toContainEqual(
      expect.objectContaining({ kind: 'run', title: 'install nginx' }),
    )
  })

  it('edit their disk after it is made and before the first start', async () => {
    const { result } = await applied([customised('node-1')])
    const kinds = result.plan.steps.map(({ kind }) => kind)
    const at = (kind: (typeof kinds)[number]): number => kinds.indexOf(kind)
    expect(at('create-disk')).toBeLessThan(at('edit-disks'))
    expect(at('edit-disks')).toBeLessThan(at('start-vm'))
  })

  it('share neither host keys nor machine-id', async () => {
    const { world } = await applied([customised('node-1'), customised('node-2')])
    const [first, second] = ['node-1', 'node-2'].map((name) =>
      editsOf(world, name).find((change) => change.kind === 'write' && change.path === '/etc/machine-id'),
    )
    expect(first).toBeDefined()
    expect(first).not.toEqual(second)
    expect(world.vms['node-1']?.mark?.hostKeys).not.toEqual(world.vms['node-2']?.mark?.hostKeys)
  })

  it('change nothing in a second run, and say what would need a new disk', async () => {
    const { world } = await applied([customised('node-1')])
    expect((await applied([customised('node-1')], world)).result.outcome).toBe('unchanged')
    const { result } = await applied([customised('node-1', { install: ['nginx', 'curl'] })], world)
    expect(result.outcome).toBe('unchanged')
    expect(result.plan.changes[0]?.fields).toMatchObject([{ field: 'identity', how: 'replacement' }])
  })

  it('leave nothing when a command fails', async () => {
    const spec = resolvedSpec([customised('node-1')])
    const seam = createFakeSeam()
    await openBench(spec, createFakeWorld(), seam).apply()
    const world = createFakeWorld()
    const failing = createFakeSeam()
    const error = new ProvisionError('disk.edit-failed', { message: 'Could not install nginx.' })
    failing.failAt(ordinalsOf(seam, 'editDisks')[0] ?? 0, error)
    const { outcome, run } = await openBench(spec, world, failing).apply()
    expect(outcome).toBe('failed')
    expect([...(run?.errors.keys() ?? [])]).toEqual(['node-1/edit-disks'])
    expect([world.vms['node-1'], volumesOf(world, 'node-1')]).toEqual([undefined, []])
  })

  it('K10: get a root password as its hash alone', async () => {
    const rootPassword = { kind: 'env', name: 'ROOT_PASSWORD' } as const
    const instance = customised('node-1', {}, { cloudInit: { ...usual.cloudInit, rootPassword } })
    const { world } = await applied([instance])
    const titles = editsOf(world, 'node-1').map((change) => (change.kind === 'run' ? change.title : ''))
    expect(titles).toContain("set root's password")
    expect(JSON.stringify(world)).not.toContain('correct horse')
  })

  it('are refused before anything is done where libguestfs is missing', async () => {
    const world = createFakeWorld()
    world.hasGuestTools = false
    const plan = await openBench(resolvedSpec([customised('node-1')]), world, createFakeSeam()).plan()
    expect(plan.findings).toMatchObject([
      { severity: 'error', code: 'host.tool-missing', message: expect.stringContaining('node-1') },
    ])
  })
})
