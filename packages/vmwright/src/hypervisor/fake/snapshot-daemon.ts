import type { FakePool, FakeSnapshot, FakeVm, FakeWorld } from './world.ts'
import { claimSpace, refuse, requireStartable, vmNamed, volumeByPath } from './daemon.ts'
import { assignAddresses, isUp } from './guests.ts'

/** The calls of the imagined daemon for snapshots: see daemon.ts. */

/** From now on the machine has the snapshot, whole, or with memory that is yet to be saved. */
export function recordSnapshot(world: FakeWorld, name: string, snapshot: FakeSnapshot): void {
  const vm = vmNamed(world, name)
  if (isUp(vm) && snapshot.memory === undefined) throw refuse(`snapshot machine ${name}: it runs`)
  if (!isUp(vm) && snapshot.memory !== undefined) throw refuse(`snapshot machine ${name}: it does not run`)
  if (vm.snapshots.some((other) => other.name === snapshot.name))
    throw refuse(`snapshot machine ${name}: ${snapshot.name} exists`)
  if (snapshot.memory !== undefined) growDisk(world, snapshot.memory.path, snapshot.memory.sizeBytes)
  vm.snapshots.push(snapshot)
  vm.currentSnapshot = snapshot.name
}

export function completeSnapshot(
  world: FakeWorld,
  name: string,
  snapshot: string,
  note: string | undefined,
): void {
  const found = snapshotNamed(vmNamed(world, name), snapshot)
  if (found.memory !== undefined) found.memory.complete = true
  found.note = note
}

/** Puts the content of internal snapshots back into the disks, and lets the machine go on with its memory. */
export function revertToSnapshot(
  world: FakeWorld,
  name: string,
  snapshot: FakeSnapshot,
  nowMs: number,
): void {
  const vm = vmNamed(world, name)
  const { memory } = snapshot
  if (memory?.complete === false) throw refuse(`revert machine ${name}: ${snapshot.name} is not complete`)
  if (memory === undefined && isUp(vm)) throw refuse(`revert machine ${name}: it runs`)
  if (memory !== undefined) requireStartable(world, vm)
  for (const [path, data] of Object.entries(snapshot.disks)) {
    const volume = volumeByPath(world, path)
    if (volume === undefined) throw refuse(`revert machine ${name}: its disk ${path} is missing`)
    volume.data = data
  }
  vm.currentSnapshot = snapshot.name
  if (memory === undefined) return
  assignAddresses(world, vm)
  vm.state = 'running'
  vm.detached = []
  vm.startedAtMs = nowMs - memory.guestAgeMs
  vm.shutdownAtMs = undefined
}

/** Those that rest on it rest on its parent afterwards. */
export function forgetSnapshot(world: FakeWorld, name: string, snapshot: string): void {
  const vm = vmNamed(world, name)
  const found = snapshotNamed(vm, snapshot)
  for (const child of vm.snapshots) if (child.parent === snapshot) child.parent = found.parent
  if (vm.currentSnapshot === snapshot) vm.currentSnapshot = found.parent
  if (found.memory !== undefined) growDisk(world, found.memory.path, -found.memory.sizeBytes)
  vm.snapshots.splice(vm.snapshots.indexOf(found), 1)
}

function snapshotNamed(vm: FakeVm, name: string): FakeSnapshot {
  const found = vm.snapshots.find((snapshot) => snapshot.name === name)
  if (found === undefined) throw refuse(`find snapshot ${name} of ${vm.name}: it does not exist`)
  return found
}

function growDisk(world: FakeWorld, path: string, bytes: number): void {
  const volume = volumeByPath(world, path)
  const entry = Object.entries(world.pools).find(([, pool]: [string, FakePool]) =>
    path.startsWith(`${pool.path}/`),
  )
  if (volume === undefined || entry === undefined) return
  const [pool, facts] = entry
  if (bytes > 0) claimSpace(facts, { pool, name: path.slice(facts.path.length + 1) }, bytes)
  volume.allocationBytes += bytes
}
