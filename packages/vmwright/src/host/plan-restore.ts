import { type HostChange, type HostItem, itemName } from '../hypervisor/host/items.ts'
import type { Plan, ResourceChange, Step } from '../plan/plan.ts'
import { emptyPlan, type HostPlan, withParts } from './plan-prepare.ts'

export interface RecordedChanges {
  readonly host: string
  /** Latest first. */
  readonly changes: readonly HostChange[]
  /** Machines on the host, which would lose their hypervisor. */
  readonly machines: readonly string[]
  /** Ids of the steps that take its bridges back. */
  readonly bridges: readonly string[]
}

/**
 * Takes back what is on record, latest first, one after the other: what came last stands on what came before. Bridges
 * go before all of it; where one stays, so do the packages and services that run it. Pure.
 */
export const planRestore = (project: string, hosts: readonly RecordedChanges[]): Plan =>
  withParts(emptyPlan(project), hosts.map(planHost))

function planHost({ host, changes, machines, bridges }: RecordedChanges): HostPlan {
  const id = (item: HostItem): string => `${host}/${itemName(item)}`
  const needsThem = changes.some(({ item }) => item.kind === 'package' || item.kind === 'service')
  return {
    steps: changes.map((change, index): Step => {
      const previous = changes[index - 1]
      return {
        kind: 'restore-item',
        id: id(change.item),
        host,
        title: restoreTitle(change),
        reason: 'it is on record as changed by vmwright',
        after: previous === undefined ? bridges : [id(previous.item)],
        ...(bridges.length === 0 && { evenAfterFailure: true }),
        change,
      }
    }),
    resources: changes.map((change): ResourceChange => ({
      kind: 'host-item',
      name: itemName(change.item),
      host,
      action: 'restore',
      reason: 'it is on record as changed by vmwright',
      fields: [],
    })),
    findings:
      needsThem && machines.length > 0
        ? [
            {
              severity: 'error',
              code: 'host.change-failed',
              object: `host ${host}`,
              message: `There are machines on the host, which would lose their hypervisor: ${machines.slice(0, 5).join(', ')}${machines.length > 5 ? ' and others' : ''}.`,
              hint: 'Remove them first: `vmwright destroy --disks` for those of a spec, `virsh undefine` for others.',
            },
          ]
        : [],
  }
}

function restoreTitle({ item, before }: HostChange): string {
  switch (item.kind) {
    case 'package': {
      const count = (before['pulled'] ?? '').split('\n').filter((name) => name !== '').length
      return `remove package ${item.name}${count === 0 ? '' : `, and of the ${count} that came with it those that nothing needs`}`
    }
    case 'service':
      return `stop service ${item.name}, and start it with the host no more, where it was so before`
    case 'sysctl':
      return `set ${item.name} back to ${(before['value'] ?? '').trim()}`
    case 'config-line':
      return before['state'] === 'line'
        ? `set ${item.key} in ${item.path} back to what it was`
        : `take ${item.key} out of ${item.path}`
    case 'kernel-module':
      return `${before['loaded'] === 'no' ? 'unload' : 'stop loading'} kernel module ${item.name}${before['loaded'] === 'no' ? '' : ' with the host'}`
    case 'group-member':
      return `take user ${item.user} out of group ${item.group}`
  }
}
