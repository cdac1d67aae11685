import type { PoolDefinition } from '../hypervisor/contract.ts'
import { uuidFromNames } from '../lib/hash.ts'
import type { HostSpec, InstanceSpec, PoolSpec, ResolvedSpec } from '../spec/resolved.ts'
import type { VmPlan } from './plan.ts'

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

export function vmPlan(spec: ResolvedSpec, instance: InstanceSpec): VmPlan {
  const image = spec.images.find((candidate) => candidate.id === instance.source.id)
  if (image === undefined) throw new RangeError(`the spec has no image ${instance.source.id}`)
  const pool = poolOf(spec, instance).name
  return {
    instance,
    image,
    id: vmId(spec.project, instance.name),
    networks: instance.interfaces.map((nic) => networkName(spec, nic.network)),
    root: { pool, name: rootVolumeName(instance) },
    extras: instance.extraDisks.map((_disk, index) => ({ pool, name: extraVolumeName(instance, index) })),
    seed: { pool, name: seedVolumeName(instance) },
  }
}

function networkName(spec: ResolvedSpec, id: string): string {
  const network = spec.networks.find((candidate) => candidate.id === id)
  if (network === undefined) throw new RangeError(`the spec has no network ${id}`)
  return network.use
}
