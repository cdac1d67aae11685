import type { PoolDefinition } from '../hypervisor/contract.ts'
import { uuidFromNames } from '../lib/hash.ts'
import type { HostSpec, InstanceSpec, ResolvedSpec } from '../spec/resolved.ts'
import type { PoolSpec } from '../spec/resolved-places.ts'

/** How a pool of the spec is made; `undefined`: it exists, and is left as it is. */
export function poolDefinition(pool: PoolSpec): PoolDefinition | undefined {
  const { name } = pool
  switch (pool.kind) {
    case 'use':
      return undefined
    case 'path':
      return {
        name,
        path: pool.path,
        ...(pool.permissions === undefined ? {} : { permissions: pool.permissions }),
      }
    case 'logical': {
      const { volumeGroup, devices } = pool
      return { name, path: `/dev/${volumeGroup}`, source: { kind: 'logical', volumeGroup, devices } }
    }
    case 'netfs': {
      const { path, server, folder, format } = pool
      return { name, path, source: { kind: 'netfs', server, folder, format } }
    }
  }
}

/** The pool that holds base images on each host. */
export const imagePoolName = 'vmwright-images'

export const imagePool = (host: HostSpec): PoolDefinition => ({
  name: imagePoolName,
  path: host.imageCachePath,
})

export const rootVolumeName = (instance: InstanceSpec): string =>
  `${instance.name}.${instance.rootDisk.extension}`

export const seedVolumeName = (instance: InstanceSpec): string => `${instance.name}-seed.iso`

export const extraVolumeName = (instance: InstanceSpec, index: number): string => {
  const disk = instance.extraDisks[index]
  if (disk === undefined) throw new RangeError(`${instance.name} has no extra disk ${index}`)
  return `${instance.name}-${disk.device}.${disk.extension}`
}

/** Of a disk of a clone that is not its first. */
export const cloneVolumeName = ({ name, rootDisk }: InstanceSpec, device: string): string =>
  `${name}-${device}.${rootDisk.extension}`

/**
 * Names of the files that libvirt makes for an external snapshot of the machine, by the convention of the driver:
 * `<vm>.<snapshot>.<device>.qcow2`.
 */
export const snapshotVolumeName = (instance: string, snapshot: string, device: string): string =>
  `${instance}.${snapshot}.${device}.qcow2`

/** The UUID of a machine follows from project and name, so that every run looks for the same one. */
export const vmId = (project: string, instance: string): string => uuidFromNames('vm', project, instance)

export function poolOf(spec: ResolvedSpec, instance: InstanceSpec): PoolSpec {
  const pool = spec.pools.find((candidate) => candidate.id === instance.pool)
  if (pool === undefined) throw new RangeError(`the spec has no pool ${instance.pool}`)
  return pool
}
