import { ProvisionError } from '../../lib/errors.ts'
import type { PoolDefinition, VmMark, VolumeRef } from '../contract.ts'
import { assignAddresses, isUp } from './guests.ts'
import type { FakePool, FakeVm, FakeVolume, FakeWorld } from './world.ts'

/*
 * The calls of the imagined daemon: each is one mutation, done wholly or not at all, and as strict as libvirt's.
 * None of them is repeatable; looking first is the driver's work.
 */

export function definePool(world: FakeWorld, definition: PoolDefinition): void {
  const { name, path, source, permissions } = structuredClone(definition)
  if (world.pools[name] !== undefined) throw refuse(`define pool ${name}: it exists`)
  const sameFolder = Object.keys(world.pools).find((other) => world.pools[other]?.path === path)
  if (sameFolder !== undefined) throw folderTaken(name, `pool ${sameFolder} has the folder ${path}`)
  world.pools[name] = {
    path,
    built: false,
    active: false,
    isOurs: true,
    capacityBytes: world.newPoolBytes,
    volumes: {},
    ...(source && { source }),
    ...(permissions && { permissions }),
  }
}

export function buildPool(world: FakeWorld, name: string): void {
  poolNamed(world, name).built = true
}

export function startPool(world: FakeWorld, name: string): void {
  const pool = poolNamed(world, name)
  if (!pool.built) throw refuse(`start pool ${name}: its folder ${pool.path} is missing`)
  if (pool.active) throw refuse(`start pool ${name}: it is active`)
  pool.active = true
}

export function stopPool(world: FakeWorld, name: string): void {
  activePool(world, name).active = false
}

/** Removes the folder of a stopped pool. */
export function deletePoolFolder(world: FakeWorld, name: string): void {
  const pool = poolNamed(world, name)
  if (pool.active) throw refuse(`delete the folder of pool ${name}: the pool is active`)
  const isShare = pool.source?.kind === 'netfs'
  if (!isShare && Object.keys(pool.volumes).length > 0)
    throw refuse(`delete the folder of pool ${name}: it is not empty`)
  pool.built = false
}

export function undefinePool(world: FakeWorld, name: string): void {
  if (poolNamed(world, name).active) throw refuse(`undefine pool ${name}: it is active`)
  delete world.pools[name]
}

export function createVolume(world: FakeWorld, ref: VolumeRef, volume: FakeVolume): void {
  const pool = activePool(world, ref.pool)
  if (pool.volumes[ref.name] !== undefined) throw refuse(`create volume ${label(ref)}: it exists`)
  if (volume.backingPath !== undefined && !isWhole(world, volume.backingPath))
    throw refuse(`create volume ${label(ref)}: its base ${volume.backingPath} is missing or incomplete`)
  claimSpace(pool, ref, volume.allocationBytes)
  pool.volumes[ref.name] = volume
}

/** Puts content into a volume. `allocationBytes` is what it takes up afterwards. */
export function upload(world: FakeWorld, ref: VolumeRef, change: Partial<FakeVolume>): void {
  const volume = volumeAt(world, ref)
  if (volume === undefined) throw refuse(`write volume ${label(ref)}: it does not exist`)
  const grownBytes = (change.allocationBytes ?? volume.allocationBytes) - volume.allocationBytes
  claimSpace(activePool(world, ref.pool), ref, grownBytes)
  Object.assign(volume, change)
}

export function deleteVolume(world: FakeWorld, ref: VolumeRef): void {
  const pool = activePool(world, ref.pool)
  const path = pathOf(pool, ref)
  if (pool.volumes[ref.name] === undefined) throw refuse(`delete volume ${label(ref)}: it does not exist`)
  const user = Object.values(world.vms).find((vm) => isUp(vm) && vm.disks.some((disk) => disk.path === path))
  if (user !== undefined)
    throw refuse(`delete volume ${label(ref)}: the running machine ${user.name} uses it`)
  delete pool.volumes[ref.name]
  delete world.edits[path]
}

/** Puts a complete file into the pool's folder, which the pool does not see before it is refreshed. */
export function placeFile(world: FakeWorld, ref: VolumeRef, volume: FakeVolume): void {
  const pool = activePool(world, ref.pool)
  claimSpace(pool, ref, volume.allocationBytes)
  pool.unseen = { ...pool.unseen, [ref.name]: volume }
}

export function refreshPool(world: FakeWorld, name: string): void {
  const pool = activePool(world, name)
  Object.assign(pool.volumes, pool.unseen)
  delete pool.unseen
}

export function resizeVolume(world: FakeWorld, ref: VolumeRef, capacityBytes: number): void {
  const volume = volumeAt(world, ref)
  if (volume === undefined) throw refuse(`resize volume ${label(ref)}: it does not exist`)
  volume.capacityBytes = capacityBytes
}

/** Defines a machine or replaces the definition of the one with the same name and id. */
export function defineVm(world: FakeWorld, vm: FakeVm): void {
  const sameName = world.vms[vm.name]
  const sameId = Object.values(world.vms).find((other) => other.id === vm.id)
  if (sameName !== undefined && sameName.id !== vm.id)
    throw refuse(`define machine ${vm.name}: one of that name exists with the id ${sameName.id}`)
  if (sameId !== undefined && sameId.name !== vm.name)
    throw refuse(`define machine ${vm.name}: ${sameId.name} has its id ${vm.id}`)
  world.vms[vm.name] = vm
}

export function setMark(world: FakeWorld, name: string, mark: VmMark): void {
  vmNamed(world, name).mark = mark
}

export function setAutostart(world: FakeWorld, name: string, autostart: boolean): void {
  vmNamed(world, name).autostart = autostart
}

export function startVm(world: FakeWorld, name: string, nowMs: number): void {
  const vm = vmNamed(world, name)
  if (isUp(vm)) throw refuse(`start machine ${name}: it runs`)
  requireStartable(world, vm)
  assignAddresses(world, vm)
  for (const { path, kind } of vm.disks) {
    const volume = kind === 'disk' && path !== undefined ? diskAt(world, path) : undefined
    if (volume !== undefined && !volume.data.endsWith('+booted')) volume.data += '+booted'
  }
  vm.state = 'running'
  vm.detached = []
  vm.startedAtMs = nowMs
  vm.shutdownAtMs = undefined
  vm.savedState = false
  vm.firmwareVariables ||= vm.firmware === 'uefi'
}

export function requireStartable(world: FakeWorld, vm: FakeVm): void {
  const { name } = vm
  if (world.acceleration === 'none' || (vm.acceleration === 'kvm' && world.acceleration !== 'kvm'))
    throw refuse(`start machine ${name}: QEMU ended: failed to initialise ${vm.acceleration}`)
  for (const { path, kind } of vm.disks) {
    if (path === undefined) continue
    if (!isWhole(world, path))
      throw refuse(`start machine ${name}: ${path} or a base of it is missing or incomplete`)
    if (isDenied(world, path)) throw refuse(`start machine ${name}: ${path}: Permission denied`)
    if (kind === 'disk' && ((diskAt(world, path)?.mode ?? 0o600) & 0o222) === 0)
      throw refuse(`start machine ${name}: ${path} is write-protected`)
  }
  for (const { network } of vm.interfaces) {
    if (network !== undefined && world.networks[network]?.active !== true)
      throw refuse(`start machine ${name}: network ${network} is not active`)
  }
}

export function askToShutDown(world: FakeWorld, name: string, nowMs: number): void {
  const vm = vmNamed(world, name)
  if (!isUp(vm)) throw refuse(`shut down machine ${name}: it does not run`)
  vm.shutdownAtMs ??= nowMs
}

export function destroyVm(world: FakeWorld, name: string): void {
  const vm = vmNamed(world, name)
  if (!isUp(vm)) throw refuse(`destroy machine ${name}: it does not run`)
  vm.state = 'stopped'
  vm.shutdownAtMs = undefined
  vm.detached = []
}

export function removeSavedState(world: FakeWorld, name: string): void {
  vmNamed(world, name).savedState = false
}

/** Removes definition and firmware variables. Refused while anything hangs on the machine. */
export function undefineVm(world: FakeWorld, name: string): void {
  const vm = vmNamed(world, name)
  if (isUp(vm)) throw refuse(`undefine machine ${name}: it runs`)
  if (vm.snapshots.length > 0)
    throw refuse(`undefine machine ${name}: it has ${vm.snapshots.length} snapshots`)
  if (vm.savedState) throw refuse(`undefine machine ${name}: it has a saved state`)
  delete world.vms[name]
}

export const label = (ref: VolumeRef): string => `${ref.pool}/${ref.name}`

export const pathOf = (pool: FakePool, ref: VolumeRef): string => `${pool.path}/${ref.name}`

export const freeBytesOf = (pool: FakePool): number =>
  pool.capacityBytes -
  Object.values({ ...pool.volumes, ...pool.unseen }).reduce(
    (sum, { allocationBytes }) => sum + allocationBytes,
    0,
  )

export function poolNamed(world: FakeWorld, name: string): FakePool {
  const pool = world.pools[name]
  if (pool !== undefined) return pool
  throw new ProvisionError('pool.not-found', {
    message: `There is no storage pool ${name} on ${world.host}.`,
    details: { pool: name, pools: Object.keys(world.pools) },
  })
}

export function vmNamed(world: FakeWorld, name: string): FakeVm {
  const vm = world.vms[name]
  if (vm === undefined) throw refuse(`find machine ${name}: it does not exist`)
  return vm
}

export const volumeAt = (world: FakeWorld, ref: VolumeRef): FakeVolume | undefined =>
  world.pools[ref.pool]?.volumes[ref.name]

export function volumeByPath(world: FakeWorld, path: string): FakeVolume | undefined {
  const pool = Object.values(world.pools).find(
    (pool) =>
      path.startsWith(`${pool.path}/`) && pool.volumes[path.slice(pool.path.length + 1)] !== undefined,
  )
  return pool?.volumes[path.slice(pool.path.length + 1)]
}

/** The disk in a file, in a pool or elsewhere on the host. */
export const diskAt = (world: FakeWorld, path: string): FakeVolume | undefined =>
  volumeByPath(world, path) ?? world.files[path]?.disk

/** True when the user that runs guests is stopped on the way to the path. */
export const isDenied = (world: FakeWorld, path: string): boolean => deniedAt(world, path).length > 0

/** What stops that user, the first folder first. */
export const deniedAt = (world: FakeWorld, path: string): FakeWorld['access']['denied'] =>
  world.access.denied
    .filter((denied) => path === denied.path || path.startsWith(`${denied.path}/`))
    .filter((denied) => !world.access.repairs.some((repair) => repair.path === denied.path))
    .toSorted((a, b) => a.path.length - b.path.length)

export function networkMissing(name: string, world: FakeWorld): ProvisionError {
  const networks = Object.keys(world.networks)
  return new ProvisionError('network.not-found', {
    message: `There is no network ${name} on ${world.host}.`,
    hint: `Use one of the networks that exist: ${networks.join(', ')}.`,
    details: { network: name, networks },
  })
}

export const folderTaken = (name: string, why: string): ProvisionError =>
  new ProvisionError('pool.not-found', {
    message: `The host could not make pool ${name}: ${why}.`,
    details: { pool: name },
  })

export const refuse = (what: string): ProvisionError =>
  new ProvisionError('host.operation-failed', { message: `The host could not ${what}.` })

function activePool(world: FakeWorld, name: string): FakePool {
  const pool = poolNamed(world, name)
  if (!pool.active) throw refuse(`use pool ${name}: it is not active`)
  return pool
}

/** True when the volume and all it is based on are there and complete. */
function isWhole(world: FakeWorld, path: string): boolean {
  const volume = diskAt(world, path)
  if (volume === undefined || !volume.complete) return false
  return volume.backingPath === undefined || isWhole(world, volume.backingPath)
}

export function claimSpace(pool: FakePool, ref: VolumeRef, bytes: number): void {
  const freeBytes = freeBytesOf(pool)
  if (bytes <= freeBytes) return
  throw new ProvisionError('pool.full', {
    message: `There is no space for volume ${label(ref)}.`,
    details: { pool: ref.pool, neededBytes: bytes, freeBytes },
  })
}
