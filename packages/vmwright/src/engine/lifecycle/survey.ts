import type { ErrorReport } from '@vmwright/contract'
import type { Capabilities, ObservedHost } from '../../hypervisor/contract.ts'
import type { Progress } from '../../lib/progress.ts'
import { whereabouts } from '../../plan/place-found.ts'
import type { HostSpec, InstanceSpec, ResolvedSpec } from '../../spec/resolved.ts'
import { Session } from '../session.ts'
import type { LifecycleOptions } from './run.ts'
import type { HostRoom, Waiting } from './room.ts'

/** What is known of the hosts before a run, or, of one that is a guest, once it is there. */
export interface Survey {
  readonly observed: ReadonlyMap<string, ObservedHost>
  readonly can: ReadonlyMap<string, Capabilities>
  readonly unreachable: ReadonlyMap<string, ErrorReport>
}

/** Looks at all hosts that these instances are on or may go to. Throws when none answers. */
export async function surveyHosts(
  progress: Progress,
  spec: ResolvedSpec,
  instances: readonly InstanceSpec[],
  { services }: Pick<LifecycleOptions, 'services'>,
): Promise<Survey> {
  await using session = await Session.open(progress, spec, instances, services.session)
  const observed = await session.observeHosts(progress)
  return {
    observed,
    can: new Map([...observed.keys()].map((name) => [name, session.host(name).can])),
    unreachable: session.unreachable,
  }
}

/**
 * What the hosts have for this run: all that others have not. A guest of this run that is up already has its room.
 */
export function roomsFor(
  { observed }: Pick<Survey, 'observed'>,
  names: ReadonlySet<string>,
): ReadonlyMap<string, HostRoom> {
  return new Map([...observed].map(([name, host]) => [name, roomOf(host, names)]))
}

function roomOf({ memoryMib, freeMemoryMib, cpus, vms }: ObservedHost, names: ReadonlySet<string>): HostRoom {
  if (memoryMib === 0) return { freeMib: Infinity, cpus }
  const up = vms.filter(({ state }) => state !== 'stopped')
  const own = up.filter(({ name }) => names.has(name)).reduce((sum, vm) => sum + vm.memoryMib, 0)
  const others = up.filter(({ name }) => !names.has(name)).reduce((sum, vm) => sum + vm.memoryMib, 0)
  return { freeMib: Math.max(0, Math.min(freeMemoryMib + own, memoryMib - others)), cpus }
}

/**
 * G7. The hosts that an instance can run on: where it is, if it is anywhere; else those that it may go to and that
 * have its architecture, natively (0) or by emulation (1). Pure.
 */
export function capableHosts(
  spec: ResolvedSpec,
  instance: InstanceSpec,
  { observed, can }: Pick<Survey, 'observed' | 'can'>,
): Waiting['hosts'] {
  const [home] = whereabouts(spec, observed).of(instance.name)
  const candidates = home === undefined ? (instance.placement?.hosts ?? [instance.host]) : [home]
  return candidates.flatMap((name) => {
    const host = spec.hosts.find((each) => each.name === name)
    const abilities = can.get(name)
    const rank = host === undefined || abilities === undefined ? undefined : rankOf(instance, host, abilities)
    return rank === undefined ? [] : [{ name, rank }]
  })
}

/** `undefined`: it cannot run there. */
function rankOf(
  { processor }: InstanceSpec,
  { acceleration }: HostSpec,
  { architecture, architectures }: Capabilities,
): number | undefined {
  const wanted = processor?.architecture ?? architecture
  if (wanted === architecture) return acceleration === 'emulate' ? 1 : 0
  return architectures.includes(wanted) && acceleration !== 'require-kvm' ? 1 : undefined
}
