import { calls, errorCode, type Network } from '@vmwright/libvirt'
import { ProvisionError } from '../../../lib/errors.ts'
import { canonicalJson } from '../../../lib/hash.ts'
import type { Progress } from '../../../lib/progress.ts'
import type { HostNetwork } from '../../host/network.ts'
import type { HostNetworks, NetworkDefinition, NetworkMark } from '../../networks.ts'
import { normalNetwork } from '../../normal-network.ts'
import type { Session } from '../session.ts'
import { connectedMachines, reattach } from './attachments.ts'
import { explainConflict, refuseForeign, refuseNeighbours } from './conflicts.ts'
import { liveChanges } from './live-changes.ts'
import { networkId, networkXml, derivedMac } from './network-xml.ts'
import { type DescribedNetwork, parseNetwork } from './network-read.ts'

/** What the methods share: libvirt, and the host's own view of its interfaces, to explain what libvirt refuses. */
export interface NetworkAccess {
  readonly session: Session
  readonly system: HostNetwork
}

/** Networks of libvirt that are made here. */
export function hostNetworks(access: NetworkAccess): HostNetworks {
  return {
    ensure: (progress, network) => ensure(access, progress, network),
    update: (progress, network, how) =>
      how === 'live' ? updateLive(access, progress, network) : restart(access, progress, network),
    remove: (progress, network) => remove(access.session, progress, network),
    reattach: (progress, vm) => reattach(access.session, progress, vm),
  }
}

interface FoundNetwork {
  readonly network: Network
  readonly active: boolean
  /** For the next start. */
  readonly described: DescribedNetwork
}

/** `VIR_NETWORK_XML_INACTIVE`: as defined for the next start. */
const inactiveXml = 1
/** `VIR_NETWORK_UPDATE_AFFECT_LIVE` */
const affectLive = 1
/** `VIR_DRV_FEATURE_NETWORK_UPDATE_HAS_CORRECT_ORDER`: daemons without it swap command and section. */
const correctOrder = 16

/**
 * A network that is there, ours and inactive is brought to the definition before it starts; one that runs stays as
 * it is, because changing it is `update`. When it does not start, its definition stays, for the next run to go on.
 */
async function ensure(access: NetworkAccess, progress: Progress, wanted: NetworkDefinition): Promise<void> {
  const { session } = access
  const found = await find(session, progress, wanted.name)
  if (found !== undefined) refuseForeign(session, wanted, isOurs(found, wanted))
  if (found?.active === true) return setAutostart(session, progress, found.network, wanted.autostart)
  await refuseNeighbours(session, progress, wanted)
  const isDefined = found !== undefined && isSame(found.described.definition, wanted)
  const network = isDefined ? found.network : await define(access, progress, wanted, found)
  await setAutostart(session, progress, network, wanted.autostart)
  await start(access, progress, network, wanted)
}

/** First what runs, then the definition: a refusal leaves both as they were. */
async function updateLive(
  access: NetworkAccess,
  progress: Progress,
  wanted: NetworkDefinition,
): Promise<void> {
  const { session } = access
  const { name } = wanted
  const found = await ours(session, progress, wanted)
  const running = found.active ? await describe(session, progress, found.network, 0) : undefined
  if (running?.definition === undefined) return ensure(access, progress, wanted)
  const changes = liveChanges(running.definition, wanted)
  if (changes === undefined) {
    throw new ProvisionError('network.in-use', {
      message: `Network ${name} on host ${session.host} cannot be changed while it runs: more than its reservations and names differs.`,
      details: { network: name },
    })
  }
  const isSwapped = changes.length > 0 && !(await hasCorrectOrder(session, progress))
  for (const { command, section, parentIndex, xml } of changes) {
    const purpose = { object: name, doing: `change network ${name}` }
    const order = isSwapped ? { command: section, section: command } : { command, section }
    const args = { network: found.network, ...order, parentIndex, xml, flags: affectLive }
    await session.call(progress, calls.networkUpdate, args, purpose)
  }
  if (!isSame(found.described.definition, wanted)) await define(access, progress, wanted, found)
  await setAutostart(session, progress, found.network, wanted.autostart)
}

/** What was interrupted half-way is gone on with: an inactive network is started, and what hangs is attached. */
async function restart(access: NetworkAccess, progress: Progress, wanted: NetworkDefinition): Promise<void> {
  const { session } = access
  const found = await ours(session, progress, wanted)
  const { network } = found
  const running = found.active ? await describe(session, progress, network, 0) : undefined
  if (!isSame(found.described.definition, wanted)) await define(access, progress, wanted, found)
  await setAutostart(session, progress, network, wanted.autostart)
  if (!isSame(running?.definition, wanted)) {
    if (found.active) await stop(session, progress, network)
    await start(access, progress, network, wanted)
  }
  for (const vm of await connectedMachines(session, progress, { name: wanted.name, bridge: undefined }))
    await reattach(session, progress, vm)
}

async function remove(
  session: Session,
  progress: Progress,
  unwanted: NetworkMark & { readonly name: string },
): Promise<void> {
  const { name } = unwanted
  const found = await find(session, progress, name)
  if (found === undefined || !isOurs(found, { name, mark: unwanted })) return
  // Also of one that is not active: a machine that hangs in the air has to find it again.
  const machines = await connectedMachines(session, progress, {
    name,
    bridge: found.described.ownsBridge ? found.described.bridge : undefined,
  })
  if (machines.length > 0) {
    throw new ProvisionError('network.in-use', {
      message: `Network ${name} on host ${session.host} was not removed: it is used by ${machines.join(', ')}.`,
      hint: 'Shut these machines down, then run the command again.',
      details: { network: name, machines },
    })
  }
  if (found.active) await stop(session, progress, found.network)
  const purpose = { object: name, doing: `remove network ${name}`, absent: [errorCode.noNetwork] }
  await session.callUnless(progress, calls.networkUndefine, { network: found.network }, purpose)
}

async function define(
  access: NetworkAccess,
  progress: Progress,
  wanted: NetworkDefinition,
  found: FoundNetwork | undefined,
): Promise<Network> {
  const purpose = { object: wanted.name, doing: `define network ${wanted.name}` }
  const xml = networkXml(wanted, found?.network.uuid ?? networkId(wanted))
  try {
    return (await access.session.call(progress, calls.networkDefineXml, { xml }, purpose)).network
  } catch (error) {
    throw await explainConflict(access, progress, wanted, error)
  }
}

async function start(
  access: NetworkAccess,
  progress: Progress,
  network: Network,
  wanted: NetworkDefinition,
): Promise<void> {
  const purpose = { object: wanted.name, doing: `start network ${wanted.name}` }
  try {
    await access.session.call(progress, calls.networkCreate, { network }, purpose)
  } catch (error) {
    throw await explainConflict(access, progress, wanted, error)
  }
}

async function stop(session: Session, progress: Progress, network: Network): Promise<void> {
  // The last: it is not active any more.
  const absent = [errorCode.noNetwork, errorCode.operationInvalid]
  const purpose = { object: network.name, doing: `stop network ${network.name}`, absent }
  await session.callUnless(progress, calls.networkDestroy, { network }, purpose)
}

async function setAutostart(
  session: Session,
  progress: Progress,
  network: Network,
  autostart: boolean,
): Promise<void> {
  const purpose = { object: network.name, doing: `set the autostart of network ${network.name}` }
  const found = await session.call(progress, calls.networkGetAutostart, { network }, purpose)
  if (found.autostart !== autostart)
    await session.call(progress, calls.networkSetAutostart, { network, autostart }, purpose)
}

async function find(session: Session, progress: Progress, name: string): Promise<FoundNetwork | undefined> {
  const purpose = { object: name, doing: `look up network ${name}`, absent: [errorCode.noNetwork] }
  const found = await session.callUnless(progress, calls.networkLookupByName, { name }, purpose)
  if (found === undefined) return undefined
  const { network } = found
  const [described, { active }] = await Promise.all([
    describe(session, progress, network, inactiveXml),
    session.call(progress, calls.networkIsActive, { network }, purpose),
  ])
  return { network, active, described }
}

async function ours(session: Session, progress: Progress, wanted: NetworkDefinition): Promise<FoundNetwork> {
  const found = await find(session, progress, wanted.name)
  if (found === undefined) {
    throw new ProvisionError('network.not-found', {
      message: `There is no network ${wanted.name} on host ${session.host} to be changed.`,
      hint: 'Run the command again: it is made then.',
      details: { network: wanted.name },
    })
  }
  refuseForeign(session, wanted, isOurs(found, wanted))
  return found
}

async function describe(
  session: Session,
  progress: Progress,
  network: Network,
  flags: number,
): Promise<DescribedNetwork> {
  const purpose = { object: network.name, doing: `read network ${network.name}` }
  return parseNetwork(
    (await session.call(progress, calls.networkGetXmlDesc, { network, flags }, purpose)).xml,
  )
}

async function hasCorrectOrder(session: Session, progress: Progress): Promise<boolean> {
  const purpose = { object: session.host, doing: 'ask for the order of arguments' }
  const args = { feature: correctOrder }
  return (await session.call(progress, calls.connectSupportsFeature, args, purpose)).supported
}

const isOurs = (found: FoundNetwork, wanted: Pick<NetworkDefinition, 'name' | 'mark'>): boolean => {
  const { mark } = found.described
  if (mark === undefined) return found.network.uuid === networkId(wanted)
  return mark.project === wanted.mark.project && mark.network === wanted.mark.network
}

const isSame = (found: NetworkDefinition | undefined, wanted: NetworkDefinition): boolean =>
  found !== undefined && canonicalJson(comparable(found)) === canonicalJson(comparable(wanted))

/** No XML tells of autostart; a bridge that was given no MAC has a derived one. */
const comparable = (network: NetworkDefinition) => ({
  ...normalNetwork(network),
  mac: hasMac(network) ? (network.mac?.toLowerCase() ?? derivedMac(network)) : undefined,
  autostart: undefined,
})

const hasMac = ({ mode }: NetworkDefinition): boolean => mode !== 'bridge' && mode !== 'macvtap'
