import { describe, expect, it } from 'vitest'
import { census } from '../hypervisor/fake/census.ts'
import type { FakeWorld } from '../hypervisor/fake/world.ts'
import { createFakeSeam, type FakeSeam } from '../lib/testing/fake-seam.ts'
import { GiB } from '../lib/units.ts'
import type { TemplateSpec } from '../spec/resolved.ts'
import { cloneSpec, hostSpec } from '../testing/specs.ts'
import { censusWithoutRecord, openBench } from './testing.ts'
import { clone, domain, paths, specOf, worldWith } from './testing/templates.ts'

describe('clones of templates', () => {
  it('T1, T3: have all disks under their names, hardware of the spec and firmware of the template', async () => {
    const world = worldWith()
    const spec = specOf([clone('web-1', 'auto', { vcpus: 3, firmware: 'bios' })])
    expect((await openBench(spec, world, createFakeSeam()).apply()).outcome).toBe('done')
    const folder = '/var/lib/libvirt/images/vmwright/instances'
    expect(world.vms['web-1']).toMatchObject({
      vcpus: 3,
      firmware: 'uefi',
      disks: [
        { device: 'vda', path: `${folder}/web-1.qcow2`, format: 'qcow2' },
        { device: 'vdb', path: `${folder}/web-1-vdb.qcow2`, format: 'raw' },
        { device: 'vdc', path: `${folder}/web-1-vdc.qcow2`, format: 'qcow2' },
      ],
      mark: { stage: 'provisioned', image: { kind: 'template', id: 'debian' }, user: 'debian' },
    })
  })

  it.each([
    ['offline', 'web-1\n', undefined],
    ['cloud-init', undefined, 'written'],
  ] as const)('T6: get their identity %s, and not in the other way', async (identity, hostname, seed) => {
    const world = worldWith()
    await openBench(specOf([clone('web-1')], { identity }), world, createFakeSeam()).apply()
    const written = Object.values(world.edits)
      .flat()
      .find((edit) => edit.kind === 'write' && edit.path === '/etc/hostname')
    expect(written?.kind === 'write' ? written.content : undefined).toBe(hostname)
    expect(world.pools['vmwright-instances']?.volumes['web-1-seed.iso']?.data).toBe(seed)
    expect(world.vms['web-1']?.mark).toMatchObject({
      hostKeys: expect.arrayContaining([expect.stringContaining('ssh-ed25519 ')]),
      seed: { sealed: true },
    })
  })

  it('T6: two clones share neither host keys nor machine-id', async () => {
    const world = worldWith()
    await openBench(specOf([clone('web-1'), clone('web-2')]), world, createFakeSeam()).apply()
    const ids = Object.values(world.edits).map((edits) =>
      edits.find((edit) => edit.kind === 'write' && edit.path === '/etc/machine-id'),
    )
    expect(new Set(ids.map((edit) => JSON.stringify(edit))).size).toBe(2)
    expect(world.vms['web-1']?.mark?.hostKeys).not.toEqual(world.vms['web-2']?.mark?.hostKeys)
  })

  it('T1: stay as they are when their template changes or goes, and are removed without it', async () => {
    const world = worldWith()
    const spec = specOf([clone('web-1')])
    const before = census(world).filter((line) => !line.includes('golden') && !line.includes(domain))
    await openBench(spec, world, createFakeSeam()).apply()
    delete world.vms[domain]
    for (const path of paths) delete world.files[path]
    const again = await openBench(spec, world, createFakeSeam()).apply()
    expect([again.outcome, again.instances[0]?.drift]).toEqual(['unchanged', []])
    await openBench(spec, world, createFakeSeam()).destroy()
    expect(censusWithoutRecord(world)).toEqual(before)
  })

  it('T6: say when what was written into their disks would be another now, and change nothing unasked', async () => {
    const world = worldWith()
    await openBench(specOf([clone('web-1')]), world, createFakeSeam()).apply()
    const renamed = clone('web-1')
    const user = { ...renamed.cloudInit.user, sshKeys: ['ssh-ed25519 AAAA ann'] }
    const spec = specOf([{ ...renamed, cloudInit: { ...renamed.cloudInit, user } }])
    const { plan, outcome } = await openBench(spec, world, createFakeSeam()).apply()
    expect(outcome).toBe('unchanged')
    expect(plan.changes[0]?.fields).toMatchObject([{ field: 'identity', how: 'replacement' }])
    const reseed = await openBench(spec, world, createFakeSeam()).plan({ reseed: new Set(['web-1']) })
    expect(reseed.findings.map(({ code }) => code)).toEqual(['usage.invalid'])
    const replaced = await openBench(spec, world, createFakeSeam()).apply({ replace: new Set(['web-1']) })
    expect(replaced.outcome).toBe('done')
    expect((await openBench(spec, world, createFakeSeam()).plan()).changes[0]?.fields).toEqual([])
  })

  it('T1: grow their first disk when the spec asks for more, and refuse less', async () => {
    const world = worldWith()
    const sized = (sizeMib: number) =>
      specOf([clone('web-1', 'auto', { rootDisk: { ...cloneSpec('x').rootDisk, sizeMib } })])
    await openBench(sized(4096), world, createFakeSeam()).apply()
    expect(world.pools['vmwright-instances']?.volumes['web-1.qcow2']?.capacityBytes).toBe(4 * GiB)
    const smaller = await openBench(sized(1024), worldWith(), createFakeSeam()).plan()
    expect(smaller.findings.map(({ code }) => code)).toEqual(['disk.shrink-refused'])
  })
})

describe('overlays', () => {
  const modes = (world: FakeWorld) => paths.map((path) => world.files[path]?.disk?.mode)

  it('T1: protect the template until the last of them is gone', async () => {
    const world = worldWith()
    const spec = specOf([clone('web-1', 'overlay'), clone('web-2', 'overlay'), clone('web-3', 'copy')])
    const made = await openBench(spec, world, createFakeSeam()).apply()
    const domain = spec.templates[0]?.domain
    expect(made.instances.map(({ restsOn }) => restsOn)).toEqual([domain, domain, undefined])
    expect(modes(world)).toEqual([0o444, 0o444, 0o444])
    await openBench({ ...spec, instances: spec.instances.slice(1) }, world, createFakeSeam()).destroy()
    expect(modes(world)).toEqual([0o444, 0o444, 0o444])
    await openBench(spec, world, createFakeSeam()).destroy()
    expect(modes(world)).toEqual([0o644, 0o644, 0o644])
  })

  it('T1: of which none could be made leave the template as it was', async () => {
    const world = worldWith()
    world.newPoolBytes = 1
    const spec = specOf([clone('web-1', 'overlay')])
    expect((await openBench(spec, world, createFakeSeam()).apply()).outcome).toBe('failed')
    expect(modes(world)).toEqual([0o644, 0o644, 0o644])
  })

  it('T1, T8: tell when the template changed under them, and no more are made', async () => {
    const world = worldWith()
    const first = specOf([clone('web-1', 'overlay')])
    await openBench(first, world, createFakeSeam()).apply()
    const disk = world.files[paths[0] ?? '']?.disk
    if (disk !== undefined) disk.modifiedNs = '42'
    const again = await openBench(first, world, createFakeSeam()).apply()
    expect(again.plan.findings.map(({ severity, code }) => `${severity} ${code}`)).toEqual([
      'warning template.changed',
    ])
    expect(again.instances[0]?.drift).toEqual(['template debian: its disks changed under this overlay'])
    const more = specOf([clone('web-1', 'overlay'), clone('web-2', 'overlay')])
    expect((await openBench(more, world, createFakeSeam()).apply()).outcome).toBe('blocked')
    const anew = await openBench(first, structuredClone(world), createFakeSeam()).apply({
      replace: new Set(['web-1']),
    })
    expect([anew.outcome, anew.instances[0]?.drift]).toEqual(['done', []])
    const copy = specOf([clone('web-1', 'overlay'), clone('web-2', 'copy')])
    expect((await openBench(copy, world, createFakeSeam()).apply()).outcome).toBe('done')
  })
})

describe('T8: validation', () => {
  const inspections = (seam: FakeSeam): number =>
    seam.effects.filter(({ kind }) => kind === 'fake.inspectFiles').length
  const accessChecks = (seam: FakeSeam): number =>
    seam.effects.filter(({ kind }) => kind === 'fake.checkAccess').length

  it('T8: is done once for what stays the same, and again when it changed', async () => {
    const world = worldWith()
    const spec = specOf([clone('web-1')], {}, { validate: 'once', fullHash: true })
    const plan = async () => {
      const seam = createFakeSeam()
      const { templates } = await openBench(spec, world, seam).plan()
      return [templates[0]?.validated, inspections(seam), accessChecks(seam)]
    }
    expect(await plan()).toEqual(['now', 2, 1])
    expect(await plan()).toEqual(['earlier', 1, 0])
    const disk = world.files[paths[1] ?? '']?.disk
    if (disk !== undefined) disk.modifiedNs = '42'
    expect(await plan()).toEqual(['now', 2, 1])
    expect(await plan()).toEqual(['earlier', 1, 0])
  })

  it('T8: is not remembered of a template that did not pass, nor with `always`', async () => {
    const world = worldWith()
    const validated = async (
      template: Partial<TemplateSpec>,
      validate: 'once' | 'always',
    ): Promise<string | undefined> => {
      const spec = specOf([clone('web-1')], template, { validate })
      return (await openBench(spec, world, createFakeSeam()).plan()).templates[0]?.validated
    }
    expect(await validated({ disks: ['/srv/other.raw'] }, 'once')).toBe('now')
    expect(await validated({ disks: ['/srv/other.raw'] }, 'once')).toBe('now')
    expect(await validated({}, 'always')).toBe('now')
    expect(await validated({}, 'once')).toBe('now')
    expect(await validated({}, 'once')).toBe('earlier')
    expect(await validated({}, 'always')).toBe('now')
  })
})

describe('T9: access', () => {
  it('T9: is repaired before anything is made, where the host says so', async () => {
    const world = worldWith()
    world.access.denied.push({ path: '/srv/golden', permissions: '--x' })
    const spec = { ...specOf([clone('web-1', 'overlay')]), hosts: [hostSpec({ repairAccess: true })] }
    const { outcome } = await openBench(spec, world, createFakeSeam()).apply()
    expect([outcome, world.access.repairs.map(({ path }) => path)]).toEqual(['done', ['/srv/golden']])
    expect((await openBench(spec, world, createFakeSeam()).apply()).outcome).toBe('unchanged')
  })

  it('T9: a machine that is not let in when it starts is told the folder in the way', async () => {
    const world = worldWith()
    const spec = specOf([clone('web-1')])
    await openBench(spec, world, createFakeSeam()).apply()
    const vm = world.vms['web-1']
    if (vm !== undefined) vm.state = 'stopped'
    const folder = '/var/lib/libvirt/images/vmwright/instances'
    world.access.denied.push({ path: folder, permissions: '--x' })
    const { outcome, run } = await openBench(spec, world, createFakeSeam()).apply()
    expect(outcome).toBe('failed')
    expect([...(run?.errors.values() ?? [])]).toMatchObject([
      { code: 'host.access-denied', message: expect.stringContaining(folder), hint: expect.any(String) },
    ])
  })
})
