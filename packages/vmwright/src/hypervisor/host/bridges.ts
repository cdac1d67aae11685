import type { Progress } from '../../lib/progress.ts'

/** Bridges of the host over a physical interface (K5). */
export interface HostBridges {
  /** What runs the interface, and whether a bridge is over it. No mutation. */
  inspect(progress: Progress, bridge: BridgeDefinition): Promise<BridgeState>
  /**
   * Moves addresses and routes of the interface to the bridge. A detached process on the host does it and restores
   * the old state by itself, unless this confirms over a new connection within `confirmWithinMs`. Resolves when it
   * is confirmed; throws `host.bridge-rolled-back` with what was seen when the old state is back.
   */
  make(progress: Progress, bridge: BridgeDefinition): Promise<void>
  /** Takes the bridge away and gives the interface back its configuration, with the same safety. */
  remove(progress: Progress, bridge: BridgeDefinition): Promise<void>
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
