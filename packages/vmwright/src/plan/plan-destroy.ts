import type { ObservedHost, VolumeRef } from '../hypervisor/contract.ts'
import { PlanBuilder } from './builder.ts'
import { snapshotVolumeName, vmPlan } from './naming.ts'
import type { Change, DestroyRequest, Plan, PlanInput, VmPlan } from './plan.ts'
import { addPoolRemovals } from './pool-removal.ts'
import { addRemoval } from './removal.ts'
import { hasVolume, isUsedByOthers } from './volume-index.ts'

/**
 * Removes exactly the declared machines that are ours (C30-C35): absent ones are skipped, foreign ones are left
 * alone unless adopted, disks go only when asked for, cached images never. With disks, files of declared names
 * whose machine no longer exists go too, and pools that were made for them and hold nothing else. Pure.
 */
export function planDestroy(input: PlanInput, request: DestroyRequest): Plan {
  const builder = new PlanBuilder()
  const changes = input.instances.flatMap((instance): readonly Change[] => {
    const facts = input.hosts.get(instance.host)
    if (facts === undefined) return []
    const vm = vmPlan(input.spec, instance)
    const change = (action: Change['action'], reason: string): readonly Change[] => [
      { instance: instance.name, host: instance.host, action, reason, fields: [] },
    ]
    const observed = facts.observed.vms.find((candidate) => candidate.name === instance.name)
    if (observed === undefined) {
      const leftovers = request.disks === 'delete' ? staleVolumes(vm, facts.observed) : []
      for (const volume of leftovers) {
        builder.add(
          'delete-volume',
          { host: instance.host, instance: instance.name },
          { volume },
          {
            title: `delete ${volume.name} from pool ${volume.pool}`,
            reason: 'its machine no longer exists',
            detail: volume.name,
          },
        )
      }
      return leftovers.length > 0
        ? change('remove-leftovers', 'only disk files are left')
        : change('none', 'it does not exist')
    }
    const isOurs = observed.mark?.project === input.spec.project
    if (!isOurs && !request.adopt.has(instance.name)) {
      const owner =
        observed.mark === undefined
          ? 'was not made by vmwright'
          : `belongs to the project ${observed.mark.project}`
      return change('keep-foreign', `it ${owner}; \`--adopt ${instance.name}\` would remove it`)
    }
    addRemoval(builder, vm, observed, facts.observed, request.disks, 'destroy')
    return change('destroy', request.disks === 'delete' ? 'with its disks' : 'its disks stay')
  })
  if (request.disks === 'delete') addPoolRemovals(input, builder, changes)
  return { project: input.spec.project, stage: 'full', changes, steps: builder.steps, findings: [] }
}

/** Files in the instance's pool that bear exactly the names its parts would have, while no machine uses them. */
function staleVolumes(vm: VmPlan, host: ObservedHost): readonly VolumeRef[] {
  const { instance, root, extras, seed } = vm
  const devices = ['vda', ...instance.extraDisks.map((disk) => disk.device)]
  const snapshot = instance.snapshot?.name
  const overlays =
    snapshot === undefined
      ? []
      : devices.map((device) => ({
          pool: root.pool,
          name: snapshotVolumeName(instance.name, snapshot, device),
        }))
  return [...overlays, root, ...extras, seed].filter(
    (volume) => hasVolume(host, volume) && !isUsedByOthers(host, volume, instance.name),
  )
}
