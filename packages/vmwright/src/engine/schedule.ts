import type { Step } from '../plan/plan.ts'

export type StepState = 'waiting' | 'running' | 'done' | 'failed' | 'skipped'

/** Which steps may start now. Pure: the loop that starts them is in run.ts. */
export interface ScheduleView {
  readonly steps: readonly Step[]
  readonly states: ReadonlyMap<string, StepState>
  /** Steps that may run at once on a host. */
  readonly parallel: (host: string) => number
}

/**
 * Steps in plan order whose predecessors are done, within each host's limit. Plan order keeps the steps of one
 * instance together, so a machine that was begun is finished before the next is begun.
 */
export function startable({ steps, states, parallel }: ScheduleView): readonly Step[] {
  const running = new Map<string, number>()
  for (const step of steps) {
    if (states.get(step.id) === 'running') running.set(step.host, (running.get(step.host) ?? 0) + 1)
  }
  return steps.filter((step) => {
    if (states.get(step.id) !== 'waiting') return false
    if (!step.after.every((id) => states.get(id) === 'done')) return false
    const busy = running.get(step.host) ?? 0
    if (busy >= parallel(step.host)) return false
    running.set(step.host, busy + 1)
    return true
  })
}

/** Steps that can never start because one they wait for (directly or not) failed or was skipped, with that one's id. */
export function unreachable({
  steps,
  states,
}: Pick<ScheduleView, 'steps' | 'states'>): readonly { readonly step: Step; readonly because: string }[] {
  const blocked = new Map<string, string>()
  for (const step of steps) {
    if (states.get(step.id) !== 'waiting') continue
    for (const id of step.after) {
      const state = states.get(id)
      const because = state === 'failed' || state === 'skipped' ? id : blocked.get(id)
      if (because !== undefined) {
        blocked.set(step.id, because)
        break
      }
    }
  }
  return steps.flatMap((step) => {
    const because = blocked.get(step.id)
    return because === undefined ? [] : [{ step, because }]
  })
}
