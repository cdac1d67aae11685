import { ProvisionError } from '../../lib/errors.ts'
import type { BridgeDefinition, BridgeState, HostBridges } from '../host/bridges.ts'
import type { HostInterface } from '../host/network.ts'
import type { FakeContext } from './context.ts'
import { refuse } from './daemon.ts'
import type { FakeWorld } from './world.ts'

/** Bridges over interfaces of the imagined host. The detached process on it is one mutation, done or taken back. */
export function fakeBridges(context: FakeContext): HostBridges {
  const { world } = context
  const inspect: HostBridges['inspect'] = (progress, bridge) =>
    context.look(progress, 'inspectBridge', bridge.name, () => stateOf(world, bridge))
  return {
    inspect,
    async make(progress, bridge) {
      const { state, whyNot } = await inspect(progress, bridge)
      if (state === 'present') return
      if (state === 'foreign' || whyNot !== undefined)
        throw refuse(`make bridge ${bridge.name}: ${whyNot ?? 'an interface of that name exists'}`)
      await context.change(progress, 'makeBridge', bridge.name, () => {
        if (!world.system.bridgesRollBack) return moveToBridge(world, bridge)
        throw new ProvisionError('host.bridge-rolled-back', {
          message: `Bridge ${bridge.name} on ${world.host} was taken back: no new connection came in time.`,
        })
      })
    },
    async remove(progress, bridge) {
      if ((await inspect(progress, bridge)).state !== 'present') return
      await context.change(progress, 'removeBridge', bridge.name, () => moveToInterface(world, bridge))
    },
    made: (progress) =>
      context.look(progress, 'listBridges', world.host, () =>
        Object.entries(world.system.bridges).map(([name, bridge]) => ({ name, ...bridge })),
      ),
  }
}

function stateOf(world: FakeWorld, { name, interface: port }: BridgeDefinition): BridgeState {
  const { interfaces, routes } = world.system.network
  const made = world.system.bridges[name]
  const holder = interfaces.find((one) => one.name === (made === undefined ? port : name))
  const isTaken = interfaces.some((one) => one.name === name)
  return {
    state: made?.interface === port ? 'present' : isTaken ? 'foreign' : 'absent',
    manager: world.system.interfaceManager,
    carriesDefaultRoute: routes.some((route) => route.interface === holder?.name && route.to.endsWith('/0')),
    addresses: [...(holder?.addresses ?? [])],
    whyNot: holder === undefined ? `the host has no interface ${port}` : undefined,
  }
}

function moveToBridge(
  world: FakeWorld,
  { name, interface: port, stp, confirmWithinMs }: BridgeDefinition,
): void {
  const { network, bridges } = world.system
  const found = interfaceNamed(world, port)
  const bridge: HostInterface = { ...found, name, kind: 'bridge', master: undefined }
  network.interfaces = network.interfaces
    .map((one) => (one.name === port ? { ...one, master: name, addresses: [] } : one))
    .concat(bridge)
  network.routes = network.routes.map((route) =>
    route.interface === port ? { ...route, interface: name } : route,
  )
  bridges[name] = { interface: port, stp, confirmWithinMs }
}

function moveToInterface(world: FakeWorld, { name, interface: port }: BridgeDefinition): void {
  const { network, bridges } = world.system
  const { addresses } = interfaceNamed(world, name)
  network.interfaces = network.interfaces
    .filter((one) => one.name !== name)
    .map((one) => (one.name === port ? { ...one, master: undefined, addresses } : one))
  network.routes = network.routes.map((route) =>
    route.interface === name ? { ...route, interface: port } : route,
  )
  delete bridges[name]
}

function interfaceNamed(world: FakeWorld, name: string): HostInterface {
  const found = world.system.network.interfaces.find((one) => one.name === name)
  if (found === undefined) throw refuse(`find interface ${name}: it does not exist`)
  return found
}
