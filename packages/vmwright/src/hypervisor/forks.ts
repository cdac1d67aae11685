import type { Progress } from '../lib/progress.ts'
import type { VmMark } from './contract.ts'

/**
 * X9. Distinct machines from one that has been booted: memory and disks are copied on write from a source that never
 * changes. What a guest thinks it is (addresses, keys, names) is the caller's to change afterwards.
 */
export interface HostForks {
  /** Why machines cannot be forked from this one here, as a sentence; `undefined`: they can. No mutation. */
  whyNot(progress: Progress, vm: string): Promise<string | undefined>
  /**
   * Freezes a snapshot with memory (or, without a name, the machine as it runs now) as a source. The machine goes on
   * as it was. Repeatable: a source of that name that is complete is taken as it is. Forks can be made from when it
   * resolves; what it needed for itself is gone when `ends` has resolved, which never rejects.
   */
  freeze(progress: Progress, source: ForkDefinition): Promise<Freezing>
  sources(progress: Progress): Promise<readonly ForkSource[]>
  /**
   * Addresses for machines to come, on the networks of this one whose DHCP server the host runs itself: nobody has a
   * lease of them, and nobody uses them who is there now. Fewer than cards, or none, where that cannot be known.
   */
  freeAddresses(progress: Progress, vm: string, cards: readonly ForkCard[]): Promise<readonly FreeAddress[]>
  /**
   * Starts a machine from the source, with the interfaces of the original under new addresses and their links down: as
   * long as it believes to be the original, nobody hears it. Its root and extra volumes are made, its seed must be there.
   * Throws `vm.exists`, `fork.failed`, and then leaves nothing behind.
   */
  fork(progress: Progress, fork: ForkedVm): Promise<void>
  /** Plugs the cables of a running fork in. Repeatable. */
  connect(progress: Progress, vm: string): Promise<void>
  /** Throws `disk.in-use` while machines rest on it. Repeatable. */
  removeSource(progress: Progress, name: string): Promise<void>
}

/** The MAC address of a card of the original, and that of the same card in a fork. */
export interface ForkCard {
  readonly from: string
  readonly to: string
}

export interface FreeAddress {
  /** Of the card that it is for. */
  readonly mac: string
  /** IPv4. */
  readonly address: string
  /** The DHCP server, by its own address. */
  readonly server: string
  /** What the server leased to the card before, when another machine had it. */
  readonly former: readonly string[]
}

export interface ForkDefinition {
  /** Of the source: letters, digits, `-` and `.`. */
  readonly name: string
  readonly project: string
  readonly vm: string
  readonly snapshot: string | undefined
  readonly pool: string
}

export interface Freezing {
  readonly ends: Promise<void>
}

export interface ForkSource {
  readonly name: string
  readonly project: string
  readonly vm: string
  readonly snapshot: string | undefined
  readonly createdAtMs: number
  /** What it takes on the host. */
  readonly sizeBytes: number
  /** Machines whose disks or memory rest on it. */
  readonly dependents: readonly string[]
}

export interface ForkedVm {
  readonly source: string
  readonly name: string
  /** UUID. */
  readonly id: string
  readonly mark: VmMark
  /** One for each interface of the original, in their order. */
  readonly macs: readonly string[]
}
