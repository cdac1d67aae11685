import { type HostItemState, type HostReport, itemName } from '../hypervisor/host/items.ts'
import type { HostSpec } from '../spec/resolved.ts'
import { desiredItems, type DesiredItem } from './desired.ts'

export interface ItemCheck extends DesiredItem, Pick<HostItemState, 'isSo' | 'now' | 'whyNot'> {
  /** As messages have it: `sysctl net.ipv4.ip_forward`. */
  readonly name: string
}

/** A host beside what it should be. */
export interface HostState {
  readonly spec: HostSpec
  readonly report: HostReport
  readonly items: readonly ItemCheck[]
}

/** What is desired of the host, each with its state from the report about `candidateItems`. Pure. */
export function hostState(spec: HostSpec, report: HostReport): HostState {
  const states = new Map(report.states.map((state) => [itemName(state.item), state]))
  const items = desiredItems(spec, report.facts).map((desired) => {
    const name = itemName(desired.item)
    const state = states.get(name)
    if (state === undefined) throw new RangeError(`${name} was not looked at`)
    const { isSo, now, whyNot } = state
    return { ...desired, name, isSo, now, whyNot }
  })
  return { spec, report, items }
}
