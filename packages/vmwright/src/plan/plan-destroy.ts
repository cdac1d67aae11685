import type { ObservedHost, VolumeRef } from '../hypervisor/contract.ts'
import type { InstanceSpec } from '../spec/resolved.ts'
import { PlanBuilder } from './builder.ts'
import { addRestarts } from './clone-endings.ts'
import { addCloneRemovals } from './clone-removal.ts'
import { snapshotVolumeName } from './naming.ts'
import { blockedChange, placementFindings } from './place-changes.ts'
import type { Change, DestroyRequest, Plan, PlanInput } from './plan.ts'
import { awayOf, goesWith, insideOf } from './nested.ts'
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
 * of the project go with its last machine on a host. What is inside of a guest that goes, goes with it (G9). Pure.
 */
export function planDestroy(given: PlanInput, request: DestroyRequest): Plan {
  const builder = new PlanBuilder()
  const input = withoutInside(given, request)
  const changes = input.instances.flatMap((instance): readonly Change[] => {
    const nested = nestedChange(given, instance, request)
    if (nested !== undefined) return [nested]
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
    const inside = insideOf(input.spec, instance.name)
    const disks = request.disks === 'delete' ? 'with its disks' : 'its disks stay'
    return change('destroy', inside.length === 0 ? disks : `${disks}, with ${inside.join(', ')} inside of it`)
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

/** Without the hosts on which nothing is to be done, because they are guests that go or do not exist. */
function withoutInside(input: PlanInput, { adopt }: DestroyRequest): PlanInput {
  const isLeft = ([host]: readonly [string, unknown]): boolean =>
    goesWith(input, host, adopt) === undefined && awayAt(input, host)?.is !== 'absent'
  return {
    ...input,
    hosts: new Map([...input.hosts].filter(isLeft)),
    unreachable: new Map([...input.unreachable].filter(isLeft)),
  }
}

/** What happens to an instance on a host that is a guest, as far as it happens to the guest. */
function nestedChange(
  input: PlanInput,
  { name, host }: InstanceSpec,
  { adopt, disks }: DestroyRequest,
): Change | undefined {
  const change = (action: Change['action'], reason: string): Change => ({
    instance: name,
    host,
    action,
    reason,
    fields: [],
  })
  const outer = goesWith(input, host, adopt)
  if (outer !== undefined)
    return disks === 'delete'
      ? change('destroy', `with ${outer}, inside of which it is`)
      : change('none', `it stays on the disk of ${outer}`)
  const away = awayAt(input, host)
  if (away === undefined) return undefined
  return away.is === 'absent'
    ? change('none', `its host ${host} is the guest ${away.guest}, which does not exist`)
    : change('blocked', `its host ${host} is the guest ${away.guest}, which is off`)
}

const awayAt = (input: PlanInput, host: string) =>
  awayOf({ ...input, observed: (name) => input.hosts.get(name)?.observed }, host)

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
