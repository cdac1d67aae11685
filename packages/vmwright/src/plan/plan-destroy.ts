import type { ObservedHost, VolumeRef } from '../hypervisor/contract.ts'
import { PlanBuilder } from './builder.ts'
import { addRestarts } from './clone-endings.ts'
import { addCloneRemovals } from './clone-removal.ts'
import { snapshotVolumeName } from './naming.ts'
import { blockedChange, placementFindings } from './place-changes.ts'
import type { Change, DestroyRequest, Plan, PlanInput } from './plan.ts'
import { addNetworkRemovals } from './networks/removal.ts'
import { addPoolRemovals } from './pool-removal.ts'
import { addRemoval, namedVolumes } from './removal.ts'
import { poolResources } from './resources.ts'
import { vmPlan, type VmPlan } from './vm-plan.ts'
import { hasVolume, isUsedByOthers } from './volume-index.ts'

/**
 * Removes exactly the declared machines that are ours (C30-C35): absent ones are skipped, foreign ones are left
 * alone unless adopted, disks go only when asked for, cached images never. With disks, files of declared names
 * whose machine no longer exists go too, and pools that were made for them and hold nothing else. Networks and rules
 * of the project go with its last machine on a host. Pure.
 */
export function planDestroy(input: PlanInput, request: DestroyRequest): Plan {
  const builder = new PlanBuilder()
  const changes = input.instances.flatMap((instance): readonly Change[] => {
    const facts = input.hosts.get(instance.host)
    const blocked = blockedChange(input, instance)
    // Without room it does not exist anywhere, but files of it may.
    if (facts === undefined) return blocked === undefined ? [] : [blocked]
    const vm = vmPlan(input.spec, instance, facts.observed)
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
    const beforeUndefine = addCloneRemovals(input, builder, facts, observed, request)
    addRemoval(builder, vm, observed, facts.observed, request.disks, 'destroy', beforeUndefine)
    return change('destroy', request.disks === 'delete' ? 'with its disks' : 'its disks stay')
  })
  for (const facts of input.hosts.values()) addRestarts(input, facts, builder)
  const networks = addNetworkRemovals(input, builder, changes)
  if (request.disks === 'delete') addPoolRemovals(input, builder, changes)
  return {
    project: input.spec.project,
    stage: 'full',
    changes,
    steps: builder.steps,
    findings: [...placementFindings(input, 'warnings'), ...networks.findings],
    resources: [...networks.resources, ...poolResources(input, builder.steps)],
    templates: [],
  }
}

/** Files in the instance's pool that bear exactly the names its parts would have, while no machine uses them. */
function staleVolumes(vm: VmPlan, host: ObservedHost): readonly VolumeRef[] {
  const { instance, disks, pool } = vm
  const snapshot = instance.snapshot?.name
  const overlays =
    snapshot === undefined
      ? []
      : disks.map(({ device }) => ({ pool, name: snapshotVolumeName(instance.name, snapshot, device) }))
  return [...overlays, ...namedVolumes(vm)].filter(
    (volume) => hasVolume(host, volume) && !isUsedByOthers(host, volume, instance.name),
  )
}
