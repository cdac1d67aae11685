import { isIPv4 } from 'node:net'
import { type RouteAdvice, routeAdvice } from '../guest/routes.ts'
import type { Hypervisor, ObservedHost } from '../hypervisor/contract.ts'
import type { HostNetworkFacts } from '../hypervisor/host/network.ts'
import { withoutPrefix } from '../lib/addresses.ts'
import type { Progress } from '../lib/progress.ts'
import type { InstanceSpec, ResolvedSpec } from '../spec/resolved.ts'
import { Session, type SessionServices } from './session.ts'

/** What clients of the guests on one host need to know. */
export interface HostRoutes {
  readonly host: string
  readonly advice: readonly RouteAdvice[]
  /** Addresses of the host on the side of its default route; empty where they cannot be seen. */
  readonly gateways: readonly string[]
}

/**
 * Asks the hosts that these instances are on, or go to, by which addresses clients reach them. Networks of our own are
 * told whether they are there yet or not. Changes nothing. Throws the `host.*` errors when no host answers.
 */
export async function findRoutes(
  progress: Progress,
  request: {
    readonly spec: ResolvedSpec
    readonly instances: readonly InstanceSpec[]
    readonly services: SessionServices
  },
): Promise<readonly HostRoutes[]> {
  await using session = await Session.open(progress, request.spec, request.instances, request.services)
  const { spec, instances, observed } = await session.locate(progress)
  return await Promise.all(
    [...observed].map(async ([name, host]) => ({
      host: name,
      advice: adviceFor(spec, instances, host),
      gateways: await gatewaysOf(progress, session.host(name)),
    })),
  )
}

function adviceFor(
  { networks }: ResolvedSpec,
  instances: readonly InstanceSpec[],
  observed: ObservedHost,
): readonly RouteAdvice[] {
  const { host } = observed
  const used = new Set(
    instances.flatMap((each) => (each.host === host ? each.interfaces.map((nic) => nic.network) : [])),
  )
  return networks
    .filter(({ id }) => used.has(id))
    .flatMap((network): readonly RouteAdvice[] => {
      if (network.own !== undefined) return [routeAdvice(network, host)].filter((each) => each !== undefined)
      const blocks = observed.networks.find(({ name }) => name === network.name)?.subnets ?? []
      return blocks.length === 0 ? [] : [{ network: network.name, host, blocks, entry: { kind: 'unknown' } }]
    })
}

/** Hosts that show nothing of their network are reached by their names. */
async function gatewaysOf(progress: Progress, host: Hypervisor): Promise<readonly string[]> {
  if (host.can.noShell !== undefined) return []
  return outwardAddresses(await host.system.network.read(progress))
}

/** Addresses of the interfaces that have a default route, but for those that reach no further than the link. Pure. */
export function outwardAddresses({ interfaces, routes }: HostNetworkFacts): readonly string[] {
  const outward = new Set(
    routes.flatMap((route) =>
      (route.to === '0.0.0.0/0' || route.to === '::/0') && route.interface !== undefined
        ? [route.interface]
        : [],
    ),
  )
  return interfaces
    .filter(({ name }) => outward.has(name))
    .flatMap(({ addresses }) => addresses.map(withoutPrefix))
    .filter((address) => !/^(?:fe[89ab]|127\.|169\.254\.)/i.test(address))
    .toSorted((a, b) => Number(isIPv4(b)) - Number(isIPv4(a)))
}
