import type { MarkedVolume, ObservedHost, VmMark } from '../hypervisor/contract.ts'
import type { ForkSource } from '../hypervisor/forks.ts'
import { ProvisionError } from '../lib/errors.ts'
import { derivedMac } from '../spec/interfaces.ts'
import type { InstanceSpec, ResolvedSpec } from '../spec/resolved.ts'
import type { ForkIdentity } from './fork-identity.ts'

export interface ForkRequest {
  readonly spec: ResolvedSpec
  readonly instance: InstanceSpec
  readonly count: number
  /** With `{n}` for the number; absent: `<instance>-fork-{n}`. */
  readonly pattern: string | undefined
}

/** Names for so many new machines, counted from 1, without those that are taken. Throws `usage.invalid`. Pure. */
export function forkNames(
  { spec, instance, count, pattern = `${instance.name}-fork-{n}` }: ForkRequest,
  taken: ReadonlySet<string>,
): readonly string[] {
  const isCounted = pattern.includes('{n}')
  if (!isCounted && count > 1) throw invalid(`${count} machines cannot all be named ${pattern}.`, pattern)
  const names: string[] = []
  for (let number = 1; names.length < count; number++) {
    const name = pattern.replaceAll('{n}', String(number))
    if (!/^[A-Za-z0-9][A-Za-z0-9-]{0,62}$/.test(name))
      throw invalid(`${name} is no name for a machine: letters, digits and hyphens, at most 63.`, pattern)
    const isTaken = taken.has(name) || spec.instances.some((each) => each.name === name)
    if (isTaken && !isCounted)
      throw new ProvisionError('vm.exists', {
        message: `There is a machine ${name} already, or the spec has one.`,
        details: { vm: name },
      })
    if (!isTaken) names.push(name)
  }
  return names
}

const invalid = (message: string, pattern: string): ProvisionError =>
  new ProvisionError('usage.invalid', {
    message,
    hint: 'A pattern has {n} where the number goes: --name "test-{n}".',
    details: { pattern },
  })

/** The instance as a fork of it would be declared: another name, other cards, addresses by DHCP. Pure. */
export function asFork({ project }: ResolvedSpec, instance: InstanceSpec, name: string): InstanceSpec {
  const [first, ...others] = instance.interfaces.map((nic, index) => ({
    ...nic,
    mac: derivedMac(project, name, index),
    addresses: [],
    leases: [],
  }))
  if (first === undefined) return { ...instance, name }
  return { ...instance, name, placement: undefined, interfaces: [first, ...others] }
}

/** A number behind the machine's name, the lowest that no source has; what was begun under it is made anew. Pure. */
export function sourceName(vm: string, snapshot: string | undefined, sources: readonly ForkSource[]): string {
  const known = sources.find((each) => each.vm === vm && snapshot !== undefined && each.snapshot === snapshot)
  if (known !== undefined) return known.name
  const taken = new Set(sources.map(({ name }) => name))
  for (let number = 1; ; number++) if (!taken.has(`${vm}.${number}`)) return `${vm}.${number}`
}

/** The mark of a fork that is not complete: its disks over the source's, and a seed of its own. Pure. */
export function forkMark(source: VmMark, identity: ForkIdentity): VmMark {
  const { run: _run, used: _used, ...lasting } = source
  const volumes = source.volumes.map((volume): MarkedVolume => ({
    ...volume,
    name:
      volume.role === 'seed'
        ? `${identity.name}-seed.iso`
        : `${identity.name}${volume.role === 'root' ? '' : `-${volume.device}`}.qcow2`,
  }))
  return {
    ...lasting,
    instance: identity.name,
    stage: 'creating',
    volumes,
    seed: { instanceId: identity.instanceId, digest: '', sealed: true },
    hostKeys: identity.hostKeys.map(({ publicKey }) => publicKey),
  }
}

/**
 * Throws `host.no-room` when the host's free memory is not enough. A fork begins with what it shares; a quarter of its
 * memory is what one that works comes to have of its own.
 */
export function requireRoom(host: ObservedHost, { memoryMib, name }: InstanceSpec, count: number): void {
  const neededMib = Math.ceil((count * memoryMib) / 4)
  if (neededMib <= host.freeMemoryMib) return
  throw new ProvisionError('host.no-room', {
    message: `Host ${host.host} has ${host.freeMemoryMib} MiB of memory left, and ${count} forks of ${name} need ${neededMib} MiB to begin with.`,
    details: { host: host.host, freeMemoryMib: host.freeMemoryMib, neededMib },
  })
}
