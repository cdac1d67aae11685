import type { ObservedVm } from '../hypervisor/contract.ts'
import type { PlanBuilder } from './builder.ts'
import { addEmptyWorkspace } from './clone-endings.ts'
import { overlaysOf } from './overlays.ts'
import type { DestroyRequest, HostFacts, PlanInput } from './plan.ts'
import { disksOf } from './vm-plan.ts'
import type { PooledVolume } from './volume-index.ts'

/**
 * What the removal of a clone may bring with it, to be added between its disks and its definition, whose mark is
 * what a next run knows of an interrupted one: its template is no longer protected once no overlay rests on it, and
 * the workspace of a clone that was never complete is emptied. Returns a function that adds it, and the ids of steps.
 */
export const addCloneRemovals =
  (
    input: PlanInput,
    builder: PlanBuilder,
    facts: HostFacts,
    { mark }: ObservedVm,
    request: Pick<DestroyRequest, 'disks'>,
  ) =>
  (): readonly string[] => {
    if (mark?.image.kind !== 'template' || request.disks === 'keep') return []
    const { workspace, emptyWorkspace } = input.spec.cloning
    const wasInterrupted = mark.stage === 'creating' && workspace !== undefined && emptyWorkspace
    return [
      ...(wasInterrupted ? [addEmptyWorkspace(builder, facts, workspace, [])] : []),
      ...addRelease(input, builder, facts, mark.image.id),
    ]
  }

/** Of several overlays the last one brings it: by then the deletions of the others are in the plan. */
function addRelease(
  { spec, instances }: PlanInput,
  builder: PlanBuilder,
  { observed }: HostFacts,
  id: string,
): readonly string[] {
  const { host } = observed
  const name = spec.templates.find((each) => each.id === id)?.domain
  const domain = observed.vms.find((vm) => vm.name === name)
  if (domain === undefined) return []
  const paths = disksOf(domain).map(({ path }) => path)
  const resting = overlaysOf(observed, paths)
  const mayBeProtected = instances.some(
    ({ host: its, source }) =>
      its === host &&
      source.kind === 'template' &&
      source.clone === 'overlay' &&
      spec.templates.some((each) => each.id === source.id && each.domain === name),
  )
  if (resting.length === 0 && !mayBeProtected) return []
  const deletions = builder.steps.filter((step) => step.kind === 'delete-volume' && step.host === host)
  const deletionOf = (volume: PooledVolume): readonly string[] =>
    deletions.flatMap((step) =>
      step.kind === 'delete-volume' && step.volume.pool === volume.pool && step.volume.name === volume.name
        ? [step.id]
        : [],
    )
  const isLeft = resting.some(
    (volume) => deletionOf(volume).length === 0 && !goesWithSnapshot(volume, observed.vms, builder),
  )
  if (isLeft) return []
  return [
    builder.add(
      'release-template',
      { host },
      { paths },
      {
        title: `let the disks of template ${domain.name} be changed again`,
        reason: 'no clone rests on them any more',
        detail: domain.name,
        after: resting.flatMap(deletionOf),
      },
    ),
  ]
}

/** A volume that is not its machine's current disk, and goes with the snapshot that it belongs to. */
function goesWithSnapshot(
  { path, name }: PooledVolume,
  vms: readonly ObservedVm[],
  builder: PlanBuilder,
): boolean {
  const losing = new Set(
    builder.steps.flatMap((step) => (step.kind === 'delete-snapshot' ? [step.instance ?? ''] : [])),
  )
  return vms.some(
    (vm) =>
      losing.has(vm.name) && name.startsWith(`${vm.name}.`) && !vm.disks.some((disk) => disk.path === path),
  )
}
