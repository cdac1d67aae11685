/** What the spec says of networks, pools and the hosts themselves: the part of `ResolvedSpec` that is about places. */

export interface NetworkSpec {
  readonly id: string
  /** Its name on the host. */
  readonly name: string
  /** K4. Made by vmwright on each host that has instances on it; `undefined`: it exists, and is left as it is. */
  readonly own: OwnNetworkSpec | undefined
}

export interface OwnNetworkSpec {
  /** As `NetworkMode` of the drivers; with `forwarding`, `nat` and `routed` are made with rules of our own. */
  readonly mode: 'nat' | 'routed' | 'isolated' | 'open' | 'bridge' | 'macvtap'
  /** At most 15 characters; its own bridge (given or derived from project and key), or that of the host for `bridge`. */
  readonly bridge: string | undefined
  readonly mac: string | undefined
  readonly interface: string | undefined
  readonly mtu: number | undefined
  /** The host's own address with prefix length, and the range of its DHCP server. */
  readonly ipv4: OwnNetworkAddress | undefined
  readonly ipv6: OwnNetworkAddress | undefined
  readonly domain: string | undefined
  readonly records: readonly { readonly address: string; readonly names: readonly string[] }[]
  readonly forwarders: readonly string[]
  /** K6. `undefined`: the hypervisor's own rules. */
  readonly forwarding: ForwardingSpec | undefined
  readonly autostart: boolean
}

export interface OwnNetworkAddress {
  readonly address: string
  readonly prefix: number
  readonly dhcp: { readonly from: string; readonly to: string } | undefined
}

export interface ForwardingSpec {
  /** Interface to the outside; `undefined`: every one. */
  readonly outside: string | undefined
  /** Guests go out under the host's address. */
  readonly masquerade: boolean
  /** CIDR blocks that guests may reach; empty: all. */
  readonly to: readonly string[]
  /** CIDR blocks from which guests may be reached; empty: none. */
  readonly from: readonly string[]
}

export type PoolSpec =
  | { readonly id: string; readonly kind: 'use'; readonly name: string }
  /** A folder on the host; the pool `name` is made for it when missing. */
  | {
      readonly id: string
      readonly kind: 'path'
      readonly name: string
      readonly path: string
      /** Of a folder that is made; `undefined`: as libvirt makes it. */
      readonly permissions: PoolPermissions | undefined
    }
  /** An LVM volume group; it is made of the devices when these are given and it does not exist. */
  | {
      readonly id: string
      readonly kind: 'logical'
      readonly name: string
      readonly volumeGroup: string
      readonly devices: readonly string[]
    }
  /** A share that is mounted at `path`. */
  | {
      readonly id: string
      readonly kind: 'netfs'
      readonly name: string
      readonly path: string
      readonly server: string
      readonly folder: string
      readonly format: 'auto' | 'nfs' | 'cifs' | 'glusterfs'
    }

export interface PoolPermissions {
  /** Permission bits, `0o711`. */
  readonly mode: number
  readonly owner: number | undefined
  readonly group: number | undefined
}

/** Where an instance may go when it is not pinned to one host (K12). */
export interface PlacementSpec {
  /** In the order of the spec. */
  readonly hosts: readonly [string, ...string[]]
  /** `spread`: where most is free. `pack`: the first with room. */
  readonly by: 'spread' | 'pack'
  /** Instances of the same group on one host: `apart` never, `prefer-apart` only when there is no other place. */
  readonly group: 'apart' | 'prefer-apart' | 'together-allowed'
}

/** K2. What `host prepare` makes of a host, beyond what every host needs. */
export interface PreparationSpec {
  /** Package names as the host's distribution has them. */
  readonly packages: readonly string[]
  readonly sysctls: Readonly<Record<string, string>>
  readonly modules: readonly string[]
  /** Users who may use the system's hypervisor. */
  readonly users: readonly string[]
  /** `undefined`: as it is. */
  readonly firewallBackend: 'nftables' | 'iptables' | undefined
  readonly bridges: readonly HostBridgeSpec[]
}

export const noPreparation: PreparationSpec = {
  packages: [],
  sysctls: {},
  modules: [],
  users: [],
  firewallBackend: undefined,
  bridges: [],
}

/** K5. */
export interface HostBridgeSpec {
  readonly name: string
  readonly interface: string
  readonly stp: boolean
  readonly confirmWithinMs: number
  /** It may be the interface that the host is reached by. */
  readonly mayCarryDefaultRoute: boolean
}

/** K7. What is done to an image's disk before the first boot, for guests without cloud-init. */
export interface CustomiseSpec {
  /** Public keys for root. */
  readonly rootKeys: readonly string[]
  /** PEM texts, trusted by the guest. */
  readonly certificates: readonly { readonly name: string; readonly pem: string }[]
  readonly install: readonly string[]
  readonly remove: readonly string[]
  /** Run as root in the guest's file system, in this order, after the packages. */
  readonly commands: readonly string[]
  /** For netplan or ifupdown, as with clones; `lease`: DHCP with the host's fixed lease. */
  readonly network: 'ifupdown' | 'netplan'
  readonly interfaces: readonly [string, ...string[]]
}
