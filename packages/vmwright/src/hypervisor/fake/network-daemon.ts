import { blockOf, blocksOverlap, isInside } from '../../lib/addresses.ts'
import { ProvisionError } from '../../lib/errors.ts'
import type { NetworkAddress, NetworkDefinition, NetworkMark } from '../networks.ts'
import { networkMissing, refuse, vmNamed } from './daemon.ts'
import { isUp } from './guests.ts'
import { interfacesOf } from './host-network.ts'
import type { FakeNetwork, FakeVm, FakeWorld } from './world.ts'

/* The calls of the imagined daemon that are about networks: each is one mutation, and as strict as libvirt's. */

/** Defines a network for its next start, or replaces the definition of the one with that name and mark. */
export function defineNetwork(world: FakeWorld, definition: NetworkDefinition): void {
  const { name, mark, bridge } = definition
  const found = world.networks[name]
  if (found !== undefined && !isMarked(found, mark))
    throw refuse(`define network ${name}: one of that name exists with another id`)
  const holder = Object.entries(world.networks).find(
    ([other, network]) => other !== name && bridge !== undefined && network.bridge === bridge,
  )
  if (holder !== undefined && hasOwnBridge(definition))
    throw conflict(world, name, `network ${holder[0]} has the bridge ${bridge}`)
  world.networks[name] = {
    active: false,
    leases: [],
    assigned: {},
    autostart: false,
    ...served(definition),
    ...found,
    ...(found?.active === true ? {} : served(definition)),
    definition: structuredClone(definition),
  }
}

/** Starts a network. Refused, as by the kernel and dnsmasq, where its bridge, addresses or DNS port are taken. */
export function startNetwork(world: FakeWorld, name: string): void {
  const network = world.networks[name]
  if (network === undefined) throw networkMissing(name, world)
  if (network.active) throw refuse(`start network ${name}: it is active`)
  if (network.definition !== undefined) refuseTaken(world, network.definition)
  network.active = true
  if (network.definition === undefined) return
  network.running = structuredClone(network.definition)
  Object.assign(network, served(network.definition))
}

/** Interfaces of machines that run on it hang in the air from then on. */
export function stopNetwork(world: FakeWorld, name: string): void {
  const network = world.networks[name]
  if (network === undefined) throw networkMissing(name, world)
  if (!network.active) throw refuse(`stop network ${name}: it is not active`)
  network.active = false
  delete network.running
  if (network.definition !== undefined) Object.assign(network, served(network.definition))
  for (const vm of connectedTo(world, name)) {
    const lost = vm.interfaces.filter((port) => port.network === name).map(({ mac }) => mac)
    vm.detached = [...new Set([...vm.detached, ...lost])].toSorted()
  }
}

export function undefineNetwork(world: FakeWorld, name: string): void {
  if (world.networks[name]?.active === true) throw refuse(`undefine network ${name}: it is active`)
  delete world.networks[name]
}

/** Reservations and names of an active network, now. */
export function updateRunning(world: FakeWorld, definition: NetworkDefinition): void {
  const network = world.networks[definition.name]
  if (network?.running === undefined) throw refuse(`change network ${definition.name}: it is not active`)
  network.running = structuredClone(definition)
}

export function setNetworkAutostart(world: FakeWorld, name: string, autostart: boolean): void {
  const network = world.networks[name]
  if (network === undefined) throw networkMissing(name, world)
  network.autostart = autostart
}

/** Attaches an interface that lost its network; its guest notices nothing but packets. */
export function attachInterface(world: FakeWorld, name: string, mac: string): void {
  const vm = vmNamed(world, name)
  const network = vm.interfaces.find((port) => port.mac === mac)?.network
  if (network === undefined || world.networks[network]?.active !== true)
    throw refuse(`attach ${mac} of machine ${name}: its network ${network} is not active`)
  vm.detached = vm.detached.filter((other) => other !== mac)
}

/** Machines that are up and have an interface on the network. */
export const connectedTo = (world: FakeWorld, name: string): readonly FakeVm[] =>
  Object.values(world.vms).filter((vm) => isUp(vm) && vm.interfaces.some((port) => port.network === name))

export const isMarked = ({ definition }: FakeNetwork, mark: NetworkMark): boolean =>
  definition?.mark.project === mark.project && definition.mark.network === mark.network

/** Networks that no driver made start with the host. */
export const isAutostarted = ({ autostart }: FakeNetwork): boolean => autostart ?? true

export const hasOwnBridge = ({ mode }: NetworkDefinition): boolean => mode !== 'bridge' && mode !== 'macvtap'

function served(definition: NetworkDefinition): Pick<FakeNetwork, 'subnets' | 'hasDhcp' | 'bridge'> {
  const blocks = [definition.ipv4, definition.ipv6].filter((block) => block !== undefined)
  return {
    subnets: blocks.map(({ address, prefix }) => blockOf(address, prefix)),
    hasDhcp: blocks.some(({ dhcp }) => dhcp !== undefined),
    bridge: definition.bridge,
  }
}

function refuseTaken(world: FakeWorld, definition: NetworkDefinition): void {
  const { name, bridge } = definition
  const interfaces = interfacesOf(world)
  if (!hasOwnBridge(definition)) return
  if (interfaces.some((other) => other.name === bridge))
    throw conflict(world, name, `the host has an interface ${bridge} already`)
  for (const { address, prefix } of [definition.ipv4, definition.ipv6].filter((block) => block !== undefined))
    refuseOverlap(world, name, { address, prefix, dhcp: undefined })
}

function refuseOverlap(world: FakeWorld, name: string, { address, prefix }: NetworkAddress): void {
  const block = blockOf(address, prefix)
  const network = Object.entries(world.networks).find(
    ([other, { active, subnets }]) =>
      other !== name && active && subnets.some((one) => blocksOverlap(one, block)),
  )
  if (network !== undefined) throw conflict(world, name, `network ${network[0]} has addresses of ${block}`)
  const { routes, dnsListeners } = world.system.network
  const route = routes.find(({ to }) => !to.endsWith('/0') && blocksOverlap(to, block))
  if (route !== undefined)
    throw conflict(
      world,
      name,
      `the host reaches ${route.to} by ${route.interface ?? route.via}, which overlaps ${block}`,
    )
  const listener = dnsListeners.find(
    (one) => /^(?:0\.0\.0\.0|::)$/.test(one.address) || isInside(one.address, block),
  )
  if (listener !== undefined)
    throw conflict(
      world,
      name,
      `${listener.program ?? 'a program'} answers DNS at ${listener.address} already`,
    )
}

const conflict = (world: FakeWorld, name: string, why: string): ProvisionError =>
  new ProvisionError('network.conflict', {
    message: `Could not start network ${name} on ${world.host}: ${why}.`,
    details: { network: name },
  })
