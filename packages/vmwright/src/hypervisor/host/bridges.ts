import type { Progress } from '../../lib/progress.ts'

/** Bridges of the host over a physical interface (K5). */
export interface HostBridges {
  /** What runs the interface, and whether a bridge is over it. No mutation. */
  inspect(progress: Progress, bridge: BridgeDefinition): Promise<BridgeState>
  /**
   * Moves addresses and routes of the interface to the bridge. A detached process on the host does it and restores
   * the old state by itself, unless this confirms over a new connection within `confirmWithinMs`. Resolves when it
   * is confirmed; throws `host.bridge-rolled-back` with what was seen when the old state is back, and
   * `host.bridge-refused` before anything is done. Nothing to do where the bridge is there already.
   */
  make(progress: Progress, bridge: BridgeDefinition): Promise<void>
  /**
   * Takes the bridge away and gives the interface back its configuration, byte for byte, with the same safety. Does
   * nothing for a bridge that `make` has not made. Throws `host.bridge-refused` where somebody else has changed the
   * configuration since.
   */
  remove(progress: Progress, bridge: BridgeDefinition): Promise<void>
  /** The bridges that `make` has made on this host and `remove` has not taken back. No mutation. */
  made(progress: Progress): Promise<readonly BridgeDefinition[]>
}

export interface BridgeDefinition {
  readonly name: string
  readonly interface: string
  /** Spanning tree protocol. */
  readonly stp: boolean
  readonly confirmWithinMs: number
}

export interface BridgeState {
  readonly state: 'absent' | 'present' | 'foreign'
  /** What runs the interface; `none`: nothing, so that the bridge would not come back after a restart. */
  readonly manager: 'networkmanager' | 'networkd' | 'netplan' | 'ifupdown' | 'none'
  readonly carriesDefaultRoute: boolean
  /** Addresses that would move. */
  readonly addresses: readonly string[]
  /** Why it cannot be done here; `undefined`: it can. */
  readonly whyNot: string | undefined
}
