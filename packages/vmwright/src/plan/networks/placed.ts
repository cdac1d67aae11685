import type { InstanceSpec, ResolvedSpec } from '../../spec/resolved.ts'

/** A spec is frozen, so what follows from it is worked out once: 50 hosts ask for the same. */
const byHost = new WeakMap<readonly InstanceSpec[], ReadonlyMap<string, readonly InstanceSpec[]>>()

/** The instances that the spec has on a host, also those that are not worked on. */
export const instancesOn = ({ instances }: ResolvedSpec, host: string): readonly InstanceSpec[] =>
  grouped(instances).get(host) ?? []

/** The same for any list of instances that does not change. */
export function grouped(instances: readonly InstanceSpec[]): ReadonlyMap<string, readonly InstanceSpec[]> {
  const known = byHost.get(instances)
  if (known !== undefined) return known
  const groups = Map.groupBy(instances, ({ host }) => host)
  byHost.set(instances, groups)
  return groups
}
