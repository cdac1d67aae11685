import { type HostItem, itemName } from '../hypervisor/host/items.ts'
import type { Finding, Plan, ResourceChange, Step } from '../plan/plan.ts'
import { itemFindings, virtualisationFindings } from './findings.ts'
import type { HostState, ItemCheck } from './host-state.ts'
import { virtualisationVerdict } from './virtualisation.ts'

/** A part of a host's plan. */
export interface HostPlan {
  readonly steps: readonly Step[]
  readonly resources: readonly ResourceChange[]
  readonly findings: readonly Finding[]
}

/** K2: what makes hosts be as they should. Pure. */
export const planPrepare = (project: string, hosts: readonly HostState[]): Plan =>
  withParts(emptyPlan(project), hosts.map(planHost))

/** The plan, and what others plan for the same hosts. Pure. */
export const withParts = (plan: Plan, parts: readonly HostPlan[]): Plan => ({
  ...plan,
  resources: [...plan.resources, ...parts.flatMap(({ resources }) => resources)],
  steps: [...plan.steps, ...parts.flatMap(({ steps }) => steps)],
  findings: [...plan.findings, ...parts.flatMap(({ findings }) => findings)],
})

export const emptyPlan = (project: string): Plan => ({
  project,
  stage: 'full',
  changes: [],
  resources: [],
  steps: [],
  findings: [],
  templates: [],
})

function planHost(state: HostState): HostPlan {
  const { spec, report } = state
  const isBlocked = ({ whyNot }: ItemCheck): boolean => whyNot !== undefined
  const missing = state.items.filter(({ isSo }) => !isSo)
  const wanted = missing.filter((check) => !isBlocked(check))
  const id = (item: HostItem): string => `${spec.name}/${itemName(item)}`
  // Packages bring the groups, services and files that the others are about.
  const packages = wanted.filter(({ item, weight }) => item.kind === 'package' && weight === 'required')
  const lines = wanted.filter(({ item }) => item.kind === 'config-line')
  const before = (item: HostItem): readonly ItemCheck[] =>
    item.kind === 'package' || item.kind === 'sysctl' || item.kind === 'kernel-module'
      ? []
      : item.kind === 'service'
        ? [...packages, ...lines]
        : packages
  const trial = { kind: 'none', why: 'that is what `vmwright host check` does' } as const
  return {
    steps: wanted.map(({ item, reason }) => ({
      kind: 'change-item',
      id: id(item),
      host: spec.name,
      title: changeTitle(item),
      reason,
      after: before(item).map((check) => id(check.item)),
      item,
    })),
    resources: missing.map((check) => ({
      kind: 'host-item',
      name: itemName(check.item),
      host: spec.name,
      action: isBlocked(check) ? 'blocked' : 'update',
      reason: check.whyNot ?? check.reason,
      fields: isBlocked(check)
        ? []
        : [{ field: 'state', from: check.now, to: wantedState(check.item), how: 'in-place' }],
    })),
    findings: [
      ...itemFindings(state),
      ...virtualisationFindings(state, virtualisationVerdict(report.facts, trial), 'prepare'),
    ],
  }
}

export function changeTitle(item: HostItem): string {
  switch (item.kind) {
    case 'package':
      return `install package ${item.name}`
    case 'service':
      return `start service ${item.name}, now and with the host`
    case 'sysctl':
      return `set ${item.name} to ${item.value}, now and with the host`
    case 'config-line':
      return `set ${item.key} to ${item.value} in ${item.path}`
    case 'kernel-module':
      return `load kernel module ${item.name}, now and with the host`
    case 'group-member':
      return `put user ${item.user} into group ${item.group}`
  }
}

export function wantedState(item: HostItem): string {
  switch (item.kind) {
    case 'package':
      return 'installed'
    case 'service':
      return 'running'
    case 'sysctl':
    case 'config-line':
      return item.value
    case 'kernel-module':
      return 'loaded'
    case 'group-member':
      return 'member'
  }
}
