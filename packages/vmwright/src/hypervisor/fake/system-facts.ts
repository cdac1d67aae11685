import type { HostCensus } from '../host/records.ts'
import type { BridgeState } from '../host/bridges.ts'
import type { HostChange, HostFactsOfSystem } from '../host/items.ts'
import type { HostNetworkFacts } from '../host/network.ts'
import type { RuleSet } from '../host/rules.ts'

/** The machine below an in-memory hypervisor, as plain data. */
export interface FakeSystem {
  facts: HostFactsOfSystem
  /** Without what active networks of the world add: their bridges, routes and DNS. */
  network: { -readonly [K in keyof HostNetworkFacts]: HostNetworkFacts[K] }
  /** What items are now, by `itemName`, in the words of `wantedOf`; absent: not installed, inactive, not set. */
  items: Record<string, string>
  /** Why an item cannot be changed, by `itemName`. */
  unchangeable: Record<string, string>
  /** What was changed and not taken back, latest last. */
  changes: readonly HostChange[]
  /** By `project/network`. */
  rules: Record<string, FakeRules>
  /** Made over an interface, by name. */
  bridges: Record<string, { interface: string; stp: boolean; confirmWithinMs: number }>
  interfaceManager: BridgeState['manager']
  /** True: nobody confirms a bridge in time. */
  bridgesRollBack: boolean
  /** By project. */
  records: Record<string, HostCensus>
}

export interface FakeRules {
  set: RuleSet
  backend: 'nftables' | 'iptables'
  active: boolean
  /** They come back with their network. */
  persistent: boolean
}

/** A bare-metal Debian with one interface, `eth0`, that has the default route; nothing of ours is on it. */
export const createFakeSystemFacts = (overrides: Partial<FakeSystem> = {}): FakeSystem => ({
  facts: {
    distribution: 'Debian GNU/Linux 12 (bookworm)',
    release: '12',
    family: 'debian',
    architecture: 'x86_64',
    kernel: '6.1.0-1-amd64',
    init: 'systemd',
    isRoot: true,
    libvirt: { version: '9.0.0', daemons: 'monolithic' },
    virtualisation: {
      processor: 'vmx',
      vendor: 'intel',
      modules: ['kvm', 'kvm_intel'],
      hasDevice: true,
      deviceAccess: 'root kvm 660',
      inside: undefined,
      isContainer: false,
      nested: false,
    },
  },
  network: {
    interfaces: [
      {
        name: 'lo',
        mac: undefined,
        kind: 'loopback',
        isUp: true,
        master: undefined,
        addresses: ['127.0.0.1/8'],
      },
      {
        name: 'eth0',
        mac: '02:00:00:00:00:01',
        kind: 'physical',
        isUp: true,
        master: undefined,
        addresses: ['198.51.100.10/24'],
      },
    ],
    routes: [
      { to: '0.0.0.0/0', via: '198.51.100.1', interface: 'eth0' },
      { to: '198.51.100.0/24', via: undefined, interface: 'eth0' },
    ],
    dnsListeners: [],
    firewall: { backend: 'nftables', managers: [], dropsForwarded: false },
  },
  items: {},
  unchangeable: {},
  changes: [],
  rules: {},
  bridges: {},
  interfaceManager: 'ifupdown',
  bridgesRollBack: false,
  records: {},
  ...overrides,
})
