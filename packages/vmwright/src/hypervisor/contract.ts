import type { DiskClone, DiskCreation, DiskEdit } from './disks.ts'
import type { Progress } from '../lib/progress.ts'
import type { HostForks } from './forks.ts'
import type { GuestAccess } from './guest-access.ts'
import type { HostFiles } from './host-files.ts'
import type { HostSystem } from './host/system.ts'
import type { ObservedSnapshot, SnapshotDefinition } from './snapshots.ts'
import type { HostNetworks, ObservedNetwork } from './networks.ts'
import type { ProcessorSpec, SeedBus } from '../spec/resolved.ts'
import type { PoolPermissions } from '../spec/resolved-places.ts'

/**
 * What a driver can do, in the neutral words used above it. One behaviour suite (`conformance.ts`) holds for all
 * drivers. Every `ensure`, `define`, `create`, `write`, `delete` and `stop` may be repeated: it looks first, and
 * does nothing where nothing is to do.
 */
export interface Hypervisor {
  readonly host: string
  readonly can: Capabilities

  /**
   * Reads the whole host, or, of its volumes, only those in the pools of these names: each takes a call. No mutation.
   * Throws `host.unreachable`, `host.connection-lost`, `host.timeout`.
   */
  observe(progress: Progress, pools?: ReadonlySet<string>): Promise<ObservedHost>
  /**
   * One writer per host. Resolves when this run holds the lock; while another run holds it, reports who does, and
   * throws `host.locked` at the progress's deadline. Released by disposal and by the death of the process.
   */
  lock(progress: Progress, holder: string): Promise<AsyncDisposable>
  /** Resolves the acceleration for new guests by really starting one; cached per host and boot. Throws `host.no-acceleration`. */
  probeAcceleration(progress: Progress): Promise<'kvm' | 'emulation'>

  ensurePool(progress: Progress, pool: PoolDefinition): Promise<void>
  /** Removes a pool that `ensurePool` made, with its folder, when both are empty; leaves any other as it is. */
  removePool(progress: Progress, pool: PoolDefinition): Promise<void>
  startNetwork(progress: Progress, name: string): Promise<void>
  readonly networks: HostNetworks
  /** Makes the verified local file available as a base image on the host, under `volume` in `pool`, never half-made. */
  placeImage(progress: Progress, image: ImagePlacement): Promise<void>

  /** Defines the machine, stopped, with its mark, or brings an existing one of the same id to this definition. */
  defineVm(progress: Progress, vm: VmDefinition): Promise<void>
  /** Creates a disk volume; `replace` first deletes one left over from an interrupted creation. Throws `pool.full`, `disk.conflict`. */
  createDisk(progress: Progress, disk: DiskCreation): Promise<void>
  /** Writes (or overwrites) a small volume such as a seed. */
  writeVolume(progress: Progress, volume: VolumeRef, content: Uint8Array): Promise<void>
  /** Grows a disk; live when the machine runs. */
  growDisk(
    progress: Progress,
    vm: string,
    device: string,
    volume: VolumeRef,
    sizeBytes: number,
  ): Promise<void>
  /**
   * Makes a volume of a template's disk, under its final name only when it is complete. Throws `pool.full`,
   * `disk.no-reflink`, `disk.conflict`, and `host.busy` when another job is in the way (try again).
   */
  cloneDisk(progress: Progress, clone: DiskClone): Promise<void>
  /**
   * Writes files into the disks of a stopped machine, without starting it. All or an error; may be repeated.
   * Throws `host.no-shell`, `host.tool-missing`, `disk.no-system`, `disk.edit-failed`.
   */
  editDisks(progress: Progress, edit: DiskEdit): Promise<void>
  /** Why `editDisks` cannot work here, as a sentence (a program that is missing); `undefined`: it can. Cheap. */
  whyNoEdit(progress: Progress): Promise<string | undefined>
  deleteVolume(progress: Progress, volume: VolumeRef): Promise<void>
  /** Replaces the mark in the machine's metadata. */
  writeMark(progress: Progress, vm: string, mark: VmMark): Promise<void>
  setAutostart(progress: Progress, vm: string, autostart: 'on' | 'off'): Promise<void>

  /** One that is paused goes on; one that runs is left alone. */
  startVm(progress: Progress, vm: string): Promise<void>
  /** `graceful` asks the guest and waits until the progress's deadline (`wait.timeout`); `force` cuts the power. */
  stopVm(progress: Progress, vm: string, how: 'graceful' | 'force'): Promise<void>
  /** Removes the definition, firmware variables, saved state and snapshot records; disks stay. */
  undefineVm(progress: Progress, vm: string): Promise<void>

  /**
   * Of a stopped machine, or with `memory` of a running one, which goes on afterwards. Nothing to do when it is there
   * and complete; one that an interrupted run left is made anew. Throws `snapshot.unsupported`, `pool.full`.
   */
  createSnapshot(progress: Progress, vm: string, snapshot: SnapshotDefinition): Promise<void>
  /**
   * Brings the machine's disks back, and with a snapshot that has it the memory: the machine then runs. Without, it
   * must be stopped and stays so. Throws `snapshot.not-found`, `snapshot.unsupported`.
   */
  restoreSnapshot(progress: Progress, vm: string, name: string): Promise<void>
  deleteSnapshot(progress: Progress, vm: string, name: string): Promise<void>
  listSnapshots(progress: Progress, vm: string): Promise<readonly ObservedSnapshot[]>
  /** Why a snapshot of this machine cannot hold its memory, as a sentence; `undefined`: it can. No mutation. */
  whyNoMemorySnapshot(progress: Progress, vm: string): Promise<string | undefined>
  readonly forks: HostForks

  /** Files of the host itself. Every method throws `host.no-shell` where `can.noShell` says why. */
  readonly files: HostFiles
  readonly system: HostSystem
  /** Access to a running guest. */
  guest(vm: string): GuestAccess
  close(): Promise<void>
}

export interface Capabilities {
  /** Of the hypervisor and what manages it, for people: `QEMU 7.2.22, libvirt 9.0.0`. */
  readonly version: string
  readonly architecture: string
  /** All that guests can have, by emulation where it is not the host's own. */
  readonly architectures: readonly string[]
  readonly uefi: boolean
  readonly secureBoot: boolean
  readonly guestAgent: boolean
  readonly console: boolean
  /** Commands can be run on the host itself, which files outside of pools need; `undefined`: they can, else why not. */
  readonly noShell: string | undefined
  /** The kind of snapshot that works for a stopped machine of that firmware. */
  readonly stoppedSnapshot: Readonly<Record<'bios' | 'uefi', 'internal' | 'external' | 'none'>>
}

export interface ObservedHost {
  readonly host: string
  readonly cpus: number
  readonly memoryMib: number
  readonly freeMemoryMib: number
  readonly networks: readonly ObservedNetwork[]
  readonly pools: readonly ObservedPool[]
  readonly vms: readonly ObservedVm[]
}

export interface ObservedPool {
  readonly name: string
  /** Folder on the host; `undefined` for pools without one. */
  readonly path: string | undefined
  readonly active: boolean
  /** Made by `ensurePool`. */
  readonly isOurs: boolean
  readonly freeBytes: number
  readonly volumes: readonly ObservedVolume[]
}

export interface ObservedVolume {
  readonly name: string
  readonly path: string
  readonly capacityBytes: number
  readonly allocationBytes: number
  readonly format: string
  /** Path of the backing file of an overlay. */
  readonly backingPath: string | undefined
}

export type VmState = 'running' | 'paused' | 'stopped' | 'crashed' | 'unknown'

export interface ObservedVm {
  readonly name: string
  /** UUID. */
  readonly id: string
  readonly state: VmState
  /** `undefined`: not made by vmwright. */
  readonly mark: VmMark | undefined
  /** As defined for the next start. */
  readonly vcpus: number
  readonly singleSocket: boolean
  readonly memoryMib: number
  readonly machine: string
  readonly firmware: 'bios' | 'uefi'
  readonly secureBoot: boolean
  readonly autostart: boolean
  readonly interfaces: readonly { readonly mac: string; readonly network: string | undefined }[]
  /** MACs of interfaces of a running machine that hang in the air: their network was stopped and started meanwhile. */
  readonly detached: readonly string[]
  readonly disks: readonly {
    readonly device: string
    readonly path: string | undefined
    readonly kind: 'disk' | 'cdrom'
    /** `qcow2`, `raw`, …; `undefined` where the definition does not say. */
    readonly format: string | undefined
  }[]
  readonly snapshots: readonly string[]
}

/**
 * What vmwright writes into the hypervisor's own metadata of a machine. `creating` means: never started, its
 * disks hold nothing of value and may be made again.
 */
export interface VmMark {
  readonly project: string
  readonly instance: string
  readonly stage: 'creating' | 'created' | 'provisioned'
  /** What its disks were made of. The digest is that of the image, or the content identity of the template. */
  readonly image: { readonly kind: 'image' | 'template'; readonly id: string; readonly digest: string }
  readonly volumes: readonly MarkedVolume[]
  readonly seed: {
    /** cloud-init's instance-id: new for each creation. */
    readonly instanceId: string
    /**
     * SHA-256 of what the spec said (secrets as references, without generated keys), to see later changes. Empty
     * while a reseeded machine still has its old seed.
     */
    readonly digest: string
    /** True once the secrets (passwords, private host keys) are gone from the seed on the host. */
    readonly sealed: boolean
  }
  /** Public SSH host keys the guest was given: `ssh-ed25519 AAAA…`. */
  readonly hostKeys: readonly string[]
  /** User to log in as. */
  readonly user: string
  /** The run of lifecycles that has begun on it and not ended. A snapshot that is restored may bring an old one back. */
  readonly run?: string
  /** Phases of a lifecycle have run on it since it was clean. */
  readonly used?: true
  /** The snapshot that a run is making: where it has no note, it is what a killed one has left. */
  readonly making?: string
  /** Where the guest was when a snapshot kept its memory: it is there again before anybody sees it ask for an address. */
  readonly addresses?: readonly string[]
}

export interface VolumeRef {
  readonly pool: string
  readonly name: string
}

export interface MarkedVolume extends VolumeRef {
  readonly role: 'root' | 'extra' | 'seed'
  /** Device in the guest: `vda`, `vdb`, …, `sda` for the seed. */
  readonly device: string
}

export interface PoolDefinition {
  readonly name: string
  /** The folder; `/dev/<volume group>` for `logical`. */
  readonly path: string
  /** Of a folder that is made; absent: as the hypervisor makes it. */
  readonly permissions?: PoolPermissions
  /** Absent: a folder of the host. */
  readonly source?:
    | { readonly kind: 'logical'; readonly volumeGroup: string; readonly devices: readonly string[] }
    | {
        readonly kind: 'netfs'
        readonly server: string
        readonly folder: string
        readonly format: 'auto' | 'nfs' | 'cifs' | 'glusterfs'
      }
}

export interface ImagePlacement extends VolumeRef {
  /** A verified qcow2 or raw file on this machine. */
  readonly localPath: string
  readonly format: 'qcow2' | 'raw'
  readonly sha256: string
  readonly sizeBytes: number
}

export interface VmDefinition {
  readonly name: string
  /**
   * Name of a machine whose devices, firmware (with a copy of its variables) and tuning are taken over, without its
   * identity; its disks, in their order, become `disks`. `undefined`: built from what is said here alone. Matters
   * for a machine that does not exist yet.
   */
  readonly basis: string | undefined
  readonly id: string
  readonly mark: VmMark
  readonly acceleration: 'kvm' | 'emulation'
  readonly vcpus: number
  readonly singleSocket: boolean
  readonly memoryMib: number
  readonly machine: string
  /** Absent: the host's own. */
  readonly processor?: ProcessorSpec | undefined
  readonly firmware: 'bios' | 'uefi'
  readonly secureBoot: boolean
  readonly disks: readonly {
    readonly volume: VolumeRef
    readonly device: string
    readonly format: 'qcow2' | 'raw'
  }[]
  readonly seed: { readonly volume: VolumeRef; readonly bus: SeedBus } | undefined
  readonly interfaces: readonly { readonly mac: string; readonly network: string }[]
}
