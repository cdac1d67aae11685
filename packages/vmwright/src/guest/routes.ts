import { isIPv4 } from 'node:net'
import { blockOf } from '../lib/addresses.ts'
import type { NetworkSpec, OwnNetworkSpec } from '../spec/resolved-places.ts'

/** How clients elsewhere get to one network behind a host. */
export interface RouteAdvice {
  readonly network: string
  readonly host: string
  /** CIDR blocks of the network. */
  readonly blocks: readonly string[]
  readonly entry: RouteEntry
}

export type RouteEntry =
  /** The host lets clients of these CIDR blocks through; empty: all. */
  | { readonly kind: 'open'; readonly from: readonly string[] }
  | { readonly kind: 'closed'; readonly why: string }
  /** Somebody else's network: its host may let clients through. */
  | { readonly kind: 'unknown' }

/** For a network of our own; `undefined`: the host does not route it (bridge, macvtap), or it has no addresses. Pure. */
export function routeAdvice({ name, own }: NetworkSpec, host: string): RouteAdvice | undefined {
  if (own === undefined || own.mode === 'bridge' || own.mode === 'macvtap') return undefined
  const blocks = [own.ipv4, own.ipv6].flatMap((net) =>
    net === undefined ? [] : [blockOf(net.address, net.prefix)],
  )
  return blocks.length === 0 ? undefined : { network: name, host, blocks, entry: entryOf(own) }
}

function entryOf({ mode, forwarding }: OwnNetworkSpec): RouteEntry {
  if (mode === 'isolated') return { kind: 'closed', why: 'it is isolated' }
  if (forwarding !== undefined)
    return forwarding.from.length === 0
      ? { kind: 'closed', why: 'its `forwarding` has no `from`' }
      : { kind: 'open', from: forwarding.from }
  if (mode === 'nat') return { kind: 'closed', why: 'it is behind NAT: give it `forwarding` with `from`' }
  return { kind: 'open', from: [] }
}

/**
 * Commands for clients to reach these networks, for Linux, macOS and Windows. `gateways`: the host's addresses that
 * clients know, of either family. Pure.
 */
export const renderRoutes = (advice: readonly RouteAdvice[], gateways: readonly string[]): string =>
  advice.map((each) => `${routeLines(each, gateways).join('\n')}\n`).join('\n')

function routeLines(
  { network, host, blocks, entry }: RouteAdvice,
  gateways: readonly string[],
): readonly string[] {
  const title = `# Network ${network} (${blocks.join(', ')}) behind ${host}`
  if (entry.kind === 'closed') return [`${title}: closed to others, ${entry.why}.`]
  const lines = systems.flatMap(({ name, command }) => [
    `# ${name}`,
    ...blocks.map((block) => {
      const gateway = gateways.find((address) => isIPv4(address) === isV4(block))
      if (gateway !== undefined) return command(block, gateway)
      return `# no ${isV4(block) ? 'IPv4' : 'IPv6'} address of ${host} is known that clients could use for ${block}`
    }),
  ])
  return [`${title}: ${whoText(entry)}`, ...lines]
}

const whoText = (entry: Exclude<RouteEntry, { kind: 'closed' }>): string => {
  if (entry.kind === 'unknown')
    return 'if the host lets them in, which vmwright does not see to, on a client:'
  return entry.from.length === 0 ? 'on a client:' : `on a client in ${entry.from.join(' or ')}:`
}

interface ClientSystem {
  readonly name: string
  readonly command: (block: string, gateway: string) => string
}

const systems: readonly ClientSystem[] = [
  {
    name: 'Linux',
    command: (block, gateway) => `sudo ip ${isV4(block) ? '' : '-6 '}route add ${block} via ${gateway}`,
  },
  {
    name: 'macOS',
    command: (block, gateway) => {
      const [network, prefix] = block.split('/')
      return isV4(block)
        ? `sudo route -n add -net ${block} ${gateway}`
        : `sudo route -n add -inet6 -prefixlen ${prefix} ${network} ${gateway}`
    },
  },
  {
    name: 'Windows, as an administrator',
    command: (block, gateway) => {
      const [network, prefix] = block.split('/')
      return isV4(block)
        ? `route ADD ${network} MASK ${maskOf(Number(prefix))} ${gateway}`
        : `route -6 ADD ${block} ${gateway}`
    },
  },
]

const isV4 = (block: string): boolean => isIPv4(block.split('/')[0] ?? '')

const maskOf = (prefix: number): string =>
  [0, 8, 16, 24].map((at) => 256 - 2 ** (8 - Math.min(8, Math.max(0, prefix - at)))).join('.')
