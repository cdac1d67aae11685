import { GiB } from '../../lib/units.ts'
import type { Capabilities, ObservedVm, PoolDefinition } from '../contract.ts'
import type { FileChange } from '../disks.ts'
import type { AccessRepair, HostFile } from '../host-files.ts'
import type { NetworkDefinition } from '../networks.ts'
import { createFakeSystemFacts, type FakeSystem } from './system-facts.ts'

/**
 * Everything that exists on an in-memory host, as plain data. It outlives the driver objects that work on it, as
 * a real host outlives a killed process. Tests read it, and change it behind the program's back.
 */
export interface FakeWorld {
  host: string
  capabilities: Capabilities
  cpus: number
  memoryMib: number
  /** What a guest can really be started with; `none`: not even emulation. */
  acceleration: 'kvm' | 'emulation' | 'none'
  /** True: every call throws `host.unreachable`. */
  down: boolean
  /** Size of a pool made by `ensurePool`. */
  newPoolBytes: number
  pools: Record<string, FakePool>
  networks: Record<string, FakeNetwork>
  vms: Record<string, FakeVm>
  /** How guests behave unless `guests` says otherwise for that machine. */
  defaultGuest: GuestScript
  guests: Record<string, Partial<GuestScript>>
  /** What is on the host outside of pools, by path. Template machines with disks there: `addTemplate`. */
  files: Record<string, FakeFile>
  access: FakeAccess
  /** What `editDisks` did, by the path of the machine's first disk; gone with that disk. */
  edits: Record<string, readonly FileChange[]>
  /** False: libguestfs is not installed on the host. */
  hasGuestTools: boolean
  /** Why no machine here can be snapshotted with its memory. Absent: it is up to the machine. */
  whyNoMemory?: string
  /** The machine below: what it has installed, its interfaces, our rules and records on it. */
  system: FakeSystem
}

export interface FakePool {
  path: string
  /** False between define and build: its folder is missing. */
  built: boolean
  active: boolean
  /** Made by a driver. */
  isOurs?: true
  capacityBytes: number
  volumes: Record<string, FakeVolume>
  /** Complete files in its folder that the pool was not told of yet. */
  unseen?: Record<string, FakeVolume>
  /** Its file system can share blocks between files. */
  reflinks?: true
  /** As a driver made it; absent: a folder. */
  source?: PoolDefinition['source']
  permissions?: PoolDefinition['permissions']
}

export interface FakeVolume {
  capacityBytes: number
  allocationBytes: number
  format: string
  backingPath: string | undefined
  /** False while an upload has not ended: nothing boots from it and nothing may be based on it. */
  complete: boolean
  /** What is on it: `empty`, `image:<sha256>`, `template:<name>:<n>`, `written`; a start of a guest adds `+booted`. */
  data: string
  /** Content of volumes that were written as a whole (seeds). */
  bytes: Uint8Array | undefined
  /** Permission bits of the file. Default: 0o600. */
  mode?: number
  /** The bits that `protect` took away are those of this mode. */
  unprotectedMode?: number
  /** Default: changes with `data` and the sizes. */
  modifiedNs?: string
  /** Default: follows from the path. */
  inode?: string
}

export interface FakeFile {
  kind: HostFile['kind']
  /** What QEMU finds in a file that is a disk image; its size, times and mode are there too. */
  disk: FakeVolume | undefined
}

export interface FakeAccess {
  /** Who runs guests on this host. */
  user: string
  /**
   * What that user lacks on files and folders. Everything below is out of its reach, and machines with such disks
   * do not start, until it is repaired. `noRepair`: why an ACL cannot.
   */
  denied: { path: string; permissions: string; noRepair?: string }[]
  /** What was given by `repairAccess` and not taken back. */
  repairs: AccessRepair[]
  /** What AppArmor refuses. */
  confined: string[]
}

export interface FakeNetwork {
  active: boolean
  subnets: readonly string[]
  hasDhcp: boolean
  /** Leases of clients that are not machines of this world. */
  leases: { mac: string; address: string; hostname: string | undefined }[]
  /** Addresses that its DHCP server has given to machines, by MAC. */
  assigned: Record<string, string>
  /** Default: true. */
  autostart?: boolean
  /** Default: a device that nobody else sees. */
  bridge?: string | undefined
  /** For the next start, of networks that a driver made; these have a mark. */
  definition?: NetworkDefinition
  /** What an active one of these runs with. */
  running?: NetworkDefinition
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

export interface FakeVm extends Omit<Mutable<ObservedVm>, 'snapshots'> {
  acceleration: 'kvm' | 'emulation'
  snapshots: FakeSnapshot[]
  /** What its disks are now was made on this one. */
  currentSnapshot: string | undefined
  /** A firmware variable store exists (made by the first start of a UEFI machine). */
  firmwareVariables: boolean
  savedState: boolean
  startedAtMs: number
  /** When the guest was asked to shut down. */
  shutdownAtMs: number | undefined
}

export interface FakeSnapshot {
  name: string
  description: string
  kind: 'internal' | 'external'
  /** Content of each disk at that time, by path. External snapshots keep it in volumes of their own instead. */
  disks: Record<string, string>
  createdAtMs: number
  parent: string | undefined
  note: string | undefined
  /** `undefined`: of the disks alone. */
  memory:
    | {
        /** How long the guest had run. */
        readonly guestAgeMs: number
        readonly sizeBytes: number
        /** The disk that it lies in. */
        readonly path: string
        /** False: whoever made it was killed. It cannot be restored. */
        complete: boolean
      }
    | undefined
}

/** Times are virtual milliseconds since the start of the machine; `undefined`: never. */
export interface GuestScript {
  leaseAfterMs: number | undefined
  agentAfterMs: number | undefined
  /** What the guest really uses, if it is not what DHCP gave. */
  address: string | undefined
  console: readonly { readonly atMs: number; readonly text: string }[]
  /** Replies of the guest agent by command; a command that is not here is refused. */
  agentReplies: Readonly<Record<string, unknown>>
  /** How long a graceful shutdown takes; `undefined`: the guest ignores the request. */
  shutdownMs: number | undefined
  /** The guest ends by itself. */
  ends: { readonly afterMs: number; readonly state: 'stopped' | 'crashed' } | undefined
}

const done = Buffer.from(JSON.stringify({ status: 'done', extended_status: 'done', errors: [] }))

/** Lease and agent at once, cloud-init's last line a moment later, obeys shutdown. */
export const readyGuest: GuestScript = {
  leaseAfterMs: 0,
  agentAfterMs: 0,
  address: undefined,
  console: [
    { atMs: 50, text: 'Debian GNU/Linux 12 guest ttyS0\n\nguest login: ' },
    {
      atMs: 100,
      text: '[   10.0] cloud-init[500]: Cloud-init v. 22.4.2 finished at the end. Up 10.00 seconds\n',
    },
  ],
  agentReplies: {
    'guest-ping': {},
    'guest-exec': { pid: 1 },
    'guest-exec-status': { exited: true, exitcode: 0, 'out-data': done.toString('base64') },
  },
  shutdownMs: 1_000,
  ends: undefined,
}

/** A machine that finds nothing to boot: no lease, no agent, deaf to requests. */
export const bareGuest: GuestScript = {
  leaseAfterMs: undefined,
  agentAfterMs: undefined,
  address: undefined,
  console: [],
  agentReplies: {},
  shutdownMs: undefined,
  ends: undefined,
}

/** A host with a pool `default` and an active NAT network `default`, both empty. */
export function createFakeWorld(overrides: Partial<FakeWorld> = {}): FakeWorld {
  return {
    host: 'fake',
    capabilities: {
      version: 'fake 1.0.0',
      architecture: 'x86_64',
      architectures: ['x86_64', 'aarch64'],
      uefi: true,
      secureBoot: true,
      guestAgent: true,
      console: true,
      noShell: undefined,
      stoppedSnapshot: { bios: 'internal', uefi: 'external' },
    },
    cpus: 8,
    memoryMib: 32_768,
    acceleration: 'kvm',
    down: false,
    newPoolBytes: 200 * GiB,
    pools: { default: createFakePool('/var/lib/libvirt/images') },
    networks: { default: createFakeNetwork({ bridge: 'virbr0' }) },
    vms: {},
    defaultGuest: readyGuest,
    guests: {},
    files: {},
    access: { user: 'libvirt-qemu', denied: [], repairs: [], confined: [] },
    edits: {},
    hasGuestTools: true,
    system: createFakeSystemFacts(),
    ...overrides,
  }
}

export const createFakePool = (path: string, overrides: Partial<FakePool> = {}): FakePool => ({
  path,
  built: true,
  active: true,
  capacityBytes: 200 * GiB,
  volumes: {},
  ...overrides,
})

export const createFakeNetwork = (overrides: Partial<FakeNetwork> = {}): FakeNetwork => ({
  active: true,
  subnets: ['192.168.122.0/24'],
  hasDhcp: true,
  leases: [],
  assigned: {},
  ...overrides,
})

/** A complete volume, such as a stranger's disk. */
export const createFakeVolume = (overrides: Partial<FakeVolume> = {}): FakeVolume => ({
  capacityBytes: GiB,
  allocationBytes: 200 * 1024,
  format: 'qcow2',
  backingPath: undefined,
  complete: true,
  data: 'empty',
  bytes: undefined,
  ...overrides,
})

/** A machine without mark, such as a stranger's. */
export const createFakeVm = (name: string, overrides: Partial<FakeVm> = {}): FakeVm => ({
  name,
  id: `00000000-0000-4000-8000-${Buffer.from(name).toString('hex').padStart(12, '0').slice(-12)}`,
  state: 'stopped',
  mark: undefined,
  vcpus: 1,
  singleSocket: true,
  memoryMib: 512,
  machine: 'q35',
  firmware: 'bios',
  secureBoot: false,
  autostart: false,
  detached: [],
  interfaces: [],
  disks: [],
  acceleration: 'kvm',
  snapshots: [],
  currentSnapshot: undefined,
  firmwareVariables: false,
  savedState: false,
  startedAtMs: 0,
  shutdownAtMs: undefined,
  ...overrides,
})
