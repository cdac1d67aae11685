import type { BridgeDefinition } from '../../../host/bridges.ts'
import { type Command, type Expectation, may, must } from './change.ts'
import type { BridgeFacts, PortFacts } from './facts.ts'

/** The interface of these facts is there. */
export type PresentFacts = BridgeFacts & { readonly port: PortFacts }

/** The bridge by iproute2 alone, and the way back. Addresses and routes that routers advertise come by themselves. */
export function byHand(
  facts: PresentFacts,
  bridge: BridgeDefinition,
): { readonly make: readonly Command[]; readonly undo: readonly Command[] } {
  const { name, interface: port } = bridge
  const { mac, mtu } = facts.port
  const settings = bridge.stp ? ['stp_state', '1'] : ['stp_state', '0', 'forward_delay', '0']
  return {
    make: [
      may('ip', 'link', 'add', 'name', name, 'type', 'bridge'),
      must('ip', 'link', 'set', 'dev', name, 'type', 'bridge', ...settings),
      must('ip', 'link', 'set', 'dev', name, 'address', mac),
      must('ip', 'link', 'set', 'dev', port, 'master', name),
      may('ip', 'link', 'set', 'dev', name, 'mtu', String(mtu)),
      must('ip', 'link', 'set', 'dev', port, 'up'),
      must('ip', 'link', 'set', 'dev', name, 'up'),
      may('ip', 'address', 'flush', 'dev', port, 'scope', 'global'),
      ...addressing(facts, name),
    ],
    undo: [
      may('ip', 'link', 'set', 'dev', port, 'nomaster'),
      may('ip', 'link', 'delete', 'dev', name, 'type', 'bridge'),
      may('ip', 'link', 'set', 'dev', port, 'up'),
      may('ip', 'address', 'flush', 'dev', port, 'scope', 'global'),
      ...addressing(facts, port).map((command) => ({ ...command, mayFail: true })),
    ],
  }
}

const addressing = ({ addresses, routes }: BridgeFacts, device: string): readonly Command[] => [
  ...addresses
    .filter(({ isLasting }) => isLasting)
    .map(({ address, broadcast }) =>
      must(
        'ip',
        'address',
        'replace',
        address,
        ...(broadcast === undefined ? [] : ['broadcast', broadcast]),
        'dev',
        device,
      ),
    ),
  ...routes
    .filter(({ isAdvertised }) => !isAdvertised)
    .map(({ family, words }) => must('ip', family, 'route', 'replace', ...words, 'dev', device)),
]

/** What is expected of `device`, which has the addresses: those that last, the default routes, their gateways. */
export function expectations({ addresses, routes }: BridgeFacts, device: string): readonly Expectation[] {
  const gateways = routes.flatMap(({ family, to, via, isAdvertised }) =>
    to === 'default' && via !== undefined && !isAdvertised ? [{ family, address: via, device }] : [],
  )
  return [
    ...addresses
      .filter(({ isLasting }) => isLasting)
      .map(({ family, address }) => ({ kind: 'address' as const, family, address, device })),
    ...gateways.map((gateway) => ({ kind: 'route' as const, ...gateway })),
    ...gateways.map((gateway) => ({ kind: 'gateway' as const, ...gateway })),
  ]
}
