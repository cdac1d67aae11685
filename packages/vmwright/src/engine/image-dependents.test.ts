import { expect, it } from 'vitest'
import type { ObservedHost, ObservedVm } from '../hypervisor/contract.ts'
import { createFakeVm } from '../hypervisor/fake/world.ts'
import { imageDependentsOn } from './image-dependents.ts'

const disk = (path: string) => ({ device: 'vda', path, kind: 'disk' as const, format: 'qcow2' })
const vm = (name: string, path: string): ObservedVm => ({
  ...createFakeVm(name, { disks: [disk(path)] }),
  snapshots: [],
})
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
  ['a disk of its own', [vm('web', '/web')], [volume('/web')], []],
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
