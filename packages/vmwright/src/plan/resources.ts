import type { PlanInput, ResourceChange } from './plan.ts'
import type { Step } from './steps.ts'

/** What a step of a plan is about, when instances share it and the plan tells of it as a resource. */
export function resourceOf(step: Step): Pick<ResourceChange, 'kind' | 'name' | 'host'> | undefined {
  const { host } = step
  switch (step.kind) {
    case 'ensure-network':
    case 'update-network':
    case 'remove-network':
      return { kind: 'network', name: step.network.name, host }
    case 'apply-rules':
      return { kind: 'rules', name: step.rules.network, host }
    case 'remove-rules':
      return { kind: 'rules', name: step.owner.network, host }
    case 'ensure-pool':
    case 'remove-pool':
      return { kind: 'pool', name: step.pool.name, host }
    default:
      return undefined
  }
}

/** Pools are made and removed as a whole, so that their steps say all about them. */
export const poolResources = (input: PlanInput, steps: readonly Step[]): readonly ResourceChange[] =>
  steps.flatMap((step): readonly ResourceChange[] => {
    if (step.kind !== 'ensure-pool' && step.kind !== 'remove-pool') return []
    const { host } = step
    const { name } = step.pool
    const isThere = input.hosts.get(host)?.observed.pools.some((pool) => pool.name === name) === true
    const action = step.kind === 'remove-pool' ? 'remove' : isThere ? 'start' : 'create'
    const reason =
      action === 'start' ? 'it is not active' : action === 'create' ? 'it does not exist' : step.reason
    return [{ kind: 'pool', name, host, action, reason, fields: [] }]
  })
