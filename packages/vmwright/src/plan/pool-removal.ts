import type { ObservedPool, ObservedVm } from '../hypervisor/contract.ts'
import type { PoolSpec } from '../spec/resolved-places.ts'
import type { PlanBuilder } from './builder.ts'
import { imagePoolName, poolDefinition } from './naming.ts'
import type { Change, HostFacts, PlanInput } from './plan.ts'
import { isNamedAfter } from './removal.ts'
import { volumeAt } from './volume-index.ts'

/**
 * Removes pools that were made for machines of the spec, once all of these are removed with their disks and nothing
 * of anybody else is in them. Call it last: it waits for the steps that empty the pool.
 */
export function addPoolRemovals(input: PlanInput, builder: PlanBuilder, changes: readonly Change[]): void {
  for (const [host, facts] of input.hosts) {
    for (const pool of input.spec.pools) {
      const made = poolDefinition(pool)
      if (made === undefined || pool.name === imagePoolName) continue
      const there = facts.observed.pools.find(({ name, path }) => name === made.name && path === made.path)
      if (there === undefined || !there.isOurs) continue
      const users = usersOf(input, host, pool)
      const going = new Set(
        changes
          .filter(({ action }) => action !== 'keep-foreign' && action !== 'blocked')
          .map(({ instance }) => instance),
      )
      const staying = new Set(facts.observed.vms.map(({ name }) => name))
      const areGone = users.every((name) => going.has(name) || !staying.has(name))
      if (users.length === 0 || !areGone) continue
      // What is on a share is not the pool's.
      const isFree =
        pool.kind === 'netfs' ? !isUsed(there, facts, going) : isEmptied(there, facts, builder, users)
      if (!isFree) continue
      const after = builder.steps.filter((step) => step.host === host).map((step) => step.id)
      builder.add(
        'remove-pool',
        { host },
        { pool: made },
        {
          title: `remove storage pool ${pool.name}`,
          reason:
            pool.kind === 'netfs'
              ? 'it was made for these machines; what is on the share stays'
              : 'it was made for these machines and is empty then',
          detail: pool.name,
          after,
        },
      )
    }
  }
}

const usersOf = ({ spec }: PlanInput, host: string, pool: PoolSpec): readonly string[] =>
  spec.instances
    .filter((instance) => instance.host === host && instance.pool === pool.id)
    .map((instance) => instance.name)

/** A machine that stays has a disk in the pool. */
const isUsed = (pool: ObservedPool, { observed }: HostFacts, going: ReadonlySet<string>): boolean =>
  observed.vms.some(
    (vm) => !going.has(vm.name) && vm.disks.some(({ path }) => volumeAt(observed, path)?.pool === pool.name),
  )

/** Every volume in the pool is deleted by a step, or goes with a snapshot that is. */
function isEmptied(
  pool: ObservedPool,
  { observed }: HostFacts,
  builder: PlanBuilder,
  users: readonly string[],
): boolean {
  const deleted = new Set(
    builder.steps.flatMap((step) =>
      step.kind === 'delete-volume' && step.host === observed.host && step.volume.pool === pool.name
        ? [step.volume.name]
        : [],
    ),
  )
  const machines = observed.vms.filter((vm) => users.includes(vm.name))
  return pool.volumes.every(({ name }) => deleted.has(name) || machines.some((vm) => isOfSnapshot(name, vm)))
}

const isOfSnapshot = (volume: string, { name, snapshots }: ObservedVm): boolean =>
  isNamedAfter(volume, name) && snapshots.some((snapshot) => volume.includes(snapshot))
