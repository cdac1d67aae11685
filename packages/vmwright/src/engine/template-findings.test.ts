import { describe, expect, it } from 'vitest'
import { addHostFile, addTemplate } from '../hypervisor/fake/templates.ts'
import { createFakeVm, createFakeVolume, createFakeWorld, type FakeWorld } from '../hypervisor/fake/world.ts'
import { createFakeSeam } from '../lib/testing/fake-seam.ts'
import { GiB } from '../lib/units.ts'
import type { CloneMode, InstanceSpec, ResolvedSpec, TemplateSpec } from '../spec/resolved.ts'
import { cloneSpec, extraDisk, hostSpec, resolvedSpec, templateSpec } from '../testing/specs.ts'
import { openBench } from './testing.ts'

const domain = 'debian-template'
const root = '/srv/golden/root.qcow2'
const data = '/srv/golden/data.raw'

const cloneBy = (mode: CloneMode, name = 'web-1', more: Partial<InstanceSpec> = {}): InstanceSpec => {
  const spec = cloneSpec(name, more)
  return { ...spec, source: { ...spec.source, clone: mode } as InstanceSpec['source'] }
}

const specOf = (
  template: Partial<TemplateSpec> = {},
  instance: InstanceSpec = cloneSpec('web-1'),
  more: Partial<ResolvedSpec> = {},
): ResolvedSpec => resolvedSpec([instance], { templates: [templateSpec(template)], ...more })

type Spoil = (world: FakeWorld) => void

function worldWith(spoil: Spoil): FakeWorld {
  const world = createFakeWorld()
  addTemplate(world, {
    name: domain,
    disks: [{ path: root }, { path: data, format: 'raw' }],
  })
  spoil(world)
  return world
}

const template = (world: FakeWorld) => {
  const vm = world.vms[domain]
  if (vm === undefined) throw new Error('the template is gone')
  return vm
}

const withDisk =
  (facts: Partial<ReturnType<typeof template>['disks'][number]>): Spoil =>
  (world) => {
    const [first, ...rest] = template(world).disks
    if (first !== undefined) template(world).disks = [{ ...first, ...facts }, ...rest]
  }

const here = { pools: [{ id: 'instances', kind: 'use' as const, name: 'default' }] }

const fine: Spoil = () => {}

/** Each case: what is wrong, how, with which spec, and code and words of what is found. */
const cases: readonly (readonly [string, Spoil, ResolvedSpec, readonly (readonly [string, string])[]])[] = [
  ['T3: nothing', fine, specOf(), []],
  ['T3: nothing, with all disks listed', fine, specOf({ disks: [root, data] }), []],
  [
    'T3: no machine of the name; the others are listed',
    (world) => {
      world.vms['golden'] = { ...template(world), name: 'golden' }
      delete world.vms[domain]
    },
    specOf(),
    [['error template.not-found', 'golden']],
  ],
  [
    'T1: it runs',
    (world) => void (template(world).state = 'running'),
    specOf(),
    [['error template.running', 'whenRunning: shut-down']],
  ],
  [
    'T1: it runs and may be shut down',
    (world) => void (template(world).state = 'running'),
    specOf({ whenRunning: 'shut-down' }),
    [],
  ],
  [
    'T1: it is paused, which no guest can be asked to end',
    (world) => void (template(world).state = 'paused'),
    specOf({ whenRunning: 'shut-down' }),
    [['error template.running', 'virsh resume']],
  ],
  [
    'T3: a listed disk that does not exist, and those that are not listed',
    fine,
    specOf({ disks: ['/srv/golden/gone.qcow2'] }),
    [
      ['error template.disk-invalid', '/srv/golden/gone.qcow2 is missing'],
      ['error template.disk-invalid', `${root}, which is not listed`],
      ['error template.disk-invalid', `${data}, which is not listed`],
    ],
  ],
  [
    'T3: a listed disk of another machine',
    (world) => void addTemplate(world, { name: 'other', disks: [{ path: '/srv/golden/other.qcow2' }] }),
    specOf({ disks: [root, data, '/srv/golden/other.qcow2'] }),
    [['error template.disk-invalid', 'other.qcow2 is not a disk of debian-template']],
  ],
  [
    'T3: disks listed in another order',
    fine,
    specOf({ disks: [data, root] }),
    [['error template.disk-invalid', 'another order']],
  ],
  [
    'T3: a disk whose file is gone',
    (world) => void delete world.files[data],
    specOf(),
    [['error template.disk-invalid', `${data} does not exist`]],
  ],
  [
    'T3: a disk that cannot be read',
    (world) => void (world.files[root] = { kind: 'unreadable', disk: undefined }),
    specOf(),
    [['error template.disk-invalid', `${root} cannot be read`]],
  ],
  [
    'T3: a disk that is a block device',
    (world) => void (world.files[root] = { kind: 'block-device', disk: undefined }),
    specOf(),
    [['error template.disk-invalid', 'block device']],
  ],
  [
    'T3: a disk over the network',
    withDisk({ path: undefined }),
    specOf(),
    [['error template.disk-invalid', 'not a file']],
  ],
  [
    'T3: a disk that another machine has too',
    (world) =>
      void (world.vms['twin'] = createFakeVm('twin', {
        disks: [{ device: 'vda', path: root, kind: 'disk', format: 'qcow2' }],
      })),
    specOf(),
    [['error template.disk-invalid', 'disk of twin too']],
  ],
  [
    'T3: a qcow2 that is defined as raw',
    withDisk({ format: 'raw' }),
    specOf(),
    [['error template.disk-invalid', 'is qcow2, and defined as raw']],
  ],
  [
    'T3: a qcow2 whose format the definition does not say',
    withDisk({ format: undefined }),
    specOf(),
    [['error template.disk-invalid', 'does not say the format']],
  ],
  [
    'T3: a backing file that nobody knows',
    (world) => addHostFile(world, root, createFakeVolume({ backingPath: '/srv/strange.qcow2' })),
    specOf(),
    [['error template.disk-invalid', '/srv/strange.qcow2']],
  ],
  [
    'T3: a backing file in a pool is fine',
    (world) => {
      addHostFile(world, '/var/lib/libvirt/images/base.qcow2', createFakeVolume())
      addHostFile(world, root, createFakeVolume({ backingPath: '/var/lib/libvirt/images/base.qcow2' }))
    },
    specOf(),
    [],
  ],
  [
    'T4: a clone with the name of the template, also when asked to adopt it',
    fine,
    specOf({}, cloneSpec(domain)),
    [['error vm.foreign', 'is the template']],
  ],
  [
    'T1: a disk whose device the template has',
    fine,
    specOf({}, cloneSpec('web-1', { extraDisks: [extraDisk('vdb')] })),
    [['error disk.conflict', 'vdb']],
  ],
  [
    'T1: no shell on the host',
    (world) => void (world.capabilities = { ...world.capabilities, noShell: 'it is reached over TLS' }),
    specOf(),
    [['error host.no-shell', 'over TLS']],
  ],
  [
    'T6: no libguestfs on the host',
    (world) => void (world.hasGuestTools = false),
    specOf(),
    [['error host.tool-missing', 'libguestfs']],
  ],
  [
    'T6: no libguestfs on the host, and nobody needs it',
    (world) => void (world.hasGuestTools = false),
    specOf({ identity: 'cloud-init' }),
    [],
  ],
  [
    'T1: no space for a copy of a disk',
    (world) => void Object.assign(world.pools['default'] ?? {}, { capacityBytes: GiB / 4 }),
    specOf({}, cloneBy('copy'), here),
    [['error pool.full', 'the clones need 512 MiB']],
  ],
  [
    'T1: perhaps no space for a raw file that may have holes',
    (world) => void Object.assign(world.pools['default'] ?? {}, { capacityBytes: GiB }),
    specOf({}, cloneBy('copy'), here),
    [['warning pool.full', 'need up to 2.5 GiB']],
  ],
  [
    'T1: perhaps no space where blocks may be shared',
    (world) => void Object.assign(world.pools['default'] ?? {}, { capacityBytes: GiB / 4 }),
    specOf({}, cloneBy('auto'), here),
    [['warning pool.full', 'need up to 2.5 GiB']],
  ],
  [
    'T1: overlays need no space',
    (world) => void Object.assign(world.pools['default'] ?? {}, { capacityBytes: GiB / 4 }),
    specOf({}, cloneBy('overlay'), here),
    [],
  ],
  [
    'T9: a folder that the user who runs guests cannot pass',
    (world) => void world.access.denied.push({ path: '/srv/golden', permissions: '--x' }),
    specOf({}, cloneBy('overlay')),
    [['error host.access-denied', 'setfacl']],
  ],
  [
    'T9: the same, to be repaired',
    (world) => void world.access.denied.push({ path: '/srv/golden', permissions: '--x' }),
    specOf({}, cloneBy('overlay'), { hosts: [hostSpec({ repairAccess: true })] }),
    [],
  ],
]

describe('templates in preflight', () => {
  it.each(cases)('%s', async (_title, spoil, spec, wanted) => {
    const world = worldWith(spoil)
    const seam = createFakeSeam()
    const request = { adopt: new Set([domain]), stage: 'preflight' as const }
    const { findings } = await openBench(spec, world, seam).plan(request)
    expect(findings.map(({ severity, code }) => `${severity} ${code}`)).toEqual(wanted.map(([code]) => code))
    for (const [index, [, words]] of wanted.entries())
      expect(`${findings[index]?.message} ${findings[index]?.hint}`).toContain(words)
    // T10: all validation, no mutation.
    expect(seam.mutations).toEqual([])
  })

  it('T3: a template that cannot be cloned blocks its clones, and the others go on when they are named', async () => {
    const world = worldWith((each) => void (template(each).state = 'running'))
    addTemplate(world, { name: 'other', disks: [{ path: '/srv/other.qcow2' }] })
    const other = cloneSpec('db-1')
    const spec = resolvedSpec(
      [cloneSpec('web-1'), { ...other, source: { ...other.source, id: 'other' } as typeof other.source }],
      { templates: [templateSpec(), templateSpec({ id: 'other', domain: 'other' })] },
    )
    const blocked = await openBench(spec, world, createFakeSeam()).apply()
    expect(blocked.outcome).toBe('blocked')
    expect(blocked.plan.changes.map(({ instance, action }) => `${instance} ${action}`)).toEqual([
      'web-1 blocked',
      'db-1 create',
    ])
    const named = { ...spec, instances: spec.instances.slice(1) }
    expect((await openBench(named, world, createFakeSeam()).apply()).outcome).toBe('done')
  })
})
