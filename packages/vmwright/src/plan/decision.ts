import type { InstanceSpec } from '../spec/resolved.ts'
import type { PlanBuilder } from './builder.ts'
import type { NetworkSteps } from './networks/add-networks.ts'
import type { ApplyRequest, Change, Finding, HostFacts, PlanInput } from './plan.ts'
import type { VmPlan } from './vm-plan.ts'

/** Everything that the planning of one instance may need. */
export interface InstanceContext {
  readonly input: PlanInput
  readonly request: ApplyRequest
  readonly facts: HostFacts
  readonly vm: VmPlan
  readonly builder: PlanBuilder
  /** Its steps that use a network wait for these. */
  readonly networkSteps: NetworkSteps
}

/** Ids of the steps that make, change and open the networks of this machine. */
export const networkStepsOf = ({ vm, networkSteps }: InstanceContext): readonly string[] => {
  const steps = networkSteps.get(vm.instance.host)
  return steps === undefined ? [] : [...new Set(vm.networks)].flatMap((name) => steps.get(name) ?? [])
}

/** What is done about one instance; its steps are in the builder by then. */
export interface Decision {
  readonly vm: VmPlan
  readonly change: Change
  readonly findings: readonly Finding[]
  readonly creates: boolean
  /** It exists and gets a new seed. */
  readonly seeds: boolean
}

export function decision(
  context: InstanceContext,
  action: Change['action'],
  reason: string,
  more: Partial<Omit<Decision, 'vm' | 'change'>> & { fields?: Change['fields'] } = {},
): Decision {
  const { instance } = context.vm
  return {
    vm: context.vm,
    change: { instance: instance.name, host: instance.host, action, reason, fields: more.fields ?? [] },
    findings: more.findings ?? [],
    creates: more.creates ?? false,
    seeds: more.seeds ?? false,
  }
}

export function problem(
  instance: InstanceSpec,
  code: Finding['code'],
  message: string,
  hint?: string,
): Finding {
  return { severity: 'error', code, object: `instance ${instance.name}`, message, hint }
}
