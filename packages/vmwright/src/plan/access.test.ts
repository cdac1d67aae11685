import { describe, expect, it } from 'vitest'
import type { ObservedHost, ObservedVm } from '../hypervisor/contract.ts'
import type { AccessBlock, AccessReport } from '../hypervisor/host-files.ts'
import type { InstanceSpec, ResolvedSpec } from '../spec/resolved.ts'
import { cloneSpec, hostSpec, imageSpec, instanceSpec, resolvedSpec, templateSpec } from '../testing/specs.ts'
import { accessFindings, accessNeeds, explainDenied } from './access.ts'

const host = hostSpec({ name: 'fake', imageCachePath: '/srv/cache' })
const pools: ResolvedSpec['pools'] = [
  { id: 'made', kind: 'path', name: 'made', path: '/data/vms', permissions: undefined },
  { id: 'used', kind: 'use', name: 'default' },
]
const volume = (name: string) => ({
  name,
  path: `/srv/cache/${name}`,
  capacityBytes: 0,
  allocationBytes: 0,
  format: 'qcow2',
  backingPath: undefined,
})
const pool = (name: string, path: string, volumes: readonly string[] = []) => ({
  name,
  path,
  active: true,
  isOurs: false,
  freeBytes: 0,
  volumes: volumes.map(volume),
})
const vm = (name: string, disks: ObservedVm['disks']): ObservedVm => ({
  name,
  id: '',
  state: 'stopped',
  mark: undefined,
  vcpus: 1,
  singleSocket: true,
  memoryMib: 1,
  machine: 'q35',
  firmware: 'bios',
  secureBoot: false,
  autostart: false,
  interfaces: [],
  detached: [],
  disks,
  snapshots: [],
})
const observed = (vms: readonly ObservedVm[] = []): ObservedHost => ({
  host: 'fake',
  cpus: 1,
  memoryMib: 1,
  freeMemoryMib: 1,
  networks: [],
  pools: [
    pool('default', '/var/lib/libvirt/images'),
    pool('vmwright-images', '/srv/cache', ['debian-12-a1.qcow2', 'debian-13-b2.qcow2']),
  ],
  vms,
})
const needs = (instances: readonly InstanceSpec[], spec: Partial<ResolvedSpec> = {}, vms?: ObservedVm[]) =>
  accessNeeds(resolvedSpec(instances, { hosts: [host], pools, ...spec }), host, observed(vms), instances).map(
    ({ path, need }) => `${need} ${path}`,
  )

describe('accessNeeds', () => {
  it('T9: wants the pool, the image cache and the base of an overlay of an image', () => {
    const web = instanceSpec('web', {
      pool: 'made',
      source: { kind: 'image', id: 'debian-12', customise: undefined },
    })
    expect(needs([web], { images: [imageSpec()] })).toEqual([
      'search /data/vms',
      'search /srv/cache',
      'read /srv/cache/debian-12-a1.qcow2',
    ])
  })

  it('T9: wants the pool alone where disks are copies', () => {
    const web = instanceSpec('web', { pool: 'used' })
    const copy = { ...web, rootDisk: { ...web.rootDisk, mode: 'copy' as const } }
    expect(needs([copy])).toEqual(['search /var/lib/libvirt/images'])
    expect(needs([cloneSpec('clone', { pool: 'used' })], { templates: [templateSpec()] })).toEqual([
      'search /var/lib/libvirt/images',
    ])
  })

  it.each([
    ['that the spec lists', ['/gold/a.qcow2'], ['read /gold/a.qcow2']],
    ['that its machine has', undefined, ['read /gold/1.img', 'read /gold/2.img']],
  ])('T9: wants the disks of a template %s, when clones rest on them', (_, disks, want) => {
    const clone = cloneSpec('clone', { pool: 'used' })
    if (clone.source.kind !== 'template') throw new Error('not a clone')
    const overlay = { ...clone, source: { ...clone.source, clone: 'overlay' as const } }
    const template = vm('debian-template', [
      { device: 'vda', path: '/gold/1.img', kind: 'disk', format: 'raw' },
      { device: 'vdb', path: '/gold/2.img', kind: 'disk', format: 'raw' },
      { device: 'sda', path: '/gold/tools.iso', kind: 'cdrom', format: 'raw' },
    ])
    expect(needs([overlay], { templates: [templateSpec({ disks })] }, [template])).toEqual([
      'search /var/lib/libvirt/images',
      ...want,
    ])
  })

  it('T9: wants what a machine that exists has, wherever it is, and nothing of other hosts', () => {
    const web = instanceSpec('web', { pool: 'used' })
    const copy = { ...web, rootDisk: { ...web.rootDisk, mode: 'copy' as const } }
    const elsewhere = instanceSpec('far', { pool: 'made', host: 'other' })
    const there = vm('web', [
      { device: 'vda', path: '/old/web.qcow2', kind: 'disk', format: 'qcow2' },
      { device: 'sda', path: '/old/seed.iso', kind: 'cdrom', format: 'raw' },
      { device: 'sdb', path: undefined, kind: 'cdrom', format: undefined },
    ])
    expect(needs([copy, elsewhere], {}, [there])).toEqual([
      'search /var/lib/libvirt/images',
      'write /old/web.qcow2',
      'read /old/seed.iso',
    ])
  })
})

const user = 'libvirt-qemu'
const block = (path: string, at: string, more: Partial<AccessBlock> = {}): AccessBlock => ({
  path,
  need: 'search',
  at,
  repairs: [{ path: at, user, permissions: '--x' }],
  noRepair: undefined,
  ...more,
})
const report = (more: Partial<AccessReport> = {}): AccessReport => ({
  user,
  by: 'test',
  missing: [],
  blocked: [],
  confined: [],
  ...more,
})

describe('accessFindings', () => {
  const text = (given: AccessReport, repair: boolean): readonly string[] =>
    accessFindings(host, given, { repair }).map(
      ({ severity, message, hint }) => `${severity}: ${message}${hint === undefined ? '' : ` (${hint})`}`,
    )

  it('T9: names the first folder that blocks, the user, and the commands that would help', () => {
    const blocked = [
      block('/data/my vms/pool', '/data/my vms'),
      block('/data/my vms/cache', '/data/my vms', {
        repairs: [
          { path: '/data/my vms', user, permissions: '--x' },
          { path: '/data/my vms/cache', user, permissions: '--x' },
        ],
      }),
    ]
    expect(text(report({ blocked }), false)).toEqual([
      "error: The user libvirt-qemu, who runs the guests, cannot get into /data/my vms, and so does not reach /data/my vms/pool, /data/my vms/cache. (On the host: setfacl -m u:libvirt-qemu:--x '/data/my vms' && setfacl -m u:libvirt-qemu:--x '/data/my vms/cache'. Or let vmwright do it: `vmwright host access --repair`, or `repairAccess: true` for the host.)",
    ])
    expect(text(report({ blocked }), true)).toEqual([])
  })

  it('T9: is an error, repair or not, where an ACL cannot help', () => {
    const blocked = [
      block('/mnt/a', '/mnt/a', {
        need: 'read',
        repairs: [],
        noRepair: '/mnt/a is on vfat, which has no ACLs',
      }),
    ]
    const want = [
      'error: The user libvirt-qemu, who runs the guests, cannot open /mnt/a. (An ACL cannot help: /mnt/a is on vfat, which has no ACLs.)',
    ]
    expect(text(report({ blocked }), false)).toEqual(want)
    expect(text(report({ blocked }), true)).toEqual(want)
  })

  it.each(['/root', '/home/user'])('T9: tells plainly that it opens the home %s', (home) => {
    const blocked = [block(`${home}/vms`, home)]
    const told = `${home} is a home: libvirt-qemu could then pass through`
    expect(text(report({ blocked }), false)[0]).toContain(told)
    expect(text(report({ blocked }), true)[0]).toContain(`warning: ${told}`)
  })

  it('T9: warns of what is confined, and says when the answer is computed', () => {
    const confined = [{ path: '/etc/vms', by: 'apparmor' as const, message: 'Refused.', hint: 'Move it.' }]
    expect(text(report({ confined }), true)).toEqual(['warning: Refused. (Move it.)'])
    expect(text(report({ by: 'computation', blocked: [block('/a/b', '/a')] }), false)[0]).toContain(
      '(computed:',
    )
  })
})

describe('explainDenied', () => {
  const failed = (path: string): string =>
    `internal error: process exited while connecting to monitor: qemu-system-x86_64: -blockdev {…}: Could not open '${path}': Permission denied`

  it.each([
    ['the folder on its way', '/b/vm.qcow2', 'cannot get into /b', 'setfacl -m u:libvirt-qemu:--x /b'],
    ['another one that blocks', '/z/vm.qcow2', 'cannot get into /a', 'setfacl -m u:libvirt-qemu:--x /a'],
  ])('T9: names %s', (_, path, message, hint) => {
    const found = explainDenied(failed(path), report({ blocked: [block('/a', '/a'), block('/b', '/b')] }))
    expect(found?.message).toContain(message)
    expect(found?.hint).toContain(hint)
  })

  it.each([
    ['QEMU', "Could not open backing file: Could not open '/b/base.qcow2': Permission denied"],
    ['libvirt', "Cannot access storage file '/b/vm.qcow2' (as uid:64055, gid:64055): Permission denied"],
  ])('T9: understands the words of %s', (_, text) => {
    const blocked = [block('/a', '/a'), block('/b', '/b')]
    expect(explainDenied(text, report({ blocked }))?.message).toContain('cannot get into /b')
  })

  it('T9: names the confinement, or what is left when modes and ACLs allow it', () => {
    const confined = [{ path: '/etc/vms', by: 'apparmor' as const, message: 'Refused.', hint: 'Move it.' }]
    expect(explainDenied(failed('/etc/vms/a'), report({ confined }))).toEqual({
      message: 'Refused.',
      hint: 'Move it.',
    })
    const left = explainDenied(failed('/srv/a'), report())
    expect(left?.message).toContain('let the user libvirt-qemu reach /srv/a, so AppArmor or SELinux')
    expect(left?.hint).toContain('journalctl')
  })

  it('T9: leaves other failures alone', () => {
    expect(explainDenied('no space left on device', report({ blocked: [block('/a', '/a')] }))).toBeUndefined()
  })
})
