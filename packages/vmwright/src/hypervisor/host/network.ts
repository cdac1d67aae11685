import type { Progress } from '../../lib/progress.ts'

export interface HostNetwork {
  /** Interfaces, addresses, routes and what filters on the host, in one round trip. No mutation. */
  read(progress: Progress): Promise<HostNetworkFacts>
}

export interface HostNetworkFacts {
  readonly interfaces: readonly HostInterface[]
  readonly routes: readonly HostRoute[]
  /** Addresses on which something answers DNS already; `0.0.0.0` and `::` are all of them. */
  readonly dnsListeners: readonly { readonly address: string; readonly program: string | undefined }[]
  readonly firewall: HostFirewall
}

export interface HostInterface {
  readonly name: string
  readonly mac: string | undefined
  readonly kind: 'physical' | 'bridge' | 'vlan' | 'bond' | 'tap' | 'loopback' | 'other'
  readonly isUp: boolean
  /** The bridge or bond that it belongs to. */
  readonly master: string | undefined
  /** With prefix length. */
  readonly addresses: readonly string[]
}

export interface HostRoute {
  /** CIDR block; `0.0.0.0/0` and `::/0` for the default. */
  readonly to: string
  readonly via: string | undefined
  readonly interface: string | undefined
}

export interface HostFirewall {
  /** Which program sets rules: `nft`, `iptables`, or none is installed. */
  readonly backend: 'nftables' | 'iptables' | 'none'
  /** Other managers that are active. */
  readonly managers: readonly ('firewalld' | 'ufw' | 'docker')[]
  /** True: a chain of somebody else drops what it does not know on its way through the host. */
  readonly dropsForwarded: boolean
}
