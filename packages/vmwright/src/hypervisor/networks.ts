import type { Progress } from '../lib/progress.ts'

/** A network that vmwright makes on a host (K4). */
export interface NetworkDefinition {
  readonly name: string
  readonly mark: NetworkMark
  /**
   * `nat` and `routed` are forwarded by the hypervisor's own rules; `open` has none of these (rules of our own, or of
   * the administrator, decide); `isolated` stays on the host; `bridge` joins a bridge of the host, `macvtap` an
   * interface of it: both have no addresses of their own.
   */
  readonly mode: NetworkMode
  /** Device: one of its own, or (`bridge`) the host's; `undefined` for macvtap. */
  readonly bridge: string | undefined
  /** MAC of its own bridge. */
  readonly mac: string | undefined
  /** Device of the host: to go out by (`nat`, `routed`; `undefined`: any), or to join (`macvtap`). */
  readonly interface: string | undefined
  readonly mtu: number | undefined
  readonly ipv4: NetworkAddress | undefined
  readonly ipv6: NetworkAddress | undefined
  /** DNS domain of the guests; its names are not asked for elsewhere. */
  readonly domain: string | undefined
  /** Further names, besides those of reservations. */
  readonly records: readonly { readonly address: string; readonly names: readonly string[] }[]
  /** Name servers to ask; empty: those of the host. */
  readonly forwarders: readonly string[]
  /** Fixed leases; they make the names known too. Sorted by address. */
  readonly reservations: readonly Reservation[]
  readonly autostart: boolean
}

export type NetworkMode = 'nat' | 'routed' | 'isolated' | 'open' | 'bridge' | 'macvtap'

export interface NetworkAddress {
  /** The host's own on this network. */
  readonly address: string
  readonly prefix: number
  readonly dhcp: { readonly from: string; readonly to: string } | undefined
}

export interface Reservation {
  /** `undefined`: a name in DNS alone, for guests with a static address on a network without DHCP. */
  readonly mac: string | undefined
  readonly name: string
  readonly address: string
}

/** Written into the network's own metadata. */
export interface NetworkMark {
  readonly project: string
  /** Key in the spec. */
  readonly network: string
}

export interface HostNetworks {
  /**
   * Makes the network, or starts it where it is there as wanted but not active; its mark and UUID follow from project
   * and key. Throws `network.conflict` when somebody else's has the name, the bridge or the addresses.
   */
  ensure(progress: Progress, network: NetworkDefinition): Promise<void>
  /**
   * Brings an existing one of ours to this definition. `live`: only what can be changed while guests are connected
   * (reservations, names), now and for later starts. `restart`: everything, by a restart; connected guests lose the
   * network and are attached again.
   */
  update(progress: Progress, network: NetworkDefinition, how: 'live' | 'restart'): Promise<void>
  /** Stops and removes it when it has our mark and nobody is connected; leaves any other. May be repeated. */
  remove(progress: Progress, network: NetworkMark & { readonly name: string }): Promise<void>
  /** Attaches interfaces that hang in the air (`ObservedVm.detached`) to their networks again. May be repeated. */
  reattach(progress: Progress, vm: string): Promise<void>
}

export interface ObservedNetwork {
  readonly name: string
  readonly active: boolean
  readonly autostart: boolean
  /** `undefined`: not made by vmwright. */
  readonly mark: NetworkMark | undefined
  /** Its device, of its own or the host's. */
  readonly bridge: string | undefined
  /** CIDR blocks that the network itself serves (empty for bridges). */
  readonly subnets: readonly string[]
  readonly hasDhcp: boolean
  /** As defined for the next start; `undefined` where it has what a `NetworkDefinition` cannot say (only for others'). */
  readonly definition: NetworkDefinition | undefined
  /** What an active one runs with, where that differs from `definition`. */
  readonly running: NetworkDefinition | undefined
  readonly leases: readonly {
    readonly mac: string
    readonly address: string
    readonly hostname: string | undefined
  }[]
}
