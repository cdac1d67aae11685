import type { BridgeDefinition, BridgeState } from '../../../host/bridges.ts'
import { byHand, expectations, type PresentFacts } from './by-hand.ts'
import { type BridgeChange, readChange } from './change.ts'
import type { BridgeFacts } from './facts.ts'
import { ifupdownPlan, stanzaOf } from './managers/ifupdown.ts'
import { iproutePlan } from './managers/iproute.ts'
import { describing, netplanPlan } from './managers/netplan.ts'
import { networkdPlan } from './managers/networkd.ts'
import { networkManagerPlan } from './managers/networkmanager.ts'

type Manager = BridgeState['manager']

export type ManagerPlan =
  Pick<BridgeChange, 'files' | 'apply' | 'commit' | 'restore'> | { readonly whyNot: string }

const plans: Readonly<Record<Manager, (facts: PresentFacts, bridge: BridgeDefinition) => ManagerPlan>> = {
  networkmanager: networkManagerPlan,
  networkd: networkdPlan,
  netplan: netplanPlan,
  ifupdown: ifupdownPlan,
  none: iproutePlan,
}

/**
 * Who runs the interface. netplan goes before those that it writes for; its files of NetworkManager's own profiles
 * are NetworkManager's. The others are asked before configuration of ifupdown that may be a leftover.
 */
export function managerOf(facts: BridgeFacts, port: string): Manager {
  const { tools, networkManager, networkd } = facts
  if (tools.has('netplan') && describing(facts, port).length > 0) return 'netplan'
  const unmanaged = 10
  if (networkManager !== undefined && networkManager.state > unmanaged && networkManager.uuid !== '')
    return 'networkmanager'
  const isRun = networkd?.state === 'configured' || networkd?.state === 'configuring'
  if (tools.has('networkctl') && isRun && networkd.files.length > 0) return 'networkd'
  if (tools.has('ifup') && stanzaOf(facts, (name) => name === port) !== undefined) return 'ifupdown'
  return 'none'
}

/** What is there, for the plan. */
export function stateOf(facts: BridgeFacts, bridge: BridgeDefinition): BridgeState {
  const { interface: port } = bridge
  const isPort = typeof facts.bridge === 'object' && facts.bridge.ports.includes(port)
  // One that nobody has confirmed yet may be gone soon.
  const isOver = facts.runs.length === 0
  const change = planChange(facts, bridge)
  return {
    state: isPort && isOver ? 'present' : facts.bridge === undefined || isPort ? 'absent' : 'foreign',
    manager: facts.record === undefined ? change.manager : readChange(facts.record).manager,
    carriesDefaultRoute: facts.routes.some(({ to }) => to === 'default'),
    addresses: facts.addresses.map(({ address }) => address),
    whyNot: isPort && isOver ? undefined : 'whyNot' in change ? change.whyNot : undefined,
  }
}

export type PlannedChange = BridgeChange | { readonly whyNot: string; readonly manager: Manager }

/** The change that makes the bridge, or why there is none. */
export function planChange(facts: BridgeFacts, bridge: BridgeDefinition): PlannedChange {
  const manager = managerOf(facts, bridge.interface)
  const { port } = facts
  if (port === undefined) return { whyNot: `the host has no interface ${bridge.interface}`, manager }
  const whyNot = obstacle(facts, bridge)
  if (whyNot !== undefined) return { whyNot, manager }
  const present = { ...facts, port }
  const plan = plans[manager](present, bridge)
  if ('whyNot' in plan) return { ...plan, manager }
  const { name, interface: device } = bridge
  return {
    bridge,
    manager,
    ...plan,
    byHand: byHand(present, bridge),
    before: [{ kind: 'free', interface: device }, ...expectations(facts, device)],
    after: [{ kind: 'port', interface: device, bridge: name }, ...expectations(facts, name)],
  }
}

function obstacle(facts: BridgeFacts, { name, interface: device }: BridgeDefinition): string | undefined {
  const { port, bridge, runs } = facts
  const [run] = runs
  if (run !== undefined)
    return `a change of bridge ${run.folder.split('/').at(-2)} ${run.kind === 'live' ? 'goes on there' : 'was left unfinished there'}`
  if (bridge === 'taken') return `an interface ${name} that is no bridge exists`
  if (bridge !== undefined) return `a bridge ${name} exists, and ${device} is not in it`
  if (port === undefined) return undefined
  if (port.isWireless) return `${device} is wireless: access points take frames of one address only`
  if (port.master !== undefined) return `${device} belongs to ${port.master}`
  if (port.type === 'loopback' || port.type === 'bridge' || port.type === 'other')
    return `${device} is no Ethernet interface`
  if (stanzaOf(facts, (each) => each === name) !== undefined)
    return `${name} is configured in /etc/network/interfaces: bring it up there with ifup ${name}`
  return undefined
}
