import type { Progress } from '../../lib/progress.ts'

/** Declared states of a host (K1, K2). Each is observed, planned, made so, verified and, later, taken back. */
export interface HostItems {
  /** What the host is, and the state of these items, in one round trip whatever their number. No mutation. */
  inspect(progress: Progress, items: readonly HostItem[]): Promise<HostReport>
  /**
   * Makes the item so, verifies it, and records on the host what was there before, first. Nothing to do where it is
   * so already. May be repeated after any interruption. Throws `host.change-failed`, `host.access-denied`.
   */
  change(progress: Progress, item: HostItem): Promise<void>
  /** What `change` ever changed on this host and `restore` has not taken back, latest first. No mutation. */
  changes(progress: Progress): Promise<readonly HostChange[]>
  /** Takes one change back to exactly what was there before, and forgets it. Tells where somebody else changed it since. */
  restore(progress: Progress, change: HostChange): Promise<'done' | 'already' | 'kept'>
}

export type HostItem =
  /** Installed. `name` is that of the host's distribution. */
  | { readonly kind: 'package'; readonly name: string }
  /** Running, and started with the host. */
  | { readonly kind: 'service'; readonly name: string }
  /** Set now and with each start of the host. */
  | { readonly kind: 'sysctl'; readonly name: string; readonly value: string }
  /**
   * The one line of that key in a file of `key = value` lines; `separator` as written in new lines. `reload` names
   * the service that has to read it again.
   */
  | {
      readonly kind: 'config-line'
      readonly path: string
      readonly key: string
      readonly value: string
      readonly separator: ' = ' | '='
      readonly reload: string | undefined
    }
  /** Loaded now and with each start of the host. */
  | { readonly kind: 'kernel-module'; readonly name: string }
  | { readonly kind: 'group-member'; readonly user: string; readonly group: string }

/** `sysctl net.ipv4.ip_forward`: unique, for messages and ids. */
export function itemName(item: HostItem): string {
  switch (item.kind) {
    case 'config-line':
      return `${item.path}: ${item.key}`
    case 'group-member':
      return `group ${item.group}: ${item.user}`
    case 'kernel-module':
      return `kernel module ${item.name}`
    default:
      return `${item.kind} ${item.name}`
  }
}

export type DistributionFamily = 'debian' | 'redhat' | 'arch' | 'suse' | 'unknown'

export interface HostReport {
  readonly facts: HostFactsOfSystem
  /** In the order of the request. */
  readonly states: readonly HostItemState[]
}

export interface HostFactsOfSystem {
  /** `PRETTY_NAME` of os-release. */
  readonly distribution: string
  /** `VERSION_ID` of it; empty where it has none. */
  readonly release: string
  readonly family: DistributionFamily
  readonly architecture: string
  readonly kernel: string
  /** What starts services; `none`: nothing that vmwright knows, so that services are started but not enabled. */
  readonly init: 'systemd' | 'none'
  /** The login is root or gets there by sudo without a password. */
  readonly isRoot: boolean
  /** As it is installed; `undefined`: it is not. */
  readonly libvirt: LibvirtFacts | undefined
  readonly virtualisation: VirtualisationFacts
}

export interface LibvirtFacts {
  readonly version: string
  /** One daemon for everything, or one for each kind of object. */
  readonly daemons: 'monolithic' | 'modular'
}

/** What speaks for or against hardware virtualisation, to explain why a trial start failed (K1). */
export interface VirtualisationFacts {
  /** The flag of the processor; `undefined`: none, or hidden. */
  readonly processor: 'vmx' | 'svm' | undefined
  /** Whose processor it is, also where the flag is hidden. */
  readonly vendor: 'intel' | 'amd' | undefined
  readonly modules: readonly string[]
  readonly hasDevice: boolean
  /** Owner, group and permission bits of `/dev/kvm`: `root kvm 660`. */
  readonly deviceAccess: string | undefined
  /** The kind of virtual machine that the host is, as `systemd-detect-virt` names it; `undefined`: bare metal. */
  readonly inside: string | undefined
  readonly isContainer: boolean
  /** The `nested` parameter of the loaded module, when it has one. */
  readonly nested: boolean | undefined
}

export interface HostItemState {
  readonly item: HostItem
  /** As wanted. */
  readonly isSo: boolean
  /** What is there now, for people: `not installed`, `0`, `inactive`, `"iptables"`. */
  readonly now: string
  /** Why it cannot be changed here; `undefined`: it can. */
  readonly whyNot: string | undefined
}

/** A change that was made, with what `restore` needs. */
export interface HostChange {
  readonly item: HostItem
  /** Milliseconds since the epoch. */
  readonly atMs: number
  /** What was there, as the kind of item needs it: a value, a whole line, `absent`. */
  readonly before: Readonly<Record<string, string>>
}
