import type { ObservedHost } from '../hypervisor/contract.ts'
import type { InstanceSpec, ResolvedSpec } from '../spec/resolved.ts'
import type { DestroyRequest, PlanInput } from './plan.ts'

/** G9. Why a host that is a guest does not answer, as far as the host of that guest tells. */
export interface Away {
  readonly guest: string
  /** What is on a guest that does not exist does not exist either; of one that is off nothing is known. */
  readonly is: 'off' | 'absent'
}

interface Seen {
  readonly spec: ResolvedSpec
  readonly unreachable: ReadonlyMap<string, unknown>
  /** `undefined`: it does not answer. */
  readonly observed: (host: string) => ObservedHost | undefined
}

/** `undefined`: the host answers, or it does not and ought to. Pure. */
export function awayOf(seen: Seen, host: string): Away | undefined {
  const instance = guestOf(seen.spec, host)
  if (instance === undefined || !seen.unreachable.has(host)) return undefined
  const guest = instance.name
  const below = seen.observed(instance.host)
  if (below === undefined) {
    const outer = awayOf(seen, instance.host)
    return outer === undefined ? undefined : { guest, is: outer.is }
  }
  const vm = below.vms.find(({ name }) => name === guest)
  if (vm === undefined) return { guest, is: 'absent' }
  return vm.state === 'running' || vm.state === 'paused' ? undefined : { guest, is: 'off' }
}

/** The guest with which everything on a host is removed, because it is that host, or that host is inside of it. Pure. */
export function goesWith(input: PlanInput, host: string, adopt: DestroyRequest['adopt']): string | undefined {
  const guest = guestOf(input.spec, host)
  if (guest === undefined) return undefined
  const isNamed = input.instances.some(({ name }) => name === guest.name)
  const vm = input.hosts.get(guest.host)?.observed.vms.find(({ name }) => name === guest.name)
  const mayGo = vm?.mark?.project === input.spec.project || adopt.has(guest.name)
  return isNamed && vm !== undefined && mayGo ? guest.name : goesWith(input, guest.host, adopt)
}

/** Names of the instances that are inside of a guest, by however many others. Pure. */
export function insideOf(spec: ResolvedSpec, guest: string): readonly string[] {
  const hosts = new Set(spec.hosts.flatMap((host) => (host.guest === guest ? [host.name] : [])))
  return spec.instances
    .filter(({ host }) => hosts.has(host))
    .flatMap(({ name }) => [name, ...insideOf(spec, name)])
}

const guestOf = (spec: ResolvedSpec, host: string): InstanceSpec | undefined => {
  const guest = spec.hosts.find(({ name }) => name === host)?.guest
  return guest === undefined ? undefined : spec.instances.find(({ name }) => name === guest)
}
