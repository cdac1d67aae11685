import { type HostItemState, type HostReport, itemName } from '../hypervisor/host/items.ts'
import type { HostSpec } from '../spec/resolved.ts'
import { desiredItems, type DesiredItem } from './desired.ts'

export interface ItemCheck extends DesiredItem, Pick<HostItemState, 'isSo' | 'now' | 'whyNot'> {}

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
    const state = states.get(itemName(desired.item))
    if (state === undefined) throw new RangeError(`${itemName(desired.item)} was not looked at`)
    const { isSo, now, whyNot } = state
    return { ...desired, isSo, now, whyNot }
  })
  return { spec, report, items }
}
