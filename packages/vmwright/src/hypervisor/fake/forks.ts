import { ProvisionError } from '../../lib/errors.ts'
import type { Progress } from '../../lib/progress.ts'
import type { ForkDefinition, ForkedVm, ForkSource, Freezing, HostForks } from '../forks.ts'
import type { FakeContext } from './context.ts'
import * as daemon from './daemon.ts'
import { assignAddresses } from './guests.ts'
import { createFakeVm, type FakeVm, type FakeWorld } from './world.ts'

/** What a source keeps: its machine as it was, and the volumes that nobody writes to any more. */
interface FakeSource extends ForkDefinition {
  readonly createdAtMs: number
  readonly frozen: FakeVm
}

type ForkingWorld = FakeWorld & { forkSources?: Record<string, FakeSource> }

const sourcesIn = (world: ForkingWorld): Record<string, FakeSource> => (world.forkSources ??= {})

const frozenVolume = (source: string, device: string): string => `${source}.fork-${device}.qcow2`

/** Frozen disks are volumes of the pool, and forks' disks overlays over them, as on a real host. */
export const hostForks = (context: FakeContext): HostForks => ({
  whyNot: (progress, vm) =>
    context.look(progress, 'whyNotFork', vm, () => whyNot(daemon.vmNamed(context.world, vm))),
  freeze: (progress, source) => freeze(context, progress, source),
  sources: (progress) =>
    context.look(progress, 'listSources', context.world.host, () =>
      Object.values(sourcesIn(context.world)).map((source) => observed(context.world, source)),
    ),
  // Its networks have no server that could be asked.
  freeAddresses: (progress, vm) => context.look(progress, 'freeAddresses', vm, () => []),
  fork: (progress, fork) => startFork(context, progress, fork),
  connect: (progress, vm) =>
    context.change(progress, 'plugCable', vm, () =>
      assignAddresses(context.world, daemon.vmNamed(context.world, vm)),
    ),
  removeSource: (progress, name) => removeSource(context, progress, name),
})

const whyNot = ({ state }: FakeVm): string | undefined =>
  state === 'running' || state === 'paused' ? undefined : 'it does not run'

const observed = (world: FakeWorld, source: FakeSource): ForkSource => ({
  name: source.name,
  project: source.project,
  vm: source.vm,
  snapshot: source.snapshot,
  createdAtMs: source.createdAtMs,
  sizeBytes: source.frozen.memoryMib * 1024 * 1024,
  dependents: Object.values(world.vms)
    .filter((vm) => vm.disks.some(({ path }) => path !== undefined && restsOn(world, path, source)))
    .map(({ name }) => name)
    .toSorted(),
})

const restsOn = (world: FakeWorld, path: string, { name }: FakeSource): boolean =>
  daemon.volumeByPath(world, path)?.backingPath?.includes(`/${name}.fork-`) === true

async function freeze(context: FakeContext, progress: Progress, source: ForkDefinition): Promise<Freezing> {
  const { world, seam } = context
  if (await context.look(progress, 'lookupSource', source.name, () => sourcesIn(world)[source.name]))
    return ended
  const vm = await context.look(progress, 'lookupVm', source.vm, () => daemon.vmNamed(world, source.vm))
  const because = whyNot(vm)
  if (because !== undefined)
    throw new ProvisionError('fork.unsupported', {
      message: `Machine ${source.vm} cannot be forked: ${because}.`,
    })
  const setState = (kind: string, state: FakeVm['state']): Promise<void> =>
    context.change(progress, kind, source.vm, () => void (daemon.vmNamed(world, source.vm).state = state))
  await setState('suspendVm', 'paused')
  for (const { device, path } of vm.disks.filter(({ kind }) => kind === 'disk')) {
    const volume = path === undefined ? undefined : daemon.volumeByPath(world, path)
    if (volume === undefined) continue
    const ref = { pool: source.pool, name: frozenVolume(source.name, device) }
    await context.change(progress, 'copyFrozen', ref.name, () => {
      if (daemon.volumeAt(world, ref) !== undefined) daemon.deleteVolume(world, ref)
      daemon.createVolume(world, ref, structuredClone(volume))
    })
  }
  await setState('resumeVm', 'running')
  await context.change(progress, 'writeSource', source.name, () => {
    const frozen = structuredClone(daemon.vmNamed(world, source.vm))
    sourcesIn(world)[source.name] = { ...source, createdAtMs: seam.nowMs(), frozen }
  })
  return ended
}

const ended: Freezing = { ends: Promise.resolve() }

async function startFork(context: FakeContext, progress: Progress, fork: ForkedVm): Promise<void> {
  const { world, seam } = context
  const source = await context.look(
    progress,
    'lookupSource',
    fork.source,
    () => sourcesIn(world)[fork.source],
  )
  if (source === undefined)
    throw new ProvisionError('fork.failed', { message: `There is no source ${fork.source} of forks.` })
  if (world.vms[fork.name] !== undefined)
    throw new ProvisionError('vm.exists', { message: `There is a machine ${fork.name} already.` })
  for (const volume of fork.mark.volumes.filter(({ role }) => role !== 'seed')) {
    const base = { pool: source.pool, name: frozenVolume(source.name, volume.device) }
    await context.change(progress, 'createOverlay', volume.name, () => {
      const found = daemon.volumeAt(world, base)
      if (found === undefined) throw daemon.refuse(`create ${volume.name}: its base ${base.name} is gone`)
      if (daemon.volumeAt(world, volume) !== undefined) daemon.deleteVolume(world, volume)
      const backingPath = daemon.pathOf(daemon.poolNamed(world, base.pool), base)
      daemon.createVolume(world, volume, { ...structuredClone(found), allocationBytes: 0, backingPath })
    })
  }
  await context.change(progress, 'restoreVm', fork.name, () => {
    const { frozen } = source
    daemon.defineVm(world, {
      ...createFakeVm(fork.name),
      ...structuredClone(frozen),
      name: fork.name,
      id: fork.id,
      mark: structuredClone(fork.mark),
      state: 'running',
      startedAtMs: Math.min(frozen.startedAtMs, seam.nowMs()),
      snapshots: [],
      currentSnapshot: undefined,
      interfaces: frozen.interfaces.map((nic, index) => ({ ...nic, mac: fork.macs[index] ?? nic.mac })),
      disks: frozen.disks.map((disk) => {
        const own = fork.mark.volumes.find(({ device }) => device === disk.device)
        if (own === undefined) return disk
        return { ...disk, path: daemon.pathOf(daemon.poolNamed(world, own.pool), own) }
      }),
    })
  })
}

async function removeSource(context: FakeContext, progress: Progress, name: string): Promise<void> {
  const { world } = context
  const source = await context.look(progress, 'lookupSource', name, () => sourcesIn(world)[name])
  if (source === undefined) return
  const { dependents } = observed(world, source)
  if (dependents.length > 0)
    throw new ProvisionError('disk.in-use', {
      message: `Could not remove source ${name}: ${dependents.join(', ')} rest on it.`,
      details: { dependents },
    })
  for (const { device } of source.frozen.disks) {
    const ref = { pool: source.pool, name: frozenVolume(name, device) }
    if (daemon.volumeAt(world, ref) === undefined) continue
    await context.change(progress, 'removeFrozen', ref.name, () => daemon.deleteVolume(world, ref))
  }
  await context.change(progress, 'removeSource', name, () => void delete sourcesIn(world)[name])
}
