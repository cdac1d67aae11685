import { hostForks } from './forks/forks.ts'
import { calls, LibvirtError, openLibvirt, parseUri, type Libvirt } from '@vmwright/libvirt'
import { acquireExclusive } from '../../lib/exclusive.ts'
import type { Progress } from '../../lib/progress.ts'
import { inTurn } from '../../lib/turns.ts'
import type { HostSpec } from '../../spec/resolved.ts'
import type { Hypervisor } from '../contract.ts'
import { probeAcceleration } from './acceleration.ts'
import { readCapabilities } from './capabilities.ts'
import { unreachable } from './failure.ts'
import { cloneDisk } from './clone-disk.ts'
import { editDisks } from './edit-disks.ts'
import { hostFiles } from './files.ts'
import { whyNoEdit } from './guestfish/why-no-edit.ts'
import { growDisk } from './grow.ts'
import { guestAccess } from './guest.ts'
import { placeImage } from './images.ts'
import { hostShell } from './host-shell.ts'
import { defineVm, setAutostart, undefineVm, writeMark } from './machines.ts'
import { observeHost } from './observe.ts'
import { hostNetworks } from './networks/networks.ts'
import { ensurePool, removePool, startNetwork } from './pools.ts'
import { hostSystem } from './system/system.ts'
import { startVm, stopVm } from './power.ts'
import { Session } from './session.ts'
import { whyNoMemorySnapshot } from './memory-snapshot.ts'
import { listSnapshots } from './snapshot-list.ts'
import { createSnapshot, deleteSnapshot, restoreSnapshot } from './snapshots.ts'
import { createDisk, deleteVolume, writeVolume } from './volumes.ts'

/**
 * Connects to a host's libvirt. Throws `host.unreachable`.
 *
 * The lock of `lock()` holds on this machine: runs of other machines against the same remote host are not kept
 * out, because libvirt has no lock to offer; each step looks before it acts, so that they meet in errors and not
 * in damage.
 */
export async function openLibvirtHost(progress: Progress, spec: HostSpec): Promise<Hypervisor> {
  const libvirt = await connect(progress, spec)
  const session = new Session(spec.name, libvirt)
  try {
    return await hypervisor(progress, spec, session)
  } catch (error) {
    await libvirt.close()
    throw error
  }
}

const openTimeoutMs = 30_000

async function connect(progress: Progress, spec: HostSpec): Promise<Libvirt> {
  progress.check()
  const effect = { kind: 'libvirt.connectOpen', object: spec.name, mutates: false }
  try {
    return await progress.seam.effect(effect, () =>
      openLibvirt(spec.uri, progress.callOptions(openTimeoutMs)),
    )
  } catch (error) {
    progress.check()
    throw error instanceof LibvirtError ? unreachable(error, spec) : error
  }
}

async function hypervisor(progress: Progress, spec: HostSpec, session: Session): Promise<Hypervisor> {
  const can = await readCapabilities(session, progress, spec)
  const shell = hostShell(spec)
  const access = { session, shell, noShell: can.noShell }
  const system = hostSystem(spec)
  const placing = new Map<string, Promise<void>>()
  const hostIs = parseUri(spec.uri).route.kind === 'unix' ? 'local' : 'remote'
  return {
    host: spec.name,
    can,
    observe: (progress, pools) => observeHost(session, progress, pools),
    lock: async (progress, holder) =>
      acquireExclusive(progress, await lockKey(session, progress, spec), holder),
    probeAcceleration: (progress) => probeAcceleration(session, progress, spec, can),
    ensurePool: (progress, pool) => ensurePool(session, progress, pool),
    removePool: (progress, pool) => removePool(session, progress, pool),
    startNetwork: (progress, name) => startNetwork(session, progress, name),
    // Two images may be of one file: the second finds what the first has placed, and does not take it for half a one.
    placeImage: (progress, image) =>
      inTurn(placing, `${image.pool}/${image.name}`, () => placeImage(session, progress, image, hostIs)),
    defineVm: (progress, vm) => defineVm(access, progress, vm, can.architecture),
    createDisk: (progress, disk) => createDisk(session, progress, disk),
    writeVolume: (progress, volume, content) => writeVolume(session, progress, volume, content),
    growDisk: (progress, vm, device, volume, sizeBytes) =>
      growDisk(session, progress, { vm, device, volume, sizeBytes }),
    cloneDisk: (progress, clone) => cloneDisk(access, progress, clone),
    editDisks: (progress, edit) => editDisks(access, progress, edit),
    whyNoEdit: async (progress) => can.noShell ?? whyNoEdit(shell, progress),
    files: hostFiles(shell),
    networks: hostNetworks({ session, system: system.network }),
    system,
    deleteVolume: (progress, volume) => deleteVolume(session, progress, volume),
    writeMark: (progress, vm, mark) => writeMark(session, progress, vm, mark),
    setAutostart: (progress, vm, autostart) => setAutostart(session, progress, vm, autostart === 'on'),
    startVm: (progress, vm) => startVm(session, progress, vm),
    stopVm: (progress, vm, how) => stopVm(session, progress, vm, how),
    undefineVm: (progress, vm) => undefineVm(session, progress, vm),
    createSnapshot: (progress, vm, snapshot) => createSnapshot(session, progress, vm, snapshot),
    restoreSnapshot: (progress, vm, name) => restoreSnapshot(session, progress, vm, name),
    deleteSnapshot: (progress, vm, name) => deleteSnapshot(session, progress, vm, name),
    listSnapshots: (progress, vm) => listSnapshots(access, progress, vm),
    whyNoMemorySnapshot: (progress, vm) => whyNoMemorySnapshot(session, progress, vm, can.console),
    forks: hostForks(access),
    guest: (vm) => guestAccess(session, vm),
    close: () => session.libvirt.close(),
  }
}

/** Two spellings of one local URI give one key: the daemon says what it opened, the socket which daemon it is. */
async function lockKey(session: Session, progress: Progress, spec: HostSpec): Promise<string> {
  const { route } = parseUri(spec.uri)
  if (route.kind !== 'unix') return spec.uri
  const purpose = { object: session.host, doing: 'read the URI of the hypervisor' }
  const { uri } = await session.call(progress, calls.connectGetUri, {}, purpose)
  return route.socket === undefined ? uri : `${uri} at ${route.socket}`
}
