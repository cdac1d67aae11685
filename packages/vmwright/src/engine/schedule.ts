import type { Step } from '../plan/plan.ts'

export type StepState = 'waiting' | 'running' | 'done' | 'failed' | 'skipped'

/** Which steps may start now. Pure: the loop that starts them is in run.ts. */
export interface ScheduleView {
  readonly steps: readonly Step[]
  readonly states: ReadonlyMap<string, StepState>
  /** Steps that may run at once on a host. */
  readonly parallel: (host: string) => number
  /** Disks that may be cloned at once on a host. */
  readonly parallelClones: number
}

/**
 * Steps in plan order whose predecessors are done (or ended, where that is enough), within each host's limits. Plan order keeps the steps of one
 * instance together, so a machine that was begun is finished before the next is begun.
 */
export function startable({ steps, states, parallel, parallelClones }: ScheduleView): readonly Step[] {
  const running = new Map<string, number>()
  const cloning = new Map<string, number>()
  for (const step of steps) {
    if (states.get(step.id) !== 'running') continue
    running.set(step.host, (running.get(step.host) ?? 0) + 1)
    if (step.kind === 'clone-disk') cloning.set(step.host, (cloning.get(step.host) ?? 0) + 1)
  }
  return steps.filter((step) => {
    if (states.get(step.id) !== 'waiting') return false
    if (!step.after.every((id) => isEnough(step, states.get(id)))) return false
    const busy = running.get(step.host) ?? 0
    if (busy >= parallel(step.host)) return false
    if (step.kind === 'clone-disk') {
      const busyClones = cloning.get(step.host) ?? 0
      if (busyClones >= parallelClones) return false
      cloning.set(step.host, busyClones + 1)
    }
    running.set(step.host, busy + 1)
    return true
  })
}

const isEnough = (step: Step, state: StepState | undefined): boolean =>
  state === 'done' || (step.evenAfterFailure === true && (state === 'failed' || state === 'skipped'))

/** Steps that can never start because one they wait for (directly or not) failed or was skipped, with that one's id. */
export function unreachable({
  steps,
  states,
}: Pick<ScheduleView, 'steps' | 'states'>): readonly { readonly step: Step; readonly because: string }[] {
  const blocked = new Map<string, string>()
  for (const step of steps) {
    if (states.get(step.id) !== 'waiting' || step.evenAfterFailure === true) continue
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
