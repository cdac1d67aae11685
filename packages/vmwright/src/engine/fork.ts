import { writeSeedImage } from '../cloudinit/iso9660.ts'
import { renderSeed } from '../cloudinit/render.ts'
import type { GuestNetwork } from '../guest/network.ts'
import type { Hypervisor, ObservedHost, ObservedVm, VmMark } from '../hypervisor/contract.ts'
import { ProvisionError, messageOf } from '../lib/errors.ts'
import type { Progress } from '../lib/progress.ts'
import { Revert } from '../lib/revert.ts'
import type { InstanceSpec } from '../spec/resolved.ts'
import { mapBounded } from './bounded.ts'
import { answering } from './fork-answer.ts'
import { type ForkIdentity, newForkIdentity } from './fork-identity.ts'
import { asFork, forkMark, forkNames, type ForkRequest, requireRoom, sourceName } from './fork-plan.ts'
import { lasting, removeIdleSources, removeMachine } from './fork-remove.ts'
import { reidentify } from './fork-reidentify.ts'
import { startWaiter, stopWaiter, type Waiter } from './fork-waiter.ts'
import { obstacleTo } from './logins.ts'
import { Session, type SessionServices } from './session.ts'

export interface ForkOptions extends ForkRequest {
  readonly services: SessionServices
  /** With memory; absent: the machine as it runs. */
  readonly snapshot: string | undefined
  readonly holder: string
  readonly lockTimeoutMs: number
  readonly network?: GuestNetwork
  /** Called when one is ready. */
  readonly onFork?: (fork: ForkReport) => void
}

export interface ForkReport {
  readonly name: string
  readonly host: string
  readonly source: string
  readonly address: string
  readonly user: string
  readonly port: number
  readonly hostKeys: readonly string[]
  readonly machineId: string
  readonly macs: readonly string[]
  /** Milliseconds since the source was there: until it ran, knew who it is, and answered over SSH. */
  readonly startedMs: number
  readonly identifiedMs: number
  readonly readyMs: number
}

export interface ForkResult {
  readonly forks: readonly ForkReport[]
  /** By name: why there is no such machine. */
  readonly failures: ReadonlyMap<string, unknown>
  /** Milliseconds to make the source, or to find it. */
  readonly freezeMs: number
}

/**
 * X9. Makes distinct machines from one that runs. Each has its own name, addresses and keys before anybody hears it on
 * the network, and counts as complete only when it answers over SSH; one that does not is removed again, without harm to
 * the others. What an earlier run left incomplete is removed first. Throws `fork.unsupported`, `host.no-room`,
 * `vm.exists`, and the errors of a machine that cannot be reached.
 */
export async function forkMachines(progress: Progress, options: ForkOptions): Promise<ForkResult> {
  const { spec, services } = options
  await using session = await Session.open(progress, spec, [options.instance], services)
  const instance = await session.locateOne(progress)
  const host = session.host(instance.host)
  const locking = progress.child({ timeoutMs: options.lockTimeoutMs })
  await session.lock(locking, options.holder, new Set([instance.host]))
  await removeIncomplete(progress, host, await host.observe(progress), instance, spec.project)
  const observed = await host.observe(progress)
  const original = await requireForkable(progress, host, observed, options, instance)
  requireRoom(observed, instance, options.count)
  const names = forkNames(options, new Set(observed.vms.map(({ name }) => name)))

  const startedMs = progress.seam.monotonicMs()
  const { source, waiter, ends } = await freeze(progress, host, options, original, names)
  const frozenMs = progress.seam.monotonicMs()
  // Waking guests want processors; more than these at once only wait for each other.
  const atOnce = Math.max(4, observed.cpus * 2)
  const results = await mapBounded(names, atOnce, async (name) => {
    const making = { options, instance, original, source, waiter, name, frozenMs }
    const [result] = await Promise.allSettled([makeFork(progress, host, making)])
    if (result.status === 'fulfilled') options.onFork?.(result.value)
    return result
  })
  await ends
  progress.check()
  const failed = results.flatMap((result, index): readonly (readonly [string, unknown])[] =>
    result.status === 'rejected' ? [[names[index] ?? '', result.reason]] : [],
  )
  if (failed.length === names.length) await removeIdleSources(progress, host, (each) => each.name === source)
  return {
    forks: results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : [])),
    failures: new Map(failed),
    freezeMs: Math.round(frozenMs - startedMs),
  }
}

/** Forks of this machine that were killed before they were complete. */
async function removeIncomplete(
  progress: Progress,
  host: Hypervisor,
  { vms }: ObservedHost,
  { name }: InstanceSpec,
  project: string,
): Promise<void> {
  const sources = await host.forks.sources(progress)
  const own = new Set(sources.filter(({ vm }) => vm === name).flatMap(({ dependents }) => dependents))
  for (const vm of vms)
    if (own.has(vm.name) && vm.mark?.project === project && vm.mark.stage === 'creating')
      await removeMachine(progress, host, vm)
  await removeIdleSources(progress, host, (each) => each.vm === name && each.snapshot === undefined)
}

async function requireForkable(
  progress: Progress,
  host: Hypervisor,
  { vms }: ObservedHost,
  { spec }: ForkOptions,
  instance: InstanceSpec,
): Promise<ObservedVm & { readonly mark: VmMark }> {
  const { name } = instance
  const vm = vms.find((each) => each.name === name)
  // A freeze that was killed leaves it paused; the next one lets it go on.
  const obstacle = obstacleTo(spec, instance, vm?.state === 'paused' ? { ...vm, state: 'running' } : vm)
  if (obstacle !== undefined) throw obstacle
  const isStatic = instance.interfaces.some(({ dhcp4, dhcp6 }) => !dhcp4 && !dhcp6)
  const because = isStatic
    ? 'it has static addresses, and forks get theirs by DHCP'
    : await host.forks.whyNot(progress, name)
  if (vm?.mark !== undefined && because === undefined) return { ...vm, mark: vm.mark }
  throw new ProvisionError('fork.unsupported', {
    message: `Machine ${name} on host ${instance.host} cannot be forked: ${because}.`,
    details: { host: instance.host, vm: name, because },
  })
}

interface Frozen {
  readonly source: string
  /** In all forks; `undefined`: none was there. */
  readonly waiter: Waiter | undefined
  /** Resolves when all that was needed for it is gone. */
  readonly ends: Promise<unknown>
}

async function freeze(
  progress: Progress,
  host: Hypervisor,
  { spec, snapshot, instance }: ForkOptions,
  original: ObservedVm & { readonly mark: VmMark },
  names: readonly string[],
): Promise<Frozen> {
  const { name, mark } = original
  const pool = mark.volumes.find(({ role }) => role === 'root')?.pool ?? 'default'
  progress.report({ what: `${name} to be frozen` })
  const guest = host.guest(name)
  const definition = { project: spec.project, vm: name, snapshot, pool }
  if (snapshot !== undefined) {
    const source = sourceName(name, snapshot, await host.forks.sources(progress))
    const { ends } = await host.forks.freeze(progress, { ...definition, name: source })
    return { source, waiter: undefined, ends }
  }
  const cards = names.flatMap((each) => {
    const fork = asFork(spec, instance, each)
    return macPairs(original, fork).filter((_card, index) => fork.interfaces[index]?.dhcp4 === true)
  })
  const free = host.forks.freeAddresses(progress, name, cards).catch(() => [])
  const [waiter, sources] = await Promise.all([
    original.state === 'running' ? startWaiter(progress, guest, cards, free) : undefined,
    host.forks.sources(progress),
    free,
  ])
  const source = sourceName(name, snapshot, sources)
  const stop = (): Promise<void> | undefined => waiter && stopWaiter(lasting(progress), guest, waiter)
  try {
    const { ends } = await host.forks.freeze(progress, { ...definition, name: source })
    return { source, waiter, ends: Promise.all([ends, stop()]) }
  } catch (error) {
    await stop()
    throw error
  }
}

const macPairs = ({ interfaces }: ObservedVm, fork: InstanceSpec): ForkIdentity['macs'] =>
  interfaces.map(({ mac }, index) => ({ from: mac, to: fork.interfaces[index]?.mac ?? mac }))

interface Making {
  readonly options: ForkOptions
  readonly instance: InstanceSpec
  readonly original: ObservedVm & { readonly mark: VmMark }
  readonly source: string
  readonly waiter: Waiter | undefined
  readonly name: string
  readonly frozenMs: number
}

async function makeFork(progress: Progress, host: Hypervisor, making: Making): Promise<ForkReport> {
  const { options, original, source, waiter, name, frozenMs } = making
  const { seam } = progress
  const instance = asFork(options.spec, making.instance, name)
  const macs = instance.interfaces.map(({ mac }) => mac)
  const identity = newForkIdentity(progress, name, macPairs(original, instance))
  const mark = forkMark(original.mark, identity)
  const sinceMs = (): number => Math.round(seam.monotonicMs() - frozenMs)
  await using revert = new Revert()
  try {
    revert.add('remove the fork', async () => {
      const undo = lasting(progress)
      const vm = (await host.observe(undo)).vms.find((each) => each.name === name)
      await removeMachine(undo, host, vm ?? { name, mark })
    })
    await writeSeeds(progress, host, instance, mark)
    progress.report({ what: `${name} to start` })
    await host.forks.fork(progress, { source, name, id: uuidOf(identity), mark, macs })
    const startedMs = sinceMs()
    await reidentify(progress, host.guest(name), identity, waiter)
    const identifiedMs = sinceMs()
    await host.forks.connect(progress, name)
    const address = await answering(progress, host, instance, mark, options.network)
    await host.writeMark(progress, name, { ...mark, stage: 'provisioned' })
    revert.success()
    const { user, hostKeys } = mark
    const { machineId } = identity
    const { port } = instance.ready
    const found = { name, host: host.host, source, address, user, port, hostKeys, machineId, macs }
    return { ...found, startedMs, identifiedMs, readyMs: sinceMs() }
  } catch (error) {
    progress.check()
    if (error instanceof ProvisionError && ['fork.failed', 'vm.exists'].includes(error.code)) throw error
    throw new ProvisionError('fork.failed', {
      message: `Could not fork ${making.instance.name} as ${name}: ${messageOf(error)}`,
      details: { host: host.host, vm: name, source },
      cause: error,
    })
  }
}

/** The same id for systemd and for the hypervisor. */
const uuidOf = ({ machineId }: ForkIdentity): string =>
  machineId.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')

/** A seed without secrets under the fork's own instance-id, so that cloud-init finds what it knows at its next boot. */
async function writeSeeds(
  progress: Progress,
  host: Hypervisor,
  instance: InstanceSpec,
  { volumes, seed: { instanceId } }: VmMark,
): Promise<void> {
  const image = writeSeedImage(renderSeed({ instance, instanceId, generated: 'sealed' }))
  for (const volume of volumes) if (volume.role === 'seed') await host.writeVolume(progress, volume, image)
}
