import { dirname } from 'node:path'
import { GiB, MiB } from '../../lib/units.ts'
import { createFakeVm, createFakeVolume, type FakeVm, type FakeVolume, type FakeWorld } from './world.ts'

export interface FakeTemplate {
  readonly name: string
  readonly state?: 'stopped' | 'running'
  readonly firmware?: 'bios' | 'uefi'
  /** In the folder of a pool it is a volume there, else a file of the host. Devices are `vda`, `vdb`, … */
  readonly disks: readonly ({ readonly path: string } & Partial<FakeVolume>)[]
}

/** Puts a machine on the host that was made by somebody else, shut off after a run, to clone others from. */
export function addTemplate(world: FakeWorld, template: FakeTemplate): FakeVm {
  const { name, state = 'stopped', firmware = 'bios' } = template
  const disks = template.disks.map(({ path, ...facts }, index) => {
    const disk = createFakeVolume({
      capacityBytes: 2 * GiB,
      allocationBytes: 512 * MiB,
      data: `template:${name}:${index}`,
      mode: 0o644,
      ...facts,
    })
    addHostFile(world, path, disk)
    return { device: `vd${'abcdefghij'[index]}`, path, kind: 'disk' as const, format: disk.format }
  })
  const interfaces = [{ mac: '52:54:00:7e:00:01', network: 'default' }]
  const vm = createFakeVm(name, {
    state,
    firmware,
    disks,
    interfaces,
    firmwareVariables: firmware === 'uefi',
  })
  world.vms[name] = vm
  return vm
}

/** Puts a disk image on the host, as a volume where a pool has the folder. */
export function addHostFile(world: FakeWorld, path: string, disk: FakeVolume): void {
  const pool = Object.values(world.pools).find((pool) => pool.path === dirname(path))
  if (pool === undefined) world.files[path] = { kind: 'file', disk }
  else pool.volumes[path.slice(pool.path.length + 1)] = disk
}
