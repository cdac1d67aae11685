import type { BridgeDefinition } from '../../../../host/bridges.ts'
import type { PresentFacts } from '../by-hand.ts'
import { may, must } from '../change.ts'
import type { NetworkManagerFacts } from '../facts.ts'
import type { ManagerPlan } from '../plan-change.ts'

/**
 * Two profiles of ours: the bridge with the addressing of the interface's own profile, and the interface as its port.
 * They begin in memory (`save no`) and are written when confirmed (`modify` writes them), so a restart before
 * that forgets them. The interface's own profile is never touched: the port's higher priority goes before it.
 */
export function networkManagerPlan(facts: PresentFacts, bridge: BridgeDefinition): ManagerPlan {
  const { name, interface: port, stp } = bridge
  const manager = facts.networkManager
  if (manager === undefined) return { whyNot: `NetworkManager has no connection on ${port}` }
  if (facts.port.type !== 'ethernet') return { whyNot: `${port} is no Ethernet interface` }
  const profile = `vmwright-${name}`
  const autoconnect = `${profile}-port`
  const add = ['nmcli', 'connection', 'add', 'save', 'no', 'type'] as const
  const priority = Math.min(999, Number(manager.settings.get('connection.autoconnect-priority') ?? 0) + 100)
  const mtu = manager.settings.get('802-3-ethernet.mtu')
  const ethernet = mtu === undefined || /^(|0|auto)$/.test(mtu) ? [] : ['802-3-ethernet.mtu', mtu]
  return {
    files: [],
    apply: [
      may('nmcli', 'connection', 'delete', 'id', autoconnect),
      may('nmcli', 'connection', 'delete', 'id', profile),
      must(
        ...add,
        'bridge',
        'con-name',
        profile,
        'ifname',
        name,
        'bridge.stp',
        stp ? 'yes' : 'no',
        'bridge.mac-address',
        facts.port.mac,
        'connection.autoconnect-slaves',
        '1',
        ...copied(manager),
      ),
      must(
        ...add,
        'bridge-slave',
        'con-name',
        autoconnect,
        'ifname',
        port,
        'master',
        name,
        'connection.autoconnect-priority',
        String(priority),
        ...ethernet,
      ),
      must('nmcli', '--wait', '20', 'connection', 'up', 'id', autoconnect),
      may('nmcli', '--wait', '20', 'connection', 'up', 'id', profile),
    ],
    commit: [
      must('nmcli', 'connection', 'modify', 'id', profile, 'connection.autoconnect', 'yes'),
      must('nmcli', 'connection', 'modify', 'id', autoconnect, 'connection.autoconnect', 'yes'),
    ],
    restore: [
      may('nmcli', 'connection', 'delete', 'id', autoconnect),
      may('nmcli', 'connection', 'delete', 'id', profile),
      may('ip', 'link', 'delete', 'dev', name, 'type', 'bridge'),
      may('nmcli', '--wait', '30', 'connection', 'up', 'uuid', manager.uuid),
    ],
  }
}

/** Settings that say how the connection is addressed (nm-settings-nmcli(5)); `--` is how nmcli shows none. */
const addressing = [
  'connection.zone',
  'connection.metered',
  'connection.dns-over-tls',
  'connection.mdns',
  'connection.llmnr',
  ...['ipv4', 'ipv6'].flatMap((family) =>
    [
      'method',
      'addresses',
      'gateway',
      'routes',
      'route-metric',
      'route-table',
      'routing-rules',
      'dns',
      'dns-search',
      'dns-options',
      'dns-priority',
      'ignore-auto-routes',
      'ignore-auto-dns',
      'dhcp-client-id',
      'dhcp-duid',
      'dhcp-iaid',
      'dhcp-hostname',
      'dhcp-send-hostname',
      'never-default',
      'may-fail',
      'ip6-privacy',
      'addr-gen-mode',
      'token',
    ].map((key) => `${family}.${key}`),
  ),
]

function copied({ settings }: NetworkManagerFacts): readonly string[] {
  return addressing.flatMap((key) => {
    const value = settings.get(key)
    return value === undefined || value === '' || value === '--' ? [] : [key, value]
  })
}
