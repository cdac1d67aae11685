import type { ActionRun, GuestRun, LifecycleRun } from '@vmwright/contract'

/** How an action is shown: a colour, and beside it a sign and a word that say the same. */
export type Tone = 'ran' | 'cached' | 'waited' | 'failed' | 'cancelled' | 'unfinished' | 'skipped'

export interface Look {
  readonly sign: string
  readonly word: string
  /** Of shapes in the timeline where no style sheet is allowed, as on a Jenkins of default settings. */
  readonly fill: string
}

export const looks: Readonly<Record<Tone, Look>> = {
  ran: { sign: '✓', word: 'ran', fill: '#2f7d4b' },
  cached: { sign: '↺', word: 'from the cache', fill: '#3d74b8' },
  waited: { sign: '…', word: 'waited', fill: '#6c6f75' },
  failed: { sign: '✗', word: 'failed', fill: '#c43c3c' },
  cancelled: { sign: '■', word: 'cancelled', fill: '#8f6010' },
  unfinished: { sign: '?', word: 'did not finish', fill: '#8a5bb0' },
  skipped: { sign: '–', word: 'left out', fill: '#c8c8c8' },
}

/** Waiting for room on a host, or for a guest to answer. */
const waits: readonly string[] = ['queue', 'connect']

export function toneOf({ action, status }: ActionRun): Tone {
  switch (status) {
    case 'passed':
      if (waits.includes(action)) return 'waited'
      return action.startsWith('restore-') ? 'cached' : 'ran'
    case 'cached':
    case 'skipped':
    case 'failed':
    case 'cancelled':
    case 'unfinished':
      return status
  }
}

export const outcomeWords: Readonly<
  Record<GuestRun['outcome'] | LifecycleRun['outcome'], { readonly sign: string; readonly word: string }>
> = {
  passed: { sign: '✓', word: 'passed' },
  failed: { sign: '✗', word: 'failed' },
  cancelled: { sign: '■', word: 'cancelled' },
  unfinished: { sign: '?', word: 'did not finish' },
  'not-run': { sign: '–', word: 'not run' },
}
