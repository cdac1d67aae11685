import type { ErrorReport } from '@vmwright/contract'
import type { ObservedHost } from '../hypervisor/contract.ts'
import type { InstanceSpec, ResolvedSpec } from '../spec/resolved.ts'
import type { PlacementSpec } from '../spec/resolved-places.ts'
import { poolOf, rootVolumeName } from './naming.ts'
import type { Finding } from './plan.ts'
import { whereabouts, type Whereabouts } from './place-found.ts'
import { chooseHost, type Room, roomsOf, take } from './place-room.ts'
import { hasVolume, isUsedByOthers } from './volume-index.ts'

export interface PlacementInput {
  readonly spec: ResolvedSpec
  /** The instances to work on: all, or those named. */
  readonly instances: readonly InstanceSpec[]
  /** By host: what there is on those that answer. */
  readonly observed: ReadonlyMap<string, ObservedHost>
  readonly unreachable: ReadonlyMap<string, ErrorReport>
  /** Names for which a foreign machine is to be taken over. */
  readonly adopt: ReadonlySet<string>
}

export interface Placed {
  /** With the final host of each instance. */
  readonly spec: ResolvedSpec
  readonly instances: readonly InstanceSpec[]
  /** Instances to work on that nothing can be done about, by name, each with why in a short sentence. */
  readonly blocked: ReadonlyMap<string, string>
  readonly findings: readonly Finding[]
}

/**
 * Where each instance goes (K8, K12). A machine that exists stays where it is, whatever would be better by now, and so
 * does one of which the disks are left; a new one goes where room is, first the pinned ones, then the rest in the order
 * of the spec, each counting what the ones before it take. What may exist on a host that cannot be reached is not made
 * a second time. Equal hosts are taken in the order of the spec. Pure: same input, same places.
 */
export function placeInstances(input: PlacementInput): Placed {
  const { spec, instances } = input
  const found = whereabouts(spec, input.observed)
  const rooms = roomsOf(spec.instances, input.observed, found)
  const wanted = new Set(instances.map(({ name }) => name))
  const placer = { input, found, rooms }
  const byName = new Map<string, Place>()
  const decide = (instance: InstanceSpec): void => void byName.set(instance.name, placeOne(placer, instance))

  const others = spec.instances.filter(({ name }) => !wanted.has(name))
  for (const each of instances) if (each.placement === undefined) decide(each)
  for (const each of instances) if (each.placement !== undefined) decide(each)
  for (const each of others) decide(each)

  const settle = (instance: InstanceSpec): InstanceSpec => {
    const host = byName.get(instance.name)?.host ?? instance.host
    return host === instance.host ? instance : { ...instance, host }
  }
  const places = instances.flatMap(({ name }) => byName.get(name) ?? [])
  return {
    spec: { ...spec, instances: spec.instances.map(settle) },
    instances: instances.map(settle),
    blocked: new Map(places.flatMap((place) => (place.why === undefined ? [] : [[place.name, place.why]]))),
    findings: [...places.flatMap(({ finding }) => finding ?? []), ...duplicates(instances, byName, found)],
  }
}

interface Placer {
  readonly input: PlacementInput
  readonly found: Whereabouts
  readonly rooms: ReadonlyMap<string, Room>
}

interface Place {
  readonly name: string
  readonly host: string
  /** Present: nothing can be done about it. */
  readonly why?: string
  readonly finding?: Finding
}

function placeOne({ input, found, rooms }: Placer, instance: InstanceSpec): Place {
  const { name, placement } = instance
  const [home] = found.of(name)
  if (placement === undefined) return placePinned({ input, found, rooms }, instance)
  if (home !== undefined) return { name, host: home }
  const dark = placement.hosts.find((host) => input.unreachable.has(host))
  if (dark !== undefined) return { name, host: dark, why: `it may be on ${dark}, which cannot be reached` }
  const tied = placement.hosts.find((host) => isTiedTo(input, instance, input.observed.get(host)))
  const chosen =
    tied === undefined
      ? chooseHost(input.spec, instance, placement, rooms)
      : ({ kind: 'host', host: tied } as const)
  if (chosen.kind === 'host') {
    take(rooms, chosen.host, instance)
    return { name, host: chosen.host }
  }
  return {
    name,
    host: instance.host,
    why: 'no host has room for it',
    finding: {
      severity: 'error',
      code: 'host.no-room',
      object: `instance ${name}`,
      message: `No host has room for ${name}: ${chosen.why.join('; ')}.`,
      hint: hintFor(placement),
    },
  }
}

function placePinned({ input, found, rooms }: Placer, instance: InstanceSpec): Place {
  const { name, host } = instance
  if (input.unreachable.has(host)) return { name, host, why: `its host ${host} cannot be reached` }
  const homes = found.of(name)
  const [elsewhere] = homes
  if (homes.includes(host)) return { name, host }
  if (elsewhere === undefined) {
    take(rooms, host, instance)
    return { name, host }
  }
  return {
    name,
    host,
    why: `it is on ${elsewhere}`,
    finding: {
      severity: 'error',
      code: 'vm.elsewhere',
      object: `instance ${name}`,
      message: `The machine ${name} is to be on ${host}, but it exists on ${elsewhere}.`,
      hint: `Leave it there (\`host: ${elsewhere}\`), or remove it first: with \`host: ${elsewhere}\`, vmwright destroy --disks ${name}`,
    },
  }
}

/** Something of it is there: a machine that is to be taken over, or its disk that was kept. */
function isTiedTo(
  { spec, adopt }: PlacementInput,
  instance: InstanceSpec,
  host: ObservedHost | undefined,
): boolean {
  if (host === undefined) return false
  const { name } = instance
  if (adopt.has(name) && host.vms.some((vm) => vm.name === name)) return true
  const disk = { pool: poolOf(spec, instance).name, name: rootVolumeName(instance) }
  return hasVolume(host, disk) && !isUsedByOthers(host, disk, name)
}

const hintFor = ({ group, hosts }: PlacementSpec): string =>
  group === 'apart' && hosts.length > 1
    ? 'Add a host, ask for less memory, or let instances of a group be together.'
    : 'Add a host, or ask for less memory.'

/** The same instance on more than one host: worked on is one of them, the others are told. */
function duplicates(
  instances: readonly InstanceSpec[],
  places: ReadonlyMap<string, Place>,
  found: Whereabouts,
): readonly Finding[] {
  return instances.flatMap(({ name }): readonly Finding[] => {
    const homes = found.of(name)
    const host = places.get(name)?.host
    const others = homes.filter((home) => home !== host)
    if (homes.length < 2 || host === undefined) return []
    return [
      {
        severity: 'warning',
        code: 'vm.elsewhere',
        object: `instance ${name}`,
        message: `The machine ${name} exists on ${host} and on ${others.join(', ')} too. Only the one on ${host} is worked on.`,
        hint: `Remove the one that is not wanted: with \`host: ${others[0]}\`, vmwright destroy --disks ${name}`,
      },
    ]
  })
}
