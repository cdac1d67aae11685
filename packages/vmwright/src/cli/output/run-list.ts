import type { LifecycleRun } from '@vmwright/contract'
import { formatDuration } from '../../lib/units.ts'
import type { StoredRun } from '../../results/read.ts'
import { formatTable } from './table.ts'

/** Runs in the folders of results, one a line. Pure. */
export function renderRunList(runs: readonly StoredRun[], folders: readonly string[]): string {
  if (runs.length === 0) return `No runs in ${folders.join(', ')}.\n`
  const rows = runs.map(({ id, content }) =>
    content.kind === 'unreadable'
      ? [id, '-', 'unreadable', '-', content.because]
      : [
          id,
          `${new Date(content.run.startedAtMs).toISOString().slice(0, 19).replace('T', ' ')}`,
          content.run.outcome,
          formatDuration(content.run.durationMs),
          guestsText(content.run),
        ],
  )
  return formatTable(['RUN', 'STARTED (UTC)', 'OUTCOME', 'TIME', 'GUESTS'], rows)
}

/** `4: 3 passed, 1 failed`; those that failed by name while they are few. */
function guestsText({ guests }: LifecycleRun): string {
  const failed = guests.filter(({ outcome }) => outcome === 'failed').map(({ name }) => name)
  if (failed.length === 0) return String(guests.length)
  const names = failed.slice(0, 3).join(', ')
  return `${guests.length}, failed: ${names}${failed.length > 3 ? ` and ${failed.length - 3} more` : ''}`
}
