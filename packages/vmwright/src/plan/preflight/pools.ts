import type { PoolDefinition } from '../../hypervisor/contract.ts'
import type { InstanceSpec } from '../../spec/resolved.ts'
import { imagePool, poolDefinition } from '../naming.ts'
import type { Finding, HostFacts, PlanInput } from '../plan.ts'
import { finding, list } from './finding.ts'

/** Pools that are missing, inactive, at another path than the spec says, or at that of another pool. */
export function poolFindings(
  input: PlanInput,
  facts: HostFacts,
  instances: readonly InstanceSpec[],
): readonly Finding[] {
  const { observed, spec } = facts
  const host = `host ${spec.name}`
  const used = input.spec.pools.filter((pool) => instances.some((instance) => instance.pool === pool.id))
  const problem = (message: string, hint: string): Finding =>
    finding('error', 'pool.not-found', host, message, hint)
  const at = (name: string) => observed.pools.find((candidate) => candidate.name === name)
  const elsewhere = (name: string, path: string, hint: string): readonly Finding[] => {
    const there = at(name)?.path
    return there === undefined || there === path
      ? []
      : [problem(`The storage pool ${name} is at ${there}, not at ${path}.`, hint)]
  }

  const shared = ({ name, path }: PoolDefinition): readonly Finding[] => {
    const holder = observed.pools.find((other) => other.path === path)
    return holder === undefined
      ? []
      : [
          problem(
            `The storage pool ${name} would be at ${path}, which the pool ${holder.name} has.`,
            `Use that one: \`use: ${holder.name}\`, or give another path.`,
          ),
        ]
  }

  const images = imagePool(spec)
  return [
    ...(instances.length === 0
      ? []
      : elsewhere(
          images.name,
          images.path,
          `Set \`imageCache\` of the host to the path that it has, or remove the pool: virsh pool-destroy and pool-undefine ${images.name}`,
        )),
    ...used.flatMap((pool) => {
      const there = at(pool.name)
      const made = poolDefinition(pool)
      if (made !== undefined) {
        const hint = `Give the pool \`${pool.id}\` another name in the spec, or the path that it has.`
        return there === undefined ? shared(made) : elsewhere(made.name, made.path, hint)
      }
      if (there === undefined) {
        const existing = list(observed.pools.map((candidate) => candidate.name))
        return [
          problem(
            `There is no storage pool ${pool.name} on the host.`,
            `Pools that exist: ${existing}. Or give the pool a \`path\`.`,
          ),
        ]
      }
      return there.active
        ? []
        : [problem(`The storage pool ${pool.name} is not active.`, `Start it: virsh pool-start ${pool.name}`)]
    }),
  ]
}
