import { expect, it } from 'vitest'
import type { ObservedHost, ObservedVm, VmMark } from '../hypervisor/contract.ts'
import { createFakeVm } from '../hypervisor/fake/world.ts'
import { imageDependentsOn } from './image-dependents.ts'

const disk = (path: string) => ({ device: 'vda', path, kind: 'disk' as const, format: 'qcow2' })
const vm = (name: string, path: string, kind: 'image' | 'template' = 'image'): ObservedVm => ({
  ...createFakeVm(name, { disks: [disk(path)], mark: { ...mark, image: { ...mark.image, kind } } }),
  snapshots: [],
})
const strangers = (name: string, path: string): ObservedVm => ({ ...vm(name, path), mark: undefined })
const mark: VmMark = {
  project: 'lab',
  instance: 'web',
  stage: 'provisioned',
  image: { kind: 'image', id: 'debian-12', digest: 'ab'.repeat(32) },
  volumes: [],
  seed: { instanceId: 'iid', digest: '', sealed: true },
  hostKeys: [],
  user: 'debian',
}
const volume = (path: string, backingPath?: string) => ({
  name: path.slice(1),
  path,
  capacityBytes: 1,
  allocationBytes: 1,
  format: 'qcow2',
  backingPath,
})

const host = (vms: readonly ObservedVm[], volumes: readonly ReturnType<typeof volume>[]): ObservedHost => ({
  host: 'rack1',
  cpus: 1,
  memoryMib: 1,
  freeMemoryMib: 1,
  networks: [],
  pools: [{ name: 'p', path: '/', active: true, isOurs: true, freeBytes: 1, volumes }],
  vms,
})

it.each([
  ['a disk on an image', [vm('web', '/web')], [volume('/web', '/image')], [['web', '/image']]],
  [
    'a snapshot on a disk on an image',
    [vm('web', '/snap')],
    [volume('/snap', '/web'), volume('/web', '/image')],
    [
      ['web', '/web'],
      ['web', '/image'],
    ],
  ],
  ['a disk that no machine has', [], [volume('/old', '/image')], [['disk old', '/image']]],
  ['a clone with a disk of its own', [vm('web', '/web', 'template')], [volume('/web')], []],
  ['a disk that nobody can follow, by its mark', [vm('web', '/web')], [], [['web', undefined]]],
  ['a template on a file of the cache', [strangers('golden', '/image')], [], [['golden', '/image']]],
  [
    'files that are based on each other',
    [vm('web', '/a')],
    [volume('/a', '/b'), volume('/b', '/a')],
    [
      ['web', '/b'],
      ['web', '/a'],
    ],
  ],
])('finds who rests on an image: %s', (_title, vms, volumes, want) => {
  const found = imageDependentsOn(host(vms, volumes))
  expect(found.map((each) => [each.instance, each.backingPath])).toEqual(want)
})
