import { ProvisionError } from '../../lib/errors.ts'
import type { Progress } from '../../lib/progress.ts'
import type { HostNetworks, NetworkDefinition, NetworkMark } from '../networks.ts'
import { normalNetwork } from '../normal-network.ts'
import type { FakeContext } from './context.ts'
import * as daemon from './network-daemon.ts'
import { refuse, vmNamed } from './daemon.ts'
import type { FakeNetwork } from './world.ts'

/** Networks that drivers make in the world. */
export function fakeNetworks(context: FakeContext): HostNetworks {
  return {
    ensure: (progress, network) => ensure(context, progress, normalNetwork(network)),
    update: (progress, network, how) =>
      (how === 'live' ? updateLive : restart)(context, progress, normalNetwork(network)),
    remove: (progress, network) => remove(context, progress, network),
    reattach: (progress, vm) => reattach(context, progress, vm),
  }
}

async function ensure(context: FakeContext, progress: Progress, wanted: NetworkDefinition): Promise<void> {
  const { world } = context
  const { name } = wanted
  const found = await look(context, progress, name)
  if (found !== undefined) refuseForeign(context, found, wanted)
  if (found?.active !== true && !context.same(found?.definition, wanted))
    await context.change(progress, 'defineNetwork', name, () => daemon.defineNetwork(world, wanted))
  await setAutostart(context, progress, wanted)
  if (found?.active !== true)
    await context.change(progress, 'startNetwork', name, () => daemon.startNetwork(world, name))
}

/** Each difference is one call, as the daemon changes one entry at a time; all of them together are one here. */
async function updateLive(
  context: FakeContext,
  progress: Progress,
  wanted: NetworkDefinition,
): Promise<void> {
  const { world } = context
  const found = await ours(context, progress, wanted)
  if (!found.active) return ensure(context, progress, wanted)
  if (!context.same(withoutLive(found.running), withoutLive(wanted))) {
    throw new ProvisionError('network.in-use', {
      message: `Network ${wanted.name} on ${world.host} cannot be changed while it runs.`,
      details: { network: wanted.name },
    })
  }
  await setAutostart(context, progress, wanted)
  if (!context.same(found.running, wanted))
    await context.change(progress, 'updateNetwork', wanted.name, () => daemon.updateRunning(world, wanted))
  if (!context.same(found.definition, wanted))
    await context.change(progress, 'defineNetwork', wanted.name, () => daemon.defineNetwork(world, wanted))
}

async function restart(context: FakeContext, progress: Progress, wanted: NetworkDefinition): Promise<void> {
  const { world } = context
  const { name } = wanted
  const found = await ours(context, progress, wanted)
  if (!context.same(found.definition, wanted))
    await context.change(progress, 'defineNetwork', name, () => daemon.defineNetwork(world, wanted))
  await setAutostart(context, progress, wanted)
  const isCurrent = found.active && context.same(found.running, wanted)
  if (found.active && !isCurrent)
    await context.change(progress, 'stopNetwork', name, () => daemon.stopNetwork(world, name))
  if (!isCurrent) await context.change(progress, 'startNetwork', name, () => daemon.startNetwork(world, name))
  const connected = await context.look(progress, 'listMachines', name, () =>
    daemon.connectedTo(world, name).map((vm) => vm.name),
  )
  for (const vm of connected) await reattach(context, progress, vm)
}

async function remove(
  context: FakeContext,
  progress: Progress,
  unwanted: NetworkMark & { readonly name: string },
): Promise<void> {
  const { world } = context
  const { name } = unwanted
  const found = await look(context, progress, name)
  if (found === undefined || !daemon.isMarked(found, unwanted)) return
  const connected = daemon.connectedTo(world, name).map((vm) => vm.name)
  if (connected.length > 0) {
    throw new ProvisionError('network.in-use', {
      message: `Network ${name} was not removed from ${world.host}: ${connected.join(', ')} use it.`,
      hint: 'Shut these machines down, then run the command again.',
      details: { network: name, machines: connected },
    })
  }
  if (found.active) await context.change(progress, 'stopNetwork', name, () => daemon.stopNetwork(world, name))
  await context.change(progress, 'undefineNetwork', name, () => daemon.undefineNetwork(world, name))
}

async function reattach(context: FakeContext, progress: Progress, name: string): Promise<void> {
  const { world } = context
  const detached = await context.look(progress, 'lookupVm', name, () => [...vmNamed(world, name).detached])
  for (const mac of detached)
    await context.change(progress, 'attachInterface', name, () => daemon.attachInterface(world, name, mac))
}

async function setAutostart(
  context: FakeContext,
  progress: Progress,
  { name, autostart }: NetworkDefinition,
): Promise<void> {
  const { world } = context
  const found = await look(context, progress, name)
  if (found === undefined || daemon.isAutostarted(found) === autostart) return
  await context.change(progress, 'setNetworkAutostart', name, () =>
    daemon.setNetworkAutostart(world, name, autostart),
  )
}

async function ours(
  context: FakeContext,
  progress: Progress,
  wanted: NetworkDefinition,
): Promise<FakeNetwork> {
  const found = await look(context, progress, wanted.name)
  if (found === undefined) throw refuse(`change network ${wanted.name}: it does not exist`)
  refuseForeign(context, found, wanted)
  return found
}

function refuseForeign({ world }: FakeContext, found: FakeNetwork, { name, mark }: NetworkDefinition): void {
  if (daemon.isMarked(found, mark)) return
  throw new ProvisionError('network.conflict', {
    message: `Could not make network ${name} on ${world.host}: there is one of that name that is not ours.`,
    hint: 'Give the network another name in the spec, or use the existing one with `use`.',
    details: { network: name },
  })
}

const look = (context: FakeContext, progress: Progress, name: string): Promise<FakeNetwork | undefined> =>
  context.look(progress, 'lookupNetwork', name, () => structuredClone(context.world.networks[name]))

/** What remains is what only a restart changes. */
const withoutLive = (network: NetworkDefinition | undefined) =>
  network && { ...network, reservations: [], records: [], autostart: true }
