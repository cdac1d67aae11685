import { calls, errorCode } from '@vmwright/libvirt'
import { blockOf, blocksOverlap, isInside } from '../../../lib/addresses.ts'
import { ProvisionError } from '../../../lib/errors.ts'
import type { Progress } from '../../../lib/progress.ts'
import type { HostNetworkFacts } from '../../host/network.ts'
import type { NetworkDefinition } from '../../networks.ts'
import { libvirtCodeOf, mapParallel, type Session } from '../session.ts'
import { type DescribedNetwork, parseNetwork } from './network-read.ts'
import type { NetworkAccess } from './networks.ts'

export function refuseForeign(session: Session, { name }: NetworkDefinition, isOurs: boolean): void {
  if (isOurs) return
  throw conflict(
    session,
    name,
    'a network of that name exists that was not made for this project',
    'Give the network another name in the spec, or use the existing one with `use`.',
  )
}

/**
 * Looks at the other networks of this libvirt, because it sees only some of their overlaps itself, and names no
 * network when a bridge is taken. Throws `network.conflict`.
 */
export async function refuseNeighbours(
  session: Session,
  progress: Progress,
  wanted: NetworkDefinition,
): Promise<void> {
  const listing = { object: wanted.name, doing: 'list the networks' }
  const { networks } = await session.call(progress, calls.connectListAllNetworks, { needResults: 1 }, listing)
  const others = networks.filter(({ name }) => name !== wanted.name)
  await mapParallel(others, async (network) => {
    const reading = { object: network.name, doing: `read network ${network.name}` }
    const absent = [errorCode.noNetwork]
    const [described, activity] = await Promise.all([
      session.callUnless(progress, calls.networkGetXmlDesc, { network }, { ...reading, absent }),
      session.callUnless(progress, calls.networkIsActive, { network }, { ...reading, absent }),
    ])
    if (described === undefined || activity === undefined) return
    const why = neighbourConflict(wanted, parseNetwork(described.xml), activity.active)
    if (why !== undefined) throw conflict(session, wanted.name, `network ${network.name} ${why}`)
  })
}

/** Pure. Addresses of a network that is not active are in nobody's way; its bridge is, for libvirt. */
export function neighbourConflict(
  wanted: NetworkDefinition,
  other: Pick<DescribedNetwork, 'bridge' | 'ownsBridge' | 'subnets'>,
  isActive: boolean,
): string | undefined {
  if (!hasOwnBridge(wanted)) return undefined
  if (other.ownsBridge && other.bridge === wanted.bridge) return `has the bridge ${wanted.bridge}`
  if (!isActive) return undefined
  const overlap = other.subnets.find((there) => blocksOf(wanted).some((block) => blocksOverlap(there, block)))
  return overlap === undefined ? undefined : `serves ${overlap}`
}

/** What libvirt answers when the kernel or dnsmasq refuses: it has no numbers of its own for that. */
const refusals: readonly (number | undefined)[] = [
  errorCode.internalError,
  errorCode.systemError,
  errorCode.operationFailed,
]

/** The error itself, or `network.conflict` where the host shows what was in the way. */
export async function explainConflict(
  { session, system }: NetworkAccess,
  progress: Progress,
  wanted: NetworkDefinition,
  error: unknown,
): Promise<unknown> {
  if (!refusals.includes(libvirtCodeOf(error))) return error
  const facts = await system.read(progress).catch(() => undefined)
  const why = facts && hostConflict(wanted, facts)
  return why === undefined ? error : conflict(session, wanted.name, why, undefined, error)
}

/** What of the host keeps a network that is not active from starting; `undefined`: nothing that can be seen. Pure. */
export function hostConflict(
  wanted: NetworkDefinition,
  { interfaces, routes, dnsListeners }: HostNetworkFacts,
): string | undefined {
  if (!hasOwnBridge(wanted)) return undefined
  const { bridge } = wanted
  const holder = interfaces.find(({ name }) => name === bridge)
  if (holder !== undefined) return `the host has an interface ${bridge} already (${holder.kind})`
  for (const block of blocksOf(wanted)) {
    const route = routes.find(({ to }) => !to.endsWith('/0') && blocksOverlap(to, block))
    if (route !== undefined)
      return `the host reaches ${route.to} by ${route.interface ?? route.via ?? 'a route'}, which overlaps ${block}`
  }
  const own = [wanted.ipv4, wanted.ipv6].flatMap((each) => each?.address ?? [])
  const listener = dnsListeners.find(
    ({ address }) => own.includes(address) || own.some((each) => isInside(each, everything(address))),
  )
  if (listener === undefined) return undefined
  return `${listener.program ?? 'a program'} of the host answers DNS at ${listener.address} already`
}

/** The block that an unspecified address stands for; any other stands for itself. */
const everything = (address: string): string =>
  address === '0.0.0.0' || address === '::'
    ? `${address}/0`
    : `${address}/${address.includes(':') ? 128 : 32}`

const hasOwnBridge = ({ mode }: NetworkDefinition): boolean => mode !== 'bridge' && mode !== 'macvtap'

const blocksOf = ({ ipv4, ipv6 }: NetworkDefinition): readonly string[] =>
  [ipv4, ipv6].flatMap((each) => (each === undefined ? [] : [blockOf(each.address, each.prefix)]))

const conflict = (
  session: Session,
  name: string,
  why: string,
  hint?: string,
  cause?: unknown,
): ProvisionError =>
  new ProvisionError('network.conflict', {
    message: `Could not make network ${name} on host ${session.host}: ${why}.`,
    ...(hint === undefined ? {} : { hint }),
    details: { host: session.host, network: name },
    cause,
  })
