import { blocksOverlap, withoutPrefix } from '../../lib/addresses.ts'
import type { NetworkDefinition } from '../../hypervisor/networks.ts'
import type { HostNetworkFacts } from '../../hypervisor/host/network.ts'
import { blocksOf } from '../networks/definition.ts'
import type { NetworkDecision } from '../networks/decide.ts'
import type { Finding, HostFacts } from '../plan.ts'
import { deviceFindings } from './devices.ts'
import { finding } from './finding.ts'
import { forwardingFindings } from './forwarding.ts'

/** What speaks against the networks that would be made, started or moved on a host (K4). */
export const ownNetworkFindings = (
  facts: HostFacts,
  decisions: readonly NetworkDecision[],
): readonly Finding[] =>
  decisions.flatMap((decision) => [
    ...ownershipFindings(facts, decision),
    ...(isNew(decision)
      ? [...takenFindings(facts, decision.wanted), ...deviceFindings(facts, decision.wanted)]
      : []),
    ...forwardingFindings(facts, decision),
  ])

/** What runs as it is has passed: the host may have changed since, which is no reason to refuse other work. */
const isNew = (decision: NetworkDecision): boolean => {
  switch (decision.kind) {
    case 'create':
    case 'start':
      return true
    case 'restart':
      return decision.fields.some(({ field }) =>
        ['mode', 'bridge', 'interface', 'ipv4', 'ipv6'].includes(field),
      )
    case 'live':
    case 'pending':
    case 'none':
    case 'foreign':
    case 'renamed':
      return false
  }
}

const conflict = (facts: HostFacts, message: string, hint: string): Finding =>
  finding('error', 'network.conflict', `host ${facts.spec.name}`, message, hint)

function ownershipFindings(facts: HostFacts, decision: NetworkDecision): readonly Finding[] {
  const { id, name } = decision.network
  switch (decision.kind) {
    case 'foreign': {
      const { owner } = decision
      const whose = owner === undefined ? 'was not made by vmwright' : `belongs to the project ${owner}`
      return [
        conflict(
          facts,
          `There is a network ${name} on the host already, which ${whose}.`,
          `Give the network \`${id}\` another name, or use the one that is there: \`use: ${name}\`.`,
        ),
      ]
    }
    case 'renamed':
      return [
        conflict(
          facts,
          `The network \`${id}\` is on the host as ${decision.from}, and the spec calls it ${name}: networks cannot be renamed.`,
          `Give it back the name ${decision.from}, or give the new one another key in the spec.`,
        ),
      ]
    case 'create':
    case 'start':
    case 'restart':
    case 'live':
    case 'pending':
    case 'none':
      return []
  }
}

/** Addresses, the bridge and the DNS port that something else on the host has. */
function takenFindings(facts: HostFacts, wanted: NetworkDefinition): readonly Finding[] {
  if (wanted.mode === 'bridge' || wanted.mode === 'macvtap') return []
  const { observed, network } = facts
  const mine = observed.networks.find(({ name }) => name === wanted.name)
  const others = observed.networks.filter(({ name }) => name !== wanted.name)
  // While ours runs, its bridge, with the old name too, has the addresses and routes.
  const ownBridges = mine?.active === true ? [mine.bridge, mine.running?.bridge] : []
  const seen = network === undefined ? undefined : withoutBridges(network, ownBridges)
  const overlaps = blocksOf(wanted).flatMap((block) => {
    const other = others.find(({ subnets }) => subnets.some((subnet) => blocksOverlap(subnet, block)))
    const holder =
      other === undefined
        ? seen && overlapOnHost(seen, block)
        : `the network ${other.name} (${other.subnets.join(', ')})`
    if (holder === undefined) return []
    const message = `The network ${wanted.name} would have ${block}, which overlaps ${holder}.`
    return [conflict(facts, message, 'Give it addresses that are free on the host, and where it routes to.')]
  })
  return [...overlaps, ...bridgeFindings(facts, wanted, seen), ...dnsFindings(facts, wanted, seen)]
}

function withoutBridges(
  network: HostNetworkFacts,
  bridges: readonly (string | undefined)[],
): HostNetworkFacts {
  const own = network.interfaces.filter(({ name }) => bridges.includes(name))
  const addresses = new Set(own.flatMap((each) => each.addresses.map(withoutPrefix)))
  return {
    ...network,
    interfaces: network.interfaces.filter(({ name }) => !bridges.includes(name)),
    routes: network.routes.filter((route) => !bridges.includes(route.interface)),
    dnsListeners: network.dnsListeners.filter(({ address }) => !addresses.has(address)),
  }
}

function overlapOnHost({ interfaces, routes }: HostNetworkFacts, block: string): string | undefined {
  for (const { name, addresses } of interfaces) {
    const address = addresses.find((each) => blocksOverlap(each, block))
    if (address !== undefined) return `the address ${address} of ${name}`
  }
  const route = routes.find(({ to }) => !isDefault(to) && blocksOverlap(to, block))
  if (route === undefined) return undefined
  const via = route.via === undefined ? '' : ` via ${route.via}`
  const by = route.interface === undefined ? '' : ` by ${route.interface}`
  return `the route to ${route.to}${via}${by}`
}

/** Also the two halves of everything, which tunnels set in place of the default. */
const isDefault = (block: string): boolean => /\/[01]$/.test(block)

function bridgeFindings(
  facts: HostFacts,
  { name, bridge, mark }: NetworkDefinition,
  seen: HostNetworkFacts | undefined,
): readonly Finding[] {
  if (bridge === undefined) return []
  const network = facts.observed.networks.find((each) => each.bridge === bridge && each.name !== name)
  const device = seen?.interfaces.find((each) => each.name === bridge)
  if (network === undefined && device === undefined) return []
  const holder = network === undefined ? `the host (${device?.kind})` : `the network ${network.name}`
  const message = `The network ${name} would have the bridge ${bridge}, which ${holder} has already.`
  return [conflict(facts, message, `Give the network \`${mark.network}\` another \`bridge\`.`)]
}

function dnsFindings(
  facts: HostFacts,
  { name, ipv4, ipv6 }: NetworkDefinition,
  seen: HostNetworkFacts | undefined,
): readonly Finding[] {
  const addresses = [ipv4, ipv6].flatMap((each) => each?.address ?? [])
  if (addresses.length === 0) return []
  const listener = seen?.dnsListeners.find(
    ({ address }) => address === '0.0.0.0' || address === '::' || addresses.includes(address),
  )
  if (listener === undefined) return []
  const { address, program } = listener
  const who = program ?? 'Something'
  const where = address === '0.0.0.0' || address === '::' ? 'on every address of the host' : `on ${address}`
  return [
    conflict(
      facts,
      `${who} answers DNS ${where}, so the network ${name} cannot do it on ${addresses.join(' and ')}.`,
      `Let ${program ?? 'it'} listen on addresses of its own alone (for dnsmasq: \`bind-interfaces\` with \`except-interface\`), or stop it.`,
    ),
  ]
}
