import type { BridgeDefinition } from '../../../../host/bridges.ts'
import { byHand, type PresentFacts } from '../by-hand.ts'
import type { ManagerPlan } from '../plan-change.ts'

/** Nothing runs the interface: the bridge is there until the host is restarted, and so is the trial. */
export function iproutePlan(facts: PresentFacts, bridge: BridgeDefinition): ManagerPlan {
  const { make, undo } = byHand(facts, bridge)
  return { files: [], apply: make, commit: [], restore: undo }
}
