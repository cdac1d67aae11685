import type { ObservedHost, ObservedVm } from '../hypervisor/contract.ts'
import type { ResolvedSpec } from '../spec/resolved.ts'

/** On which hosts the machines of a project are. */
export interface Whereabouts {
  /** Hosts that have a machine of that name of this project, the one that is furthest made first. */
  of(name: string): readonly string[]
}

/** Pure. */
export function whereabouts(spec: ResolvedSpec, observed: ReadonlyMap<string, ObservedHost>): Whereabouts {
  const order = new Map(spec.hosts.map(({ name }, index) => [name, index]))
  const homes = new Map<string, { readonly host: string; readonly rank: number }[]>()
  const inOrder = [...observed].toSorted(([a], [b]) => (order.get(a) ?? 0) - (order.get(b) ?? 0))
  for (const [host, { vms }] of inOrder) {
    for (const vm of vms) {
      if (vm.mark?.project !== spec.project) continue
      const known = homes.get(vm.name) ?? []
      homes.set(vm.name, [...known, { host, rank: rankOf(vm) }])
    }
  }
  const sorted = new Map(
    [...homes].map(([name, each]) => [
      name,
      each.toSorted((a, b) => b.rank - a.rank).map(({ host }) => host),
    ]),
  )
  return { of: (name) => sorted.get(name) ?? [] }
}

const stages = ['creating', 'created', 'provisioned'] as const

const rankOf = ({ mark, state }: ObservedVm): number =>
  stages.indexOf(mark?.stage ?? 'creating') * 2 + (state === 'running' ? 1 : 0)
