import type { ObservedHost, ObservedVolume, VolumeRef } from '../hypervisor/contract.ts'

export interface PooledVolume extends ObservedVolume {
  readonly pool: string
}

interface VolumeIndex {
  readonly byPath: ReadonlyMap<string, PooledVolume>
  readonly byRef: ReadonlyMap<string, PooledVolume>
  /** Machines that use a volume, directly or below their overlays, by `<pool>/<name>`. */
  readonly users: ReadonlyMap<string, ReadonlySet<string>>
}

/** An observation is frozen, so what follows from it is worked out once: plans of 500 machines ask often. */
const indexes = new WeakMap<ObservedHost, VolumeIndex>()

const key = (ref: VolumeRef): string => `${ref.pool}/${ref.name}`

export const volumeAt = (host: ObservedHost, path: string | undefined): PooledVolume | undefined =>
  path === undefined ? undefined : indexOf(host).byPath.get(path)

export const hasVolume = (host: ObservedHost, ref: VolumeRef): boolean => indexOf(host).byRef.has(key(ref))

/** True when a machine other than `vm` uses the volume: `web-1-vdb.qcow2` may be the root disk of `web-1-vdb`. */
export const isUsedByOthers = (host: ObservedHost, ref: VolumeRef, vm: string): boolean =>
  [...(indexOf(host).users.get(key(ref)) ?? [])].some((user) => user !== vm)

function indexOf(host: ObservedHost): VolumeIndex {
  const known = indexes.get(host)
  if (known !== undefined) return known
  const volumes = host.pools.flatMap((pool) =>
    pool.volumes.map((volume): PooledVolume => ({ ...volume, pool: pool.name })),
  )
  const byPath = new Map(volumes.map((volume) => [volume.path, volume]))
  const index = {
    byPath,
    byRef: new Map(volumes.map((volume) => [key(volume), volume])),
    users: usersOf(host, byPath),
  }
  indexes.set(host, index)
  return index
}

function usersOf(
  host: ObservedHost,
  byPath: ReadonlyMap<string, PooledVolume>,
): ReadonlyMap<string, ReadonlySet<string>> {
  const users = new Map<string, Set<string>>()
  for (const vm of host.vms) {
    for (const disk of vm.disks) {
      const chain = new Set<PooledVolume>()
      for (let volume = byPath.get(disk.path ?? ''); volume !== undefined && !chain.has(volume);) {
        chain.add(volume)
        const names = users.get(key(volume)) ?? new Set()
        users.set(key(volume), names.add(vm.name))
        volume = byPath.get(volume.backingPath ?? '')
      }
    }
  }
  return users
}
