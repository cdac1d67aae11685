import { hostForks } from './forks.ts'
import type { Seam } from '../../lib/seam.ts'
import type { Hypervisor } from '../contract.ts'
import { cloneDisk, editDisks } from './clones.ts'
import { createContext, type FakeOptions } from './context.ts'
import * as daemon from './daemon.ts'
import { hostFiles } from './files.ts'
import { openGuest } from './guest-access.ts'
import { takeLock } from './lock.ts'
import { defineVm, probeAcceleration, startVm, stopVm, undefineVm } from './machines.ts'
import { observeWorld } from './observe.ts'
import { startNetwork } from './network-daemon.ts'
import { fakeNetworks } from './networks.ts'
import { fakeSystem } from './system.ts'
import {
  createSnapshot,
  deleteSnapshot,
  listSnapshots,
  restoreSnapshot,
  whyNoMemorySnapshot,
} from './snapshots.ts'
import {
  createDisk,
  deleteVolume,
  ensurePool,
  growDisk,
  placeImage,
  removePool,
  writeVolume,
} from './storage.ts'
import type { FakeWorld } from './world.ts'

/**
 * The in-memory hypervisor: a driver on a `FakeWorld`. Each mutation is one effect of the seam, in the order and
 * number that a real host would need, so that kills and faults fall between them. Several drivers may work on one
 * world, at once or one after the other.
 */
export function openFakeHost(world: FakeWorld, seam: Seam, options: FakeOptions = {}): Hypervisor {
  const context = createContext(world, seam, options)
  return {
    host: world.host,
    can: world.capabilities,
    observe: (progress, pools) =>
      context.look(progress, 'observe', world.host, () => observeWorld(world, seam.nowMs(), pools)),
    lock: (progress, holder) => takeLock(context, progress, holder),
    probeAcceleration: (progress) => probeAcceleration(context, progress),
    ensurePool: (progress, pool) => ensurePool(context, progress, pool),
    removePool: (progress, pool) => removePool(context, progress, pool),
    async startNetwork(progress, name) {
      const network = await context.look(progress, 'lookupNetwork', name, () => world.networks[name])
      if (network === undefined) throw daemon.networkMissing(name, world)
      if (network.active) return
      await context.change(progress, 'startNetwork', name, () => startNetwork(world, name))
    },
    placeImage: (progress, image) => placeImage(context, progress, image),
    defineVm: (progress, vm) => defineVm(context, progress, vm),
    createDisk: (progress, disk) => createDisk(context, progress, disk),
    writeVolume: (progress, volume, content) => writeVolume(context, progress, volume, content),
    growDisk: (progress, _vm, _device, volume, sizeBytes) => growDisk(context, progress, volume, sizeBytes),
    cloneDisk: (progress, clone) => cloneDisk(context, progress, clone),
    editDisks: (progress, edit) => editDisks(context, progress, edit),
    whyNoEdit: async () => (world.hasGuestTools ? undefined : 'libguestfs is not installed'),
    files: hostFiles(context),
    networks: fakeNetworks(context),
    system: fakeSystem(context),
    deleteVolume: (progress, volume) => deleteVolume(context, progress, volume),
    async writeMark(progress, name, mark) {
      const vm = await context.look(progress, 'lookupVm', name, () => daemon.vmNamed(world, name))
      if (context.same(vm.mark, mark)) return
      await context.change(progress, 'writeMark', name, () =>
        daemon.setMark(world, name, structuredClone(mark)),
      )
    },
    async setAutostart(progress, name, autostart) {
      const vm = await context.look(progress, 'lookupVm', name, () => daemon.vmNamed(world, name))
      if (vm.autostart === (autostart === 'on')) return
      await context.change(progress, 'setAutostart', name, () =>
        daemon.setAutostart(world, name, autostart === 'on'),
      )
    },
    startVm: (progress, vm) => startVm(context, progress, vm),
    stopVm: (progress, vm, how) => stopVm(context, progress, vm, how),
    undefineVm: (progress, vm) => undefineVm(context, progress, vm),
    createSnapshot: (progress, vm, snapshot) => createSnapshot(context, progress, vm, snapshot),
    restoreSnapshot: (progress, vm, name) => restoreSnapshot(context, progress, vm, name),
    deleteSnapshot: (progress, vm, name) => deleteSnapshot(context, progress, vm, name),
    listSnapshots: (progress, vm) => listSnapshots(context, progress, vm),
    whyNoMemorySnapshot: (progress, vm) => whyNoMemorySnapshot(context, progress, vm),
    forks: hostForks(context),
    guest: (vm) => openGuest(context, vm),
    close: async () => context.close(),
  }
}
