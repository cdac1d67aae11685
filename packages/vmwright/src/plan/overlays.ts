import type { ObservedHost, ObservedVm } from '../hypervisor/contract.ts'
import { disksOf } from './vm-plan.ts'
import { type PooledVolume, volumeAt } from './volume-index.ts'

/** Whether a disk of the machine is an overlay of one of the template's, directly or below its snapshots. Pure. */
export function restsOn(host: ObservedHost, machine: ObservedVm, template: ObservedVm): boolean {
  const bases = new Set(disksOf(template).map(({ path }) => path))
  return machine.disks.some(({ path }) => {
    const volume = volumeAt(host, path)
    return volume !== undefined && reaches(host, volume, bases)
  })
}

/** All volumes of the host, whoever's they are, that are overlays of these files. Pure. */
export function overlaysOf(host: ObservedHost, paths: readonly string[]): readonly PooledVolume[] {
  const bases = new Set(paths)
  return host.pools.flatMap((pool) =>
    pool.volumes
      .map((volume): PooledVolume => ({ ...volume, pool: pool.name }))
      .filter((volume) => reaches(host, volume, bases)),
  )
}

function reaches(host: ObservedHost, volume: PooledVolume, bases: ReadonlySet<string>): boolean {
  const seen = new Set<string>()
  for (let at: PooledVolume | undefined = volume; at !== undefined && !seen.has(at.path);) {
    if (at.backingPath !== undefined && bases.has(at.backingPath)) return true
    seen.add(at.path)
    at = volumeAt(host, at.backingPath)
  }
  return false
}
