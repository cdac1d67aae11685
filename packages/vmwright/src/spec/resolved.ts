import type { CloudInitSpec } from './resolved-cloud-init.ts'
import type { SecretRef } from '../lib/secret.ts'
import type { LifecycleSpec, MatrixPlace, RunBudget } from './resolved-lifecycle.ts'
import type {
  CustomiseSpec,
  NetworkSpec,
  PlacementSpec,
  PoolSpec,
  PreparationSpec,
} from './resolved-places.ts'

/**
 * The spec after reading, checking and merging of defaults (built in < file < image < instance). Nothing here is
 * optional that has a default; sizes are in the unit that the name says; secrets are references.
 */
export interface ResolvedSpec {
  /** Part of every ownership mark: `[a-z0-9][a-z0-9-]*`. */
  readonly project: string
  /** The file that was read, for messages. Paths in the spec are relative to its folder and absolute here. */
  readonly file: string
  readonly hosts: readonly HostSpec[]
  readonly images: readonly ImageSpec[]
  readonly templates: readonly TemplateSpec[]
  readonly cloning: CloningSpec
  readonly networks: readonly NetworkSpec[]
  readonly pools: readonly PoolSpec[]
  readonly instances: readonly InstanceSpec[]
  readonly imagePolicy: ImagePolicy
  /** G7. Of `vmwright run`. */
  readonly budget: RunBudget
}

export interface HostSpec {
  readonly name: string
  /** `qemu:///system`, `qemu+ssh://root@rack1/system`, `hyperv://node1`, … */
  readonly uri: string
  /**
   * `require-kvm` refuses hosts where a KVM guest does not start; `prefer-kvm` falls back to emulation with a
   * warning; `emulate` never tries KVM.
   */
  readonly acceleration: 'require-kvm' | 'prefer-kvm' | 'emulate'
  /** How many steps may run at once on this host. */
  readonly parallel: number
  /** Folder on the host for base images; a pool `vmwright-images` is made for it. */
  readonly imageCachePath: string
  /** Start networks that exist but are inactive (C13). */
  readonly startInactiveNetworks: boolean
  /** The user that runs the guests; `undefined`: as the host's own configuration says. */
  readonly runtimeUser: string | undefined
  /** T9. Give that user the access it lacks, by ACL, instead of failing. */
  readonly repairAccess: boolean
  /** Who to log in as on hosts that are not reached by `ssh` or a socket (Hyper-V). */
  readonly login: { readonly user: string; readonly password: SecretRef } | undefined
  /** G9. The instance that this host is, when it is itself a guest: reached at its address once it runs. */
  readonly guest: string | undefined
  readonly preparation: PreparationSpec
}

/** A machine on the host of which others are cloned (T3). */
export interface TemplateSpec {
  readonly id: string
  /** Name of the machine on the host. */
  readonly domain: string
  /** All its disk files on the host, in the order of its disks; `undefined`: those that it has. */
  readonly disks: readonly string[] | undefined
  readonly os: 'debian' | 'ubuntu'
  /** How a clone gets its own name, keys and addresses: files written into its disks, or a cloud-init seed. */
  readonly identity: 'offline' | 'cloud-init'
  /** For `offline`: what configures the network in the guest. */
  readonly network: 'ifupdown' | 'netplan'
  /** For `offline`: names of the guest's interfaces, in order; `enp1s0` and the like. */
  readonly interfaces: readonly [string, ...string[]]
  /** For netplan. */
  readonly renderer: 'networkd' | 'NetworkManager'
  /** What to do when it runs: its disks are copied only while it is off. */
  readonly whenRunning: 'refuse' | 'shut-down'
  /** Start it again afterwards when it was shut down for the copy. */
  readonly restart: boolean
  /** How the disks of its clones are made: `auto` shares blocks where the file system can, else copies. */
  readonly clone: CloneMode
  /** The user to log in as. */
  readonly user: string
  readonly seedBus: SeedBus
}

export type CloneMode = 'auto' | 'copy' | 'reflink' | 'overlay'

export interface CloningSpec {
  /** T1. `auto` clones in parallel and tries those that got into each other's way again, one by one. */
  readonly mode: 'auto' | 'sequential' | 'parallel'
  /** How many disks are copied at once on a host. */
  readonly parallel: number
  /** T2. Folder on the host for copies that are not complete; `undefined`: the pool itself. */
  readonly workspace: string | undefined
  /** Remove what is left in the workspace, and the workspace when it is empty, after the run. */
  readonly emptyWorkspace: boolean
  /** T8. `once`: a template that is still what it was when it was validated is not validated again. */
  readonly validate: 'always' | 'once'
  /** Compare the whole content by its SHA-256 too, not only size, time, inode and header. */
  readonly fullHash: boolean
}

export interface ImagePolicy {
  /** C2. `older-than` refreshes a manifest whose cached copy is older than `maxAgeMs`. */
  readonly refresh:
    | { readonly kind: 'always' }
    | { readonly kind: 'never' }
    | { readonly kind: 'older-than'; readonly maxAgeMs: number }
  /** Check the digest of cached files on every run (by size, mtime and inode; in full when those changed). */
  readonly verifyCached: boolean
  /** Download again when a cached file has the wrong digest, instead of failing. */
  readonly repair: boolean
  /** C4. */
  readonly allowNocloud: boolean
}

export type ImageSource =
  | {
      readonly kind: 'url'
      /** May contain `{version}`. */
      readonly url: string
      /** The file name at the publisher, as its manifest spells it. */
      readonly fileName: string
      /** A version directory that replaces `{version}` (default `latest`). */
      readonly version: string
      readonly checksums: { readonly url: string; readonly algorithm: 'sha256' | 'sha512' }
      /** A digest in the spec wins over the manifest: nothing else is accepted. */
      readonly pinnedDigest: string | undefined
      /** Detached signature over the manifest and the key ring (a file) that must have made it. */
      readonly signature: { readonly url: string; readonly keyring: string } | undefined
    }
  | {
      readonly kind: 'file'
      readonly path: string
      readonly digest: { readonly algorithm: 'sha256' | 'sha512'; readonly hex: string } | undefined
    }
  | {
      readonly kind: 'build'
      readonly distribution: 'debian' | 'ubuntu'
      readonly suite: string
      /** As libvirt spells it: `aarch64`; `undefined`: that of this machine. */
      readonly architecture: string | undefined
      readonly mirror: string | undefined
      readonly extraPackages: readonly string[]
      readonly sizeMib: number
    }
  /** An image that the host itself has under that name (Hyper-V). */
  | { readonly kind: 'host'; readonly name: string }

export interface ImageSpec {
  readonly id: string
  /** Tried in order: the first whose publisher can be reached. Usually one; the quickstart has a URL, then a build. */
  readonly sources: readonly [ImageSource, ...ImageSource[]]
  readonly firmware: 'bios' | 'uefi'
  readonly secureBoot: boolean
  readonly machine: string
  readonly seedBus: SeedBus
  /** The user that the image's cloud-init makes by default. */
  readonly user: string
}

export type SeedBus = 'scsi' | 'sata' | 'ide' | 'virtio'

export interface InstanceSpec {
  /** Domain name on the host: `[A-Za-z0-9][A-Za-z0-9-]{0,62}`. */
  readonly name: string
  /** Key of the group in the spec it came from: `web` for `web-1`. */
  readonly group: string
  /** With `placement`, the first of its hosts until `placeInstances` knows better. */
  readonly host: string
  /** K12. `undefined`: pinned to `host`. */
  readonly placement: PlacementSpec | undefined
  /**
   * What its disks are made of. The machine type, firmware, Secure Boot, disks and disk format of a clone are those of
   * the template's machine: `machine`, `firmware`, `secureBoot`, `rootDisk.mode` and `.format` say nothing about it.
   */
  readonly source: InstanceSource
  readonly pool: string
  readonly vcpus: number
  /** C12: one socket, one thread per core. */
  readonly singleSocket: boolean
  readonly memoryMib: number
  readonly machine: string
  readonly firmware: 'bios' | 'uefi'
  readonly secureBoot: boolean
  readonly seedBus: SeedBus
  readonly rootDisk: {
    /** 0 for a clone: as large as the template's. */
    readonly sizeMib: number
    readonly mode: 'overlay' | 'copy'
    readonly format: 'qcow2' | 'raw'
    readonly extension: string
  }
  readonly extraDisks: readonly ExtraDiskSpec[]
  readonly interfaces: readonly [InterfaceSpec, ...InterfaceSpec[]]
  readonly cloudInit: CloudInitSpec
  readonly autostart: boolean
  readonly ready: ReadySpec
  readonly snapshot:
    { readonly name: string; readonly description: string; readonly startAfterwards: boolean } | undefined
  /** What only Hyper-V hosts know; `undefined` on all others. */
  readonly hyperv: HypervSettings | undefined
  /** `undefined`: the host's own. */
  readonly processor: ProcessorSpec | undefined
  readonly lifecycle: LifecycleSpec
  /** `undefined`: not of the matrix. */
  readonly matrix: MatrixPlace | undefined
  /** May be made anew by a run when its image or hardware changed: it holds nothing of its own. True for the matrix. */
  readonly disposable: boolean
}

export interface ProcessorSpec {
  /** As libvirt spells it: `x86_64`, `aarch64`, `ppc64le`; `undefined`: the host's own. */
  readonly architecture: string | undefined
  /** Name of the CPU (`cortex-a57`); `undefined`: the host's own, or the most that the emulator can do. */
  readonly model: string | undefined
  /** Path of the emulator on the host; `undefined`: the hypervisor's choice. */
  readonly emulator: string | undefined
}

export interface HypervSettings {
  readonly os: 'linux' | 'windows'
  /** Make it a role of the cluster that the host belongs to. */
  readonly clustered: boolean
  /** For Windows. */
  readonly domainJoin:
    | {
        readonly domain: string
        readonly user: string
        readonly password: SecretRef
        /** `undefined`: where the domain puts computers by default. */
        readonly ou: string | undefined
      }
    | undefined
}

export type InstanceSource =
  | {
      readonly kind: 'image'
      readonly id: string
      /** K7. `undefined`: by a cloud-init seed. */
      readonly customise: CustomiseSpec | undefined
    }
  | {
      readonly kind: 'template'
      /** Key of the template, also where the spec has its domain name (T4). */
      readonly id: string
      readonly clone: CloneMode
      /** T5. The template's, or what the instance says instead; for `identity: offline`. */
      readonly network: TemplateSpec['network']
      readonly interfaces: TemplateSpec['interfaces']
      readonly renderer: TemplateSpec['renderer']
    }

export interface ExtraDiskSpec {
  /** `vdb`..`vdz` */
  readonly device: string
  readonly sizeMib: number
  readonly format: 'qcow2' | 'raw'
  readonly extension: string
  /** Absent: the disk is attached and left alone. */
  readonly mount:
    | {
        readonly path: string
        readonly filesystem: 'ext4' | 'xfs'
        readonly options: string
        readonly label: string
      }
    | undefined
}

export interface InterfaceSpec {
  /** Key in `networks`. */
  readonly network: string
  /** Always set: explicit, or derived from project, instance and index. Lower case. */
  readonly mac: string
  /** 1 to 4094, on Hyper-V hosts; `undefined`: untagged. */
  readonly vlan: number | undefined
  readonly dhcp4: boolean
  readonly dhcp6: boolean
  /** With prefix length: `192.168.24.121/24`, `fd00::7/64`. */
  readonly addresses: readonly string[]
  /** K4. Fixed leases on an own network with DHCP: what the host will give, for who asks. Without prefix length. */
  readonly leases: readonly string[]
  readonly gateway4: string | undefined
  readonly gateway6: string | undefined
  readonly dns: readonly string[]
  readonly search: readonly string[]
  /** Name wanted in the guest (`set-name`); absent: the guest's own name stays. */
  readonly rename: string | undefined
  /** C8: names to configure when no interface has the MAC (an image cloned elsewhere). */
  readonly fallbackNames: readonly string[]
}

/** The ladder of readiness, lowest rung first. */
export const readyRungs = ['started', 'address', 'port', 'ssh', 'agent', 'cloud-init'] as const
export type ReadyRung = (typeof readyRungs)[number]

export interface ReadySpec {
  /** The rungs to climb, in ladder order. The agent is optional in many images, so it is not part of the default. */
  readonly rungs: readonly ReadyRung[]
  readonly port: number
  /** Each rung's own limit. */
  readonly timeoutMs: Readonly<Record<ReadyRung, number>>
  /** Those whose limit nobody chose: it is longer where the guest is emulated. */
  readonly usualLimits: readonly ReadyRung[]
  /** C17: after the restart that follows a snapshot, look at the port again. */
  readonly recheckAfterSnapshot: boolean
}
