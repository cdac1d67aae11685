import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { census } from '../hypervisor/fake/census.ts'
import { createFakePool, createFakeWorld } from '../hypervisor/fake/world.ts'
import { createFakeSeam } from '../lib/testing/fake-seam.ts'
import { extraDisk, instanceSpec, resolvedSpec } from '../testing/specs.ts'
import { openBench } from './testing.ts'

const instance = instanceSpec('web-1', { extraDisks: [extraDisk('vdb')] })
const spec = resolvedSpec([instance, instanceSpec('web-2')])

async function provisioned() {
  const world = createFakeWorld()
  await openBench(spec, world, createFakeSeam()).apply()
  return world
}

const volumes = (lines: readonly string[]) =>
  lines.filter((line) => line.startsWith('volume vmwright-instances/'))

describe('clean-up', () => {
  it('C30: touches the named instances alone, and skips absent ones', async () => {
    const world = await provisioned()
    const narrowed = { ...spec, instances: [instance, instanceSpec('absent')] }
    const result = await openBench(narrowed, world, createFakeSeam()).destroy()
    expect(result.outcome).toBe('done')
    expect(result.plan.changes.map((change) => [change.instance, change.action])).toEqual([
      ['web-1', 'destroy'],
      ['absent', 'none'],
    ])
    expect(Object.keys(world.vms)).toEqual(['web-2'])
  })

  it('C32: keeps the disks unless they were asked for', async () => {
    const world = await provisioned()
    await openBench(spec, world, createFakeSeam()).destroy({ disks: 'keep' })
    expect(Object.keys(world.vms)).toEqual([])
    expect(volumes(census(world)).length).toBeGreaterThan(3)
  })

  it('C32: removes root, extra and seed files, and those of names whose machine is gone already', async () => {
    const world = await provisioned()
    await openBench(spec, world, createFakeSeam()).destroy({ disks: 'keep' })
    const result = await openBench(spec, world, createFakeSeam()).destroy()
    expect(result.plan.changes.map((change) => change.action)).toEqual([
      'remove-leftovers',
      'remove-leftovers',
    ])
    expect(volumes(census(world))).toEqual([])
  })

  it('C33: never removes cached images', async () => {
    const world = await provisioned()
    const images = census(world).filter((line) => line.startsWith('volume vmwright-images/'))
    await openBench(spec, world, createFakeSeam()).destroy()
    expect(census(world).filter((line) => line.startsWith('volume vmwright-images/'))).toEqual(images)
    expect(images.length).toBe(1)
  })

  it('C32: the pool that was made goes with its last machine, the one of the images never', async () => {
    const world = await provisioned()
    const pools = () => Object.keys(world.pools).toSorted()
    await openBench({ ...spec, instances: [instance] }, world, createFakeSeam()).destroy()
    expect(pools()).toEqual(['default', 'vmwright-images', 'vmwright-instances'])
    await openBench(spec, world, createFakeSeam()).destroy({ disks: 'keep' })
    expect(pools()).toEqual(['default', 'vmwright-images', 'vmwright-instances'])
    await openBench(spec, world, createFakeSeam()).destroy()
    expect(pools()).toEqual(['default', 'vmwright-images'])
  })

  it('C32: a pool that others made stays, also when it is empty', async () => {
    const pool = createFakePool('/var/lib/libvirt/images/vmwright/instances')
    const world = createFakeWorld({ pools: { 'vmwright-instances': pool } })
    await openBench(spec, world, createFakeSeam()).apply()
    await openBench(spec, world, createFakeSeam()).destroy()
    expect(world.pools['vmwright-instances']).toMatchObject({ active: true, volumes: {} })
  })

  it('C34: removes snapshots and firmware variables with the machine', async () => {
    const world = await provisioned()
    expect(census(world).some((line) => line.startsWith('snapshot web-1'))).toBe(true)
    await openBench(spec, world, createFakeSeam()).destroy()
    expect(census(world).filter((line) => /^(snapshot|firmware)/.test(line))).toEqual([])
  })

  it('C30: of random inventories with look-alike names touches nothing undeclared', async () => {
    const lookalike = fc.constantFrom(
      'web',
      'web-',
      'web-1',
      'web-10',
      'web-1-seed',
      'Web-1',
      'xweb-1',
      'web-2',
      'web-1.old',
      'web-3',
      'web-1-vdb',
    )
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(lookalike, { maxLength: 6 }),
        fc.uniqueArray(lookalike, { maxLength: 6 }),
        async (machines, files) => {
          const world = createFakeWorld()
          const others = machines.filter((name) => !['web-1', 'web-2'].includes(name))
          await openBench(
            resolvedSpec(
              others.map((name) => instanceSpec(name)),
              { project: 'other' },
            ),
            world,
            createFakeSeam(),
          ).apply()
          await openBench(resolvedSpec([]), world, createFakeSeam()).apply()
          const pool = world.pools['vmwright-instances']
          const declaredFiles = ['web-1.qcow2', 'web-1-vdb.qcow2', 'web-2.qcow2']
          for (const name of files) {
            const file = `${name}.qcow2`
            if (pool !== undefined && !declaredFiles.includes(file)) {
              pool.volumes[file] ??= {
                capacityBytes: 1,
                allocationBytes: 1,
                format: 'raw',
                backingPath: undefined,
                complete: true,
                data: 'foreign',
                bytes: undefined,
              }
            }
          }
          const before = census(world)
          await openBench(spec, world, createFakeSeam()).apply()
          await openBench(spec, world, createFakeSeam()).destroy()
          expect(before.filter((line) => !census(world).includes(line))).toEqual([])
        },
      ),
      { numRuns: 300, seed: 7 },
    )
  })
})
