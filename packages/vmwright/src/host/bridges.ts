import type { BridgeDefinition, BridgeState } from '../hypervisor/host/bridges.ts'
import type { Finding, ResourceChange, Step } from '../plan/plan.ts'
import type { HostBridgeSpec } from '../spec/resolved-places.ts'
import type { HostPlan } from './plan-prepare.ts'

/** A bridge that the spec wants on a host, and what is there. */
export interface WantedBridge {
  readonly spec: HostBridgeSpec
  readonly state: BridgeState
}

/**
 * K5: what makes the bridges of one host, one after the other and after the steps with these ids, because for a
 * moment the host cannot be reached. An interface that carries the default route stays as it is unless the spec
 * allows it. Pure.
 */
export function planBridges(
  host: string,
  wanted: readonly WantedBridge[],
  after: readonly string[] = [],
): HostPlan {
  const missing = wanted
    .filter(({ state }) => state.state !== 'present')
    .map((each) => ({ ...each, findings: findingsOf(host, each) }))
  const makeable = missing.filter(({ findings }) => findings.every(({ severity }) => severity !== 'error'))
  return {
    steps: makeable.map(({ spec, state }, index): Step => {
      const previous = makeable[index - 1]
      return {
        kind: 'make-bridge',
        id: stepId(host, spec.name),
        host,
        title: `make bridge ${spec.name} over ${spec.interface}${state.addresses.length === 0 ? '' : `, which takes ${state.addresses.join(' and ')}`}`,
        reason: 'it is missing',
        after: previous === undefined ? after : [...after, stepId(host, previous.spec.name)],
        bridge: definitionOf(spec),
      }
    }),
    resources: missing.map((each): ResourceChange => ({
      kind: 'host-bridge',
      name: each.spec.name,
      host,
      action: makeable.includes(each) ? 'create' : 'blocked',
      reason: makeable.includes(each)
        ? `it is missing; ${managerNames[each.state.manager]} runs ${each.spec.interface}`
        : (each.findings.find(({ severity }) => severity === 'error')?.message ?? ''),
      fields: [
        { field: 'interface', from: '', to: each.spec.interface, how: 'in-place' },
        ...each.state.addresses.map((address) => ({
          field: 'address',
          from: `${each.spec.interface} ${address}`,
          to: `${each.spec.name} ${address}`,
          how: 'in-place' as const,
        })),
      ],
    })),
    findings: missing.flatMap(({ findings }) => findings),
  }
}

/** Takes back the bridges that were made on a host, latest first. Pure. */
export function planBridgeRemoval(host: string, made: readonly BridgeDefinition[]): HostPlan {
  const bridges = made.toReversed()
  const reason = 'it is on record as made by vmwright'
  return {
    steps: bridges.map((bridge, index): Step => {
      const previous = bridges[index - 1]
      return {
        kind: 'remove-bridge',
        id: stepId(host, bridge.name),
        host,
        title: `remove bridge ${bridge.name}, and give ${bridge.interface} its configuration back`,
        reason,
        after: previous === undefined ? [] : [stepId(host, previous.name)],
        bridge,
      }
    }),
    resources: bridges.map(({ name }): ResourceChange => ({
      kind: 'host-bridge',
      name,
      host,
      action: 'remove',
      reason,
      fields: [],
    })),
    findings: [],
  }
}

/** What the driver needs of the spec's bridge. */
export const definitionOf = ({
  name,
  interface: port,
  stp,
  confirmWithinMs,
}: HostBridgeSpec): BridgeDefinition => ({
  name,
  interface: port,
  stp,
  confirmWithinMs,
})

const stepId = (host: string, bridge: string): string => `${host}/bridge ${bridge}`

const managerNames: Readonly<Record<BridgeState['manager'], string>> = {
  networkmanager: 'NetworkManager',
  networkd: 'systemd-networkd',
  netplan: 'netplan',
  ifupdown: 'ifupdown',
  none: 'nothing',
}

/** A port with spanning tree listens and learns for 15 seconds each before it forwards (IEEE 802.1D). */
const spanningTreeMs = 30_000

function findingsOf(host: string, { spec, state }: WantedBridge): readonly Finding[] {
  const { name, interface: port } = spec
  const finding = (
    severity: Finding['severity'],
    code: Finding['code'],
    message: string,
    hint: string,
  ): Finding => ({ severity, code, object: `host ${host}`, message, hint })
  const cannot = `Bridge ${name} cannot be made over ${port}`
  if (state.state === 'foreign')
    return [
      finding(
        'error',
        'network.conflict',
        `${cannot}: ${state.whyNot ?? 'something else has its name'}.`,
        'Give the bridge another name in the spec.',
      ),
    ]
  if (state.whyNot !== undefined)
    return [
      finding(
        'error',
        'host.bridge-refused',
        `${cannot}: ${state.whyNot}.`,
        'Name another interface in the spec.',
      ),
    ]
  if (state.carriesDefaultRoute && !spec.mayCarryDefaultRoute)
    return [
      finding(
        'error',
        'host.bridge-refused',
        `${cannot}: it carries the default route, so the host would be away for a moment, and until \`confirmWithin\` if it fails.`,
        'Allow it with `allowDefaultRoute: true`: the host goes back by itself unless it is reached again.',
      ),
    ]
  if (spec.stp && spec.confirmWithinMs <= spanningTreeMs)
    return [
      finding(
        'error',
        'host.bridge-refused',
        `${cannot}: with spanning tree it forwards after 30 s, and would be taken back before that.`,
        'Set `confirmWithin` to a minute or more, or `stp: false`.',
      ),
    ]
  if (state.manager !== 'none') return []
  return [
    finding(
      'warning',
      'host.bridge-refused',
      `Nothing that vmwright knows runs ${port}, so bridge ${name} is gone after a restart of the host.`,
      'Run `vmwright host prepare` again then, or let NetworkManager, systemd-networkd, netplan or ifupdown run the interface.',
    ),
  ]
}
