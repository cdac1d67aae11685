import { calls, errorCode, type Domain } from '@vmwright/libvirt'
import { ProvisionError } from '../../../lib/errors.ts'
import type { Progress } from '../../../lib/progress.ts'
import { childrenOf, el, find, parseXml, writeXml, type XmlElement } from '../../../lib/xml.ts'
import { mapParallel, type Session } from '../session.ts'
import { parseNetwork } from './network-read.ts'

/*
 * When a network is stopped, libvirt takes its bridge away, and the taps of running machines are left without one.
 * Starting the network makes a new bridge that they do not belong to. libvirt 9.0 does nothing when such an
 * interface is updated to what it is already, nor when its link is set down and up. It moves the tap when the
 * *source* of the interface changes: first to the bridge itself (`type='bridge'`), then back to the network, which
 * registers it there too. The guest sees no change of its link. Both are live changes; the definition stays. (A
 * restart of libvirtd would do the same for all machines.)
 */

/** A running machine's interface that came by a network of libvirt. */
export interface Attachment {
  readonly mac: string
  readonly network: string
  /** Of libvirt's port, which the network forgets when it stops. `undefined`: half-way attached again. */
  readonly portId: string | undefined
  readonly element: XmlElement
}

/** What a network must be known by to see who hangs in the air. */
export interface AttachableNetwork {
  readonly name: string
  readonly bridge: string | undefined
  /** `undefined`: it is not active. */
  readonly portIds: ReadonlySet<string> | undefined
}

const liveChange = 1
/** `VIR_CONNECT_LIST_DOMAINS_ACTIVE` */
const activeDomains = 1

/** Names of the running machines with an interface on the network, or directly on its bridge. */
export async function connectedMachines(
  session: Session,
  progress: Progress,
  { name, bridge }: { readonly name: string; readonly bridge: string | undefined },
): Promise<readonly string[]> {
  const listing = { object: name, doing: 'list the running machines' }
  const args = { needResults: 1, flags: activeDomains }
  const { domains } = await session.call(progress, calls.connectListAllDomains, args, listing)
  const found = await mapParallel(domains, async (domain) => {
    const interfaces = await liveInterfaces(session, progress, domain)
    const isConnected = interfaces.some((one) => {
      const source = sourceOf(one)
      return source['network'] === name || (bridge !== undefined && source['bridge'] === bridge)
    })
    return isConnected ? domain.name : undefined
  })
  return found.filter((vm) => vm !== undefined).toSorted()
}

/** Attaches what hangs in the air to its network again. Interfaces of networks that are not active stay as they are. */
export async function reattach(session: Session, progress: Progress, vm: string): Promise<void> {
  const domain = await session.findDomain(progress, vm)
  if (domain === undefined) return
  const attachments = await attachmentsOf(session, progress, domain)
  for (const attachment of attachments) {
    const network = await readAttachable(session, progress, attachment.network)
    if (network === undefined || !isHanging(attachment, network)) continue
    const { bridge } = network
    if (network.portIds === undefined || bridge === undefined) {
      throw new ProvisionError('network.inactive', {
        message: `Could not attach machine ${vm} on host ${session.host} to network ${attachment.network} again: the network is not active.`,
        details: { host: session.host, vm, network: attachment.network },
      })
    }
    const purpose = { object: vm, doing: `attach machine ${vm} to network ${attachment.network} again` }
    const steps = [onBridge(attachment.element, bridge), onNetwork(attachment.element, attachment.network)]
    for (const element of attachment.portId === undefined ? steps.slice(1) : steps) {
      const args = { domain, xml: writeXml(element), flags: liveChange }
      await session.call(progress, calls.domainUpdateDeviceFlags, args, purpose)
    }
  }
}

/** MACs that hang in the air, by machine; asks only for the machines and networks that it is given. */
export async function findDetached(
  session: Session,
  progress: Progress,
  domains: readonly Domain[],
  networkNames: readonly string[],
): Promise<ReadonlyMap<string, readonly string[]>> {
  const [networks, attachments] = await Promise.all([
    mapParallel(networkNames, (name) => readAttachable(session, progress, name)),
    mapParallel(domains, async (domain) => ({
      name: domain.name,
      all: await attachmentsOf(session, progress, domain),
    })),
  ])
  const byName = new Map(
    networks.flatMap((network) => (network === undefined ? [] : [[network.name, network]])),
  )
  return new Map(
    attachments.map(({ name, all }) => [
      name,
      all
        .filter((one) => {
          const network = byName.get(one.network)
          return network !== undefined && isHanging(one, network)
        })
        .map(({ mac }) => mac)
        .toSorted(),
    ]),
  )
}

/** Pure. An interface that was interrupted half-way counts, although packets flow: its network does not know it. */
export const isHanging = ({ portId }: Attachment, { portIds }: AttachableNetwork): boolean =>
  portIds === undefined || portId === undefined || !portIds.has(portId)

async function attachmentsOf(
  session: Session,
  progress: Progress,
  domain: Domain,
): Promise<readonly Attachment[]> {
  const purpose = { object: domain.name, doing: `read machine ${domain.name}`, absent: [errorCode.noDomain] }
  const [live, defined] = await Promise.all([
    liveInterfaces(session, progress, domain),
    session.callUnless(progress, calls.domainGetXmlDesc, { domain, flags: inactiveXml }, purpose),
  ])
  const networks = new Map(
    (defined === undefined ? [] : interfacesIn(defined.xml)).map((one) => [
      macOf(one),
      sourceOf(one)['network'],
    ]),
  )
  return live.flatMap((element) => {
    const { network, portid } = sourceOf(element)
    const mac = macOf(element)
    const asDefined = element.attributes['type'] === 'bridge' ? networks.get(mac) : undefined
    const name = network ?? asDefined
    return name === undefined ? [] : [{ mac, network: name, portId: portid, element }]
  })
}

/** `VIR_DOMAIN_XML_INACTIVE` */
const inactiveXml = 2

/** `undefined`: there is no such network, or it has no bridge of its own that could go away. */
async function readAttachable(
  session: Session,
  progress: Progress,
  name: string,
): Promise<AttachableNetwork | undefined> {
  const purpose = { object: name, doing: `read network ${name}`, absent: [errorCode.noNetwork] }
  const found = await session.callUnless(progress, calls.networkLookupByName, { name }, purpose)
  if (found === undefined) return undefined
  const { network } = found
  const absent = [errorCode.noNetwork, errorCode.noSupport, errorCode.operationInvalid]
  const [described, { active }, listed] = await Promise.all([
    session.call(progress, calls.networkGetXmlDesc, { network }, purpose),
    session.call(progress, calls.networkIsActive, { network }, purpose),
    session.callUnless(
      progress,
      calls.networkListAllPorts,
      { network, needResults: 1 },
      { ...purpose, absent },
    ),
  ])
  const { ownsBridge, bridge } = parseNetwork(described.xml)
  if (!ownsBridge || (active && listed === undefined)) return undefined
  return { name, bridge, portIds: active ? new Set(listed?.ports.map(({ uuid }) => uuid)) : undefined }
}

async function liveInterfaces(
  session: Session,
  progress: Progress,
  domain: Domain,
): Promise<readonly XmlElement[]> {
  const purpose = { object: domain.name, doing: `read machine ${domain.name}`, absent: [errorCode.noDomain] }
  const read = await session.callUnless(progress, calls.domainGetXmlDesc, { domain }, purpose)
  return read === undefined ? [] : interfacesIn(read.xml)
}

const interfacesIn = (xml: string): readonly XmlElement[] =>
  childrenOf(find(parseXml(xml), 'devices'), 'interface')

const sourceOf = (element: XmlElement): Readonly<Record<string, string>> =>
  find(element, 'source')?.attributes ?? {}

const macOf = (element: XmlElement): string =>
  (find(element, 'mac')?.attributes['address'] ?? '').toLowerCase()

const onBridge = (element: XmlElement, bridge: string): XmlElement =>
  withSource(element, 'bridge', el('source', { bridge }))

const onNetwork = (element: XmlElement, network: string): XmlElement =>
  withSource(element, 'network', el('source', { network, portgroup: sourceOf(element)['portgroup'] }))

const withSource = (element: XmlElement, type: string, source: XmlElement): XmlElement => ({
  ...element,
  attributes: { ...element.attributes, type },
  children: element.children.map((child) =>
    typeof child !== 'string' && child.name === 'source' ? source : child,
  ),
})
