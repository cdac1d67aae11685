import type { ActionRun, GuestRun } from '@vmwright/contract'

/** From the first action to the end of the last one; 0 when nothing was done. */
export function elapsedOf({ actions }: GuestRun): number {
  if (actions.length === 0) return 0
  const ends = actions.map((action) => action.startedAtMs + action.durationMs)
  return Math.max(...ends) - Math.min(...actions.map((action) => action.startedAtMs))
}

/** What made a guest fail: the first action that did, or that was not let come to its end. */
export const failedActionOf = ({ actions }: GuestRun): ActionRun | undefined =>
  actions.find(({ status }) => status === 'failed') ??
  actions.find(({ status }) => status === 'cancelled' || status === 'unfinished')

/** The furthest layer that the guest was brought back to; `cold`: none. */
export function cacheOf({ actions }: GuestRun): 'init' | 'dependencies' | 'clean' | 'cold' | undefined {
  if (actions.length === 0) return undefined
  const isRestored = (layer: string): boolean =>
    actions.some(({ action, status }) => action === `restore-${layer}` && isDone(status))
  return (['init', 'dependencies', 'clean'] as const).find(isRestored) ?? 'cold'
}

const isDone = (status: ActionRun['status']): boolean => status === 'passed' || status === 'cached'
