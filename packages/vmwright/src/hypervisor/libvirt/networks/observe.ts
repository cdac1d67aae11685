import { calls, errorCode, type Network } from '@vmwright/libvirt'
import { canonicalJson } from '../../../lib/hash.ts'
import type { Progress } from '../../../lib/progress.ts'
import type { ObservedVm } from '../../contract.ts'
import type { NetworkDefinition, ObservedNetwork } from '../../networks.ts'
import { mapParallel, type Session } from '../session.ts'
import { findDetached } from './attachments.ts'
import { type DescribedNetwork, parseNetwork } from './network-read.ts'

/** Filters of `virConnectListAllNetworks` (libvirt-network.h). */
const filter = { active: 2, autostart: 16 }
/** `VIR_NETWORK_XML_INACTIVE` */
const inactiveXml = 1

/** libvirt's drivers differ in what they implement; what is missing is empty. */
const notImplemented = [errorCode.noSupport, errorCode.operationUnsupported, errorCode.configUnsupported]

/** A network with what tells whether a machine may have lost it. */
export interface SeenNetwork {
  readonly observed: ObservedNetwork
  readonly described: DescribedNetwork
}

/** Reads all networks: three lists at once, then two texts and the leases of each at once. */
export async function observeNetworks(session: Session, progress: Progress): Promise<readonly SeenNetwork[]> {
  const list = async (flags: number): Promise<readonly Network[]> => {
    const purpose = { object: session.host, doing: 'list the networks', absent: notImplemented }
    const args = { needResults: 1, flags }
    return (await session.callUnless(progress, calls.connectListAllNetworks, args, purpose))?.networks ?? []
  }
  const [all, active, autostart] = await Promise.all([
    list(0),
    list(filter.active).then(ids),
    list(filter.autostart).then(ids),
  ])
  const networks = await mapParallel(all, (network) =>
    observeNetwork(session, progress, network, {
      active: active.has(network.uuid),
      autostart: autostart.has(network.uuid),
    }),
  )
  return networks
    .filter((network) => network !== undefined)
    .toSorted((a, b) => (a.observed.name < b.observed.name ? -1 : 1))
}

async function observeNetwork(
  session: Session,
  progress: Progress,
  network: Network,
  { active, autostart }: { readonly active: boolean; readonly autostart: boolean },
): Promise<SeenNetwork | undefined> {
  const { name } = network
  const absent = [...notImplemented, errorCode.noNetwork]
  const purpose = { object: name, doing: `read network ${name}`, absent }
  // One that was stopped after the list was made has no leases.
  const ofLeases = { ...purpose, absent: [...absent, errorCode.operationInvalid] }
  // libvirt's test driver knows no such flag.
  const ofLater = { ...purpose, absent: [...ofLeases.absent, errorCode.invalidArgument] }
  const [now, later, leases] = await Promise.all([
    session.callUnless(progress, calls.networkGetXmlDesc, { network }, purpose),
    // A transient one has no definition for later.
    active
      ? session.callUnless(progress, calls.networkGetXmlDesc, { network, flags: inactiveXml }, ofLater)
      : undefined,
    active
      ? session.callUnless(progress, calls.networkGetDhcpLeases, { network, needResults: 1 }, ofLeases)
      : undefined,
  ])
  if (now === undefined) return undefined
  const described = parseNetwork(now.xml)
  const defined = later === undefined ? described : parseNetwork(later.xml)
  const withAutostart = (definition: NetworkDefinition | undefined) =>
    definition && { ...definition, autostart }
  const isSame = canonicalJson(described.definition) === canonicalJson(defined.definition)
  const { bridge, subnets, hasDhcp } = described
  return {
    described,
    observed: {
      name,
      active,
      autostart,
      mark: defined.mark,
      bridge,
      subnets,
      hasDhcp,
      definition: withAutostart(defined.definition),
      running: isSame ? undefined : withAutostart(described.definition),
      leases: (leases?.leases ?? []).map(({ mac, address, hostname }) => ({
        mac: (mac ?? '').toLowerCase(),
        address,
        hostname,
      })),
    },
  }
}

/**
 * The machines with the interfaces that hang in the air. libvirt counts the connections of a network: only where
 * fewer are there than running machines should have (or the network is not active), the machines are looked at.
 */
export async function withDetached(
  session: Session,
  progress: Progress,
  vms: readonly ObservedVm[],
  networks: readonly SeenNetwork[],
): Promise<readonly ObservedVm[]> {
  const suspects = suspectNetworks(vms, networks)
  const connected = vms.filter(
    (vm) => isUp(vm) && vm.interfaces.some((nic) => suspects.includes(nic.network ?? '')),
  )
  if (connected.length === 0) return vms
  const domains = connected.map(({ name, id }) => ({ name, uuid: id, id: -1 }))
  const detached = await findDetached(session, progress, domains, suspects)
  return vms.map((vm) => ({ ...vm, detached: detached.get(vm.name) ?? vm.detached }))
}

/** Pure. */
export function suspectNetworks(
  vms: readonly ObservedVm[],
  networks: readonly SeenNetwork[],
): readonly string[] {
  const ports = vms.filter(isUp).flatMap((vm) => vm.interfaces)
  return networks
    .filter(({ observed, described }) => {
      const expected = ports.filter(({ network }) => network === observed.name).length
      return described.ownsBridge && expected > (observed.active ? described.connections : 0)
    })
    .map(({ observed }) => observed.name)
}

const isUp = ({ state }: ObservedVm): boolean => state === 'running' || state === 'paused'

const ids = (handles: readonly { readonly uuid: string }[]): ReadonlySet<string> =>
  new Set(handles.map(({ uuid }) => uuid))
