import type { ObservedHost, ObservedVm } from '../hypervisor/contract.ts'
import type { InstanceSpec, ResolvedSpec } from '../spec/resolved.ts'
import type { PlacementSpec } from '../spec/resolved-places.ts'
import type { Whereabouts } from './place-found.ts'
import { poolOf } from './naming.ts'

/** What is left on a host; it shrinks with each instance that is placed. */
export interface Room {
  readonly host: ObservedHost
  freeMib: number
  freeCpus: number
  /** Instances of each group that are there, or will be. */
  readonly groups: Map<string, number>
}

/**
 * What hosts have left. A guest counts with its whole memory, although it may not have touched it all yet, and so do
 * stopped machines of ours, which may be started at any time.
 */
export function roomsOf(
  declared: readonly InstanceSpec[],
  observed: ReadonlyMap<string, ObservedHost>,
  found: Whereabouts,
): ReadonlyMap<string, Room> {
  const rooms = new Map([...observed].map(([name, host]) => [name, emptyRoom(host)]))
  for (const { name, group } of declared) for (const home of found.of(name)) addMember(rooms.get(home), group)
  return rooms
}

function emptyRoom(host: ObservedHost): Room {
  const running = host.vms.filter(({ state }) => state !== 'stopped')
  const ready = host.vms.filter(({ state, mark }) => state === 'stopped' && mark !== undefined)
  const promised = host.memoryMib - memoryOf(running)
  return {
    host,
    freeMib: Math.min(host.freeMemoryMib, promised) - memoryOf(ready),
    freeCpus: host.cpus - [...running, ...ready].reduce((sum, { vcpus }) => sum + vcpus, 0),
    groups: new Map(),
  }
}

const memoryOf = (vms: readonly ObservedVm[]): number =>
  vms.reduce((sum, { memoryMib }) => sum + memoryMib, 0)

const addMember = (room: Room | undefined, group: string): void =>
  void room?.groups.set(group, (room.groups.get(group) ?? 0) + 1)

/** Counts an instance that will be made there. */
export function take(rooms: ReadonlyMap<string, Room>, host: string, instance: InstanceSpec): void {
  const room = rooms.get(host)
  if (room === undefined) return
  room.freeMib -= instance.memoryMib
  room.freeCpus -= instance.vcpus
  addMember(room, instance.group)
}

/** The best of the candidates, or for each of them why not. */
export function chooseHost(
  spec: ResolvedSpec,
  instance: InstanceSpec,
  placement: PlacementSpec,
  rooms: ReadonlyMap<string, Room>,
):
  | { readonly kind: 'host'; readonly host: string }
  | { readonly kind: 'none'; readonly why: readonly string[] } {
  const why: string[] = []
  let best: { readonly host: string; readonly rank: readonly number[] } | undefined
  for (const host of placement.hosts) {
    const room = rooms.get(host)
    const obstacle = room === undefined ? 'was not looked at' : obstacleTo(spec, instance, placement, room)
    if (obstacle !== undefined) why.push(`${host} ${obstacle}`)
    if (room === undefined || obstacle !== undefined) continue
    const rank = rankOf(instance, placement, room)
    if (best === undefined || isBetter(rank, best.rank)) best = { host, rank }
  }
  return best === undefined ? { kind: 'none', why } : { kind: 'host', host: best.host }
}

function obstacleTo(
  spec: ResolvedSpec,
  instance: InstanceSpec,
  { group }: PlacementSpec,
  { host, freeMib, groups }: Room,
): string | undefined {
  const { memoryMib, vcpus, source, interfaces } = instance
  if (host.vms.some(({ name }) => name === instance.name))
    return 'has a machine of that name that is not of this project'
  if (group === 'apart' && (groups.get(instance.group) ?? 0) > 0)
    return `has an instance of ${instance.group} already`
  if (host.memoryMib > 0 && memoryMib > freeMib)
    return `has ${Math.max(0, freeMib)} MiB of memory left of ${host.memoryMib}, and it wants ${memoryMib}`
  if (vcpus > host.cpus) return `has ${host.cpus} CPUs, and it wants ${vcpus}`
  const template = spec.templates.find(({ id }) => source.kind === 'template' && id === source.id)
  if (template !== undefined && !host.vms.some(({ name }) => name === template.domain))
    return `has no template ${template.domain}`
  const network = spec.networks.find(
    ({ id, name, own }) =>
      own === undefined &&
      interfaces.some((nic) => nic.network === id) &&
      !host.networks.some((each) => each.name === name),
  )
  if (network !== undefined) return `has no network ${network.name}`
  const pool = poolOf(spec, instance)
  if (pool.kind === 'use' && !host.pools.some(({ name }) => name === pool.name))
    return `has no pool ${pool.name}`
  return undefined
}

/** More is better, the first number that differs decides. */
function rankOf(instance: InstanceSpec, { by, group }: PlacementSpec, room: Room): readonly number[] {
  const apart = group === 'prefer-apart' ? -(room.groups.get(instance.group) ?? 0) : 0
  return by === 'pack' ? [apart] : [apart, freedom(instance, room)]
}

/** The smaller of the shares of memory and CPUs that are free once it is there. */
function freedom({ memoryMib, vcpus }: InstanceSpec, { host, freeMib, freeCpus }: Room): number {
  const memory = host.memoryMib === 0 ? 1 : (freeMib - memoryMib) / host.memoryMib
  const cpus = host.cpus === 0 ? 1 : (freeCpus - vcpus) / host.cpus
  return Math.min(memory, cpus)
}

function isBetter(a: readonly number[], b: readonly number[]): boolean {
  const index = a.findIndex((value, at) => value !== b[at])
  return index !== -1 && (a[index] ?? 0) > (b[index] ?? 0)
}
