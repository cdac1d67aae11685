import type { Hypervisor, ObservedVm, VmMark } from '../hypervisor/contract.ts'
import type { ForkSource } from '../hypervisor/forks.ts'
import { ProvisionError } from '../lib/errors.ts'
import { Progress } from '../lib/progress.ts'
import type { InstanceSpec, ResolvedSpec } from '../spec/resolved.ts'
import { mapBounded } from './bounded.ts'
import { seenAddresses } from '../guest/climb.ts'
import { Session, type SessionServices } from './session.ts'

export interface ForksOptions {
  readonly spec: ResolvedSpec
  readonly services: SessionServices
}

/** A machine that rests on a source of this project. */
export interface KnownFork {
  readonly name: string
  readonly host: string
  readonly source: string
  /** The machine that it was forked from, and at which snapshot. */
  readonly of: string
  readonly snapshot: string | undefined
  readonly state: ObservedVm['state']
  /** False: it was not finished; the next fork removes it. */
  readonly complete: boolean
  readonly addresses: readonly string[]
  readonly user: string
  readonly hostKeys: readonly string[]
}

export interface ForkList {
  readonly forks: readonly KnownFork[]
  readonly sources: readonly (ForkSource & { readonly host: string })[]
}

/** The forks of a project on all its hosts. Changes nothing. */
export async function listForks(progress: Progress, { spec, services }: ForksOptions): Promise<ForkList> {
  await using session = await Session.open(progress, spec, spec.instances, services)
  return await listOn(progress, session, spec)
}

async function listOn(progress: Progress, session: Session, { project }: ResolvedSpec): Promise<ForkList> {
  const observed = await session.observeHosts(progress)
  // What is on a host that does not answer nobody knows: no list is better than one that lacks it.
  for (const name of session.unreachable.keys()) session.host(name)
  const found = await Promise.all(
    [...observed].map(async ([name, { vms }]) => {
      const host = session.host(name)
      const sources = (await host.forks.sources(progress)).filter((each) => each.project === project)
      const known = sources.flatMap((source) =>
        source.dependents.flatMap((dependent) => {
          const vm = vms.find((each) => each.name === dependent)
          return vm?.mark?.project === project ? [{ source, vm, mark: vm.mark }] : []
        }),
      )
      const forks = await mapBounded(known, 16, async ({ source, vm, mark }): Promise<KnownFork> => {
        const addresses = vm.state === 'running' ? await host.guest(vm.name).addresses(progress) : undefined
        return {
          name: vm.name,
          host: name,
          source: source.name,
          of: source.vm,
          snapshot: source.snapshot,
          state: vm.state,
          complete: mark.stage !== 'creating',
          addresses: addresses === undefined ? [] : seenAddresses(addresses),
          user: mark.user,
          hostKeys: mark.hostKeys,
        }
      })
      return { forks, sources: sources.map((source) => ({ ...source, host: name })) }
    }),
  )
  return {
    forks: found.flatMap(({ forks }) => forks),
    sources: found.flatMap(({ sources }) => sources),
  }
}

export interface RemoveForksOptions extends ForksOptions {
  /** Of forks, or of machines of which all forks are meant; empty: all. */
  readonly names: readonly string[]
  readonly holder: string
  readonly lockTimeoutMs: number
  /** Asked with what would be removed. */
  readonly confirm: (forks: readonly KnownFork[]) => Promise<boolean>
}

/**
 * Removes forks with their disks, and the sources that nothing rests on any more. May be repeated. `undefined`: not
 * confirmed. Throws `spec.unknown-name` when a name is neither a fork nor a machine with forks.
 */
export async function removeForks(
  progress: Progress,
  options: RemoveForksOptions,
): Promise<readonly KnownFork[] | undefined> {
  const { spec, services, names } = options
  await using session = await Session.open(progress, spec, spec.instances, services)
  const isMeant = ({ name, of }: KnownFork): boolean =>
    names.length === 0 || names.includes(name) || names.includes(of)
  const first = await listOn(progress, session, spec)
  requireKnown(first, spec.instances, names)
  const meant = first.forks.filter(isMeant)
  if (meant.length > 0 && !(await options.confirm(meant))) return undefined
  const hosts = new Set([...first.forks, ...first.sources].map(({ host }) => host))
  await session.lock(progress.child({ timeoutMs: options.lockTimeoutMs }), options.holder, hosts)
  const { forks } = await listOn(progress, session, spec)
  for (const name of hosts) {
    const host = session.host(name)
    const { vms } = await host.observe(progress)
    const own = forks.filter((fork) => fork.host === name && isMeant(fork))
    await mapBounded(own, 8, async (fork) => {
      const vm = vms.find((each) => each.name === fork.name)
      if (vm !== undefined) await removeMachine(progress, host, vm)
    })
    await removeIdleSources(progress, host, (source) => source.project === spec.project)
  }
  return meant
}

function requireKnown(
  { forks, sources }: ForkList,
  instances: readonly InstanceSpec[],
  names: readonly string[],
): void {
  const known = new Set([
    ...forks.map(({ name }) => name),
    ...sources.map(({ vm }) => vm),
    ...instances.map(({ name }) => name),
  ])
  const unknown = names.filter((name) => !known.has(name))
  if (unknown.length === 0) return
  throw new ProvisionError('spec.unknown-name', {
    message: `There ${unknown.length === 1 ? 'is no fork' : 'are no forks'} ${unknown.join(', ')}.`,
    hint: `Forks: ${forks.map(({ name }) => name).join(', ') || 'none'}.`,
    details: { unknown, known: forks.map(({ name }) => name) },
  })
}

/** A machine with all its volumes. Definition last, so that what is left of it is found again. Repeatable. */
export async function removeMachine(
  progress: Progress,
  host: Hypervisor,
  { name, mark }: { readonly name: string; readonly mark: VmMark | undefined },
): Promise<void> {
  await host.stopVm(progress, name, 'force')
  for (const volume of mark?.volumes ?? []) await host.deleteVolume(progress, volume)
  await host.undefineVm(progress, name)
}

/** Sources that nothing rests on. */
export async function removeIdleSources(
  progress: Progress,
  host: Hypervisor,
  isMeant: (source: ForkSource) => boolean,
): Promise<void> {
  for (const source of await host.forks.sources(progress))
    if (source.dependents.length === 0 && isMeant(source))
      await host.forks.removeSource(progress, source.name)
}

/** For what has to be undone although the run was cancelled or its time is up. */
export const lasting = ({ seam }: Progress): Progress =>
  new Progress(seam, { deadlineMs: seam.monotonicMs() + 120_000 })
