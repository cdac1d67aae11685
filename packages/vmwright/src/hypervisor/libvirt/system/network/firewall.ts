import type { HostFirewall } from '../../../host/network.ts'
import { ownTablePrefix } from '../../../host/rule-names.ts'
import type { Sections } from '../sections.ts'
import { dropsInChain, hasChain } from './iptables-dump.ts'
import { dropsAt, isOfIptables, parseNft } from './nft-dump.ts'

/**
 * What filters on the host, from its own dumps: what a manager made tells that it is active, without asking it. Pure.
 *
 * The backend is the one with which rules of ours have effect. In nftables an accept is final for its own table
 * alone: where a chain of iptables (of ufw, of Docker) drops what is forwarded, ours go into chains that come first
 * in that one. A foreign nftables table that drops cannot be overruled from anywhere.
 */
export function parseFirewall(sections: Sections): HostFirewall {
  const tools = sections.of('tools')
  const [v4, v6] = [sections.of('iptables'), sections.of('ip6tables')]
  const tables = parseNft(sections.of('nft'))
  const hasIptables = tools.includes('iptables')
  const foreign = tables.filter(
    (table) => !table.name.startsWith(ownTablePrefix) && !(hasIptables && isOfIptables(table)),
  )
  const iptablesDrops = dropsInChain(v4, 'FORWARD') || dropsInChain(v6, 'FORWARD')
  const backend =
    hasIptables && (iptablesDrops || !tools.includes('nft'))
      ? 'iptables'
      : tools.includes('nft')
        ? 'nftables'
        : 'none'
  const made = (pattern: RegExp): boolean => hasChain(v4, pattern) || hasChain(v6, pattern)
  const isFirewalld = made(/^FORWARD_(IN_)?ZONES/) || foreign.some(({ name }) => name === 'firewalld')
  return {
    backend,
    managers: [
      ...(isFirewalld ? (['firewalld'] as const) : []),
      ...(made(/^ufw6?-/) ? (['ufw'] as const) : []),
      ...(made(/^DOCKER/) || foreign.some(({ name }) => name === 'docker-bridges')
        ? (['docker'] as const)
        : []),
    ],
    dropsForwarded:
      foreign.some((table) => dropsAt(table, 'forward')) || (iptablesDrops && backend !== 'iptables'),
  }
}
