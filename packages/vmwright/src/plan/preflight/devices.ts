import type { NetworkDefinition } from '../../hypervisor/networks.ts'
import type { Finding, HostFacts } from '../plan.ts'
import { finding, list } from './finding.ts'

/** Devices of the host that a network joins, or goes out by, and that are not there. */
export function deviceFindings(facts: HostFacts, wanted: NetworkDefinition): readonly Finding[] {
  const { network, spec } = facts
  if (network === undefined) return []
  const host = `host ${spec.name}`
  const at = (name: string) => network.interfaces.find((each) => each.name === name)
  const names = (kinds: readonly string[]): string =>
    list(network.interfaces.filter(({ kind }) => kinds.includes(kind)).map(({ name }) => name))
  const { name, mode, bridge, interface: device } = wanted

  if (mode === 'bridge' && bridge !== undefined) {
    const there = at(bridge)
    if (there?.kind === 'bridge') return []
    if (there !== undefined) {
      const message = `The network ${name} joins ${bridge}, which is no bridge on the host (${there.kind}).`
      return [
        finding('error', 'network.not-found', host, message, `Bridges of the host: ${names(['bridge'])}.`),
      ]
    }
    const isPlanned = spec.preparation.bridges.some((each) => each.name === bridge)
    const hint = isPlanned
      ? `The spec has it for this host: make it with \`vmwright host prepare ${spec.name}\`.`
      : `Bridges of the host: ${names(['bridge'])}. Or declare it under \`prepare.bridges\` of the host, and run \`vmwright host prepare ${spec.name}\`.`
    const message = `There is no bridge ${bridge} on the host, which the network ${name} joins.`
    return [finding('error', 'network.not-found', host, message, hint)]
  }
  if (device === undefined || at(device) !== undefined) return []
  const hint = `Interfaces of the host: ${names(['physical', 'vlan', 'bond', 'bridge'])}.`
  return mode === 'macvtap'
    ? [
        finding(
          'error',
          'network.not-found',
          host,
          `There is no interface ${device} on the host, which the network ${name} joins.`,
          hint,
        ),
      ]
    : [
        finding(
          'warning',
          'network.not-found',
          host,
          `There is no interface ${device} on the host now, by which the guests of the network ${name} would go out.`,
          hint,
        ),
      ]
}
