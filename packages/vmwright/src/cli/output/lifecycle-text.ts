import type { GuestRun, LifecycleRun } from '@vmwright/contract'
import { join, relative } from 'node:path'
import pc from 'picocolors'
import { formatDuration } from '../../lib/units.ts'
import { reportName } from '../../results/files.ts'
import { cacheOf, elapsedOf, failedActionOf } from '../../results/guest-facts.ts'
import { formatTable } from './table.ts'

export interface LifecycleTextOptions {
  /** Of the run, absolute. */
  readonly folder: string
  /** Paths below it are shown relative to it. */
  readonly currentDirectory: string
  readonly colors: boolean
}

/**
 * G10. What a person wants to know after a run: each guest with its outcome, whether it came from the cache, its
 * time, what failed and where the log is; then why, and where the report is. Pure.
 */
export function renderLifecycleRun(run: LifecycleRun, options: LifecycleTextOptions): string {
  const paint = pc.createColors(options.colors)
  const shown = (path: string): string => shortPath(join(options.folder, path), options.currentDirectory)
  const isMatrix = run.guests.some(({ platform, target }) => platform !== undefined || target !== undefined)
  const place = ({ platform, target }: GuestRun): readonly string[] =>
    isMatrix ? [platform ?? '-', target ?? '-'] : []
  const rows = run.guests.map((guest) => {
    const log = logOf(guest)
    return [
      guest.name,
      ...place(guest),
      paint[outcomeColors[guest.outcome]](outcomeText[guest.outcome]),
      cacheText(guest),
      guest.actions.length === 0 ? '-' : formatDuration(elapsedOf(guest)),
      failedActionOf(guest)?.action ?? '-',
      log === undefined ? '-' : shown(log),
    ]
  })
  const header = [
    'GUEST',
    ...(isMatrix ? ['PLATFORM', 'TARGET'] : []),
    'OUTCOME',
    'CACHE',
    'TIME',
    'FAILED IN',
    'LOG',
  ]
  const table = run.guests.length === 0 ? 'No guests.\n' : formatTable(header, rows)
  const reasons = reasonsOf(run)
  return [
    table,
    ...(reasons.length === 0 ? [] : [`\n${reasons.map((reason) => `  ${reason}\n`).join('')}`]),
    `\n${summaryOf(run)}\n`,
    // A run that was killed has written none.
    run.outcome === 'unfinished' ? `Folder: ${shown('')}\n` : `Report: ${shown(reportName)}\n`,
  ].join('')
}

const outcomeText = {
  passed: 'passed',
  failed: 'failed',
  cancelled: 'cancelled',
  unfinished: 'unfinished',
  'not-run': 'not run',
} as const satisfies Record<GuestRun['outcome'], string>

const outcomeColors = {
  passed: 'green',
  failed: 'red',
  cancelled: 'yellow',
  unfinished: 'magenta',
  'not-run': 'dim',
} as const satisfies Record<GuestRun['outcome'], string>

/** The layer that it was brought back to. */
const cacheText = (guest: GuestRun): string => cacheOf(guest) ?? '-'

/** That of the failure, otherwise the one of `main`, otherwise the last one. */
const logOf = (guest: GuestRun): string | undefined =>
  failedActionOf(guest)?.log ??
  guest.actions.findLast(({ action, log }) => action === 'main' && log !== undefined)?.log ??
  guest.actions.findLast(({ log }) => log !== undefined)?.log

/** One line for each guest that did not pass, and one for all that share a reason. */
function reasonsOf({ guests }: LifecycleRun): readonly string[] {
  const told = guests
    .filter(({ outcome }) => outcome !== 'passed')
    .flatMap((guest) => {
      const reason = failedActionOf(guest)?.error?.message ?? guest.because
      return reason === undefined ? [] : [{ name: guest.name, reason }]
    })
  return [...Map.groupBy(told, ({ reason }) => reason)].map(
    ([reason, some]) => `${some.map(({ name }) => name).join(', ')}: ${reason}`,
  )
}

function summaryOf(run: LifecycleRun): string {
  const counts = Map.groupBy(run.guests, ({ outcome }) => outcome)
  const parts = (['passed', 'failed', 'cancelled', 'unfinished', 'not-run'] as const).flatMap((outcome) => {
    const some = counts.get(outcome)
    return some === undefined ? [] : [`${some.length} ${outcomeText[outcome]}`]
  })
  return `${run.project}: ${parts.join(', ') || run.outcome} in ${formatDuration(run.durationMs)}`
}

/** Relative where that is no detour. */
function shortPath(path: string, from: string): string {
  const short = relative(from, path)
  return short === '' || short.startsWith('..') ? path : short
}

/** G10. The last line of `--json`, after the events. */
export const lifecycleJsonLine = (run: LifecycleRun, folder: string): string =>
  `${JSON.stringify({ kind: 'result', folder, ...run })}\n`
