import { formatAge, formatBytes } from '../lib/units.ts'
import type { LayerName } from './layers.ts'
import type { LayerRow } from './inventory.ts'

export interface RetentionOptions {
  readonly nowMs: number
  /** Everything of this project, also what would be used now. */
  readonly all: boolean
  /** Those that are older. */
  readonly olderThanMs: number | undefined
  /** All but so many of each guest, the newest. */
  readonly keep: number | undefined
  /** The oldest, until the rest takes no more on all hosts together. */
  readonly maxBytes: number | undefined
  /** Of these layers only; empty: of all. */
  readonly layers: readonly LayerName[]
  /** Guests on which a run has begun that has not ended. */
  readonly busy: ReadonlySet<string>
}

export interface RetentionPlan {
  /** In an order in which nothing is removed before what was made on it. */
  readonly remove: readonly JudgedLayer[]
  readonly keep: readonly JudgedLayer[]
  /** Of those whose size is known. */
  readonly freedBytes: number
}

export interface JudgedLayer {
  readonly row: LayerRow
  /** A sentence. */
  readonly because: string
}

/**
 * Decides which layers go. Without a limit these are the outdated ones; with limits, whatever one of them speaks
 * against, current or not. The clean layer that the present spec asks for stays whatever the limits are, since without
 * it a used machine has to be made anew; only `all` removes it. Layers of other projects stay whatever is asked.
 */
export function planRetention(rows: readonly LayerRow[], options: RetentionOptions): RetentionPlan {
  const judged = rows.map((row) => ({ row, verdict: fixedVerdict(row, options) }))
  const open = judged.flatMap(({ row, verdict }) => (verdict === undefined ? [row] : []))
  const byLimits = limitVerdicts(open, rows, options)
  const all = withoutBuried(
    judged.map(({ row, verdict }) => ({
      row,
      ...(verdict ?? byLimits.get(row) ?? stays('It is within the limits.')),
    })),
  )
  const remove = all.filter(({ goes }) => goes).toSorted((a, b) => b.row.createdAtMs - a.row.createdAtMs)
  return {
    remove: remove.map(({ row, because }) => ({ row, because })),
    keep: all.filter(({ goes }) => !goes).map(({ row, because }) => ({ row, because })),
    freedBytes: remove.reduce((sum, { row }) => sum + (row.sizeBytes ?? 0), 0),
  }
}

/** What lies under one that stays stays too. */
const withoutBuried = (all: readonly (Verdict & { readonly row: LayerRow })[]) =>
  all.map((each) => {
    const going = new Set(
      all.flatMap(({ row, goes }) => (goes && row.guest === each.row.guest ? row.snapshot : [])),
    )
    const over = each.row.under.find((name) => !going.has(name))
    return each.goes && over !== undefined
      ? { row: each.row, ...stays(`Its files lie under those of ${over}, which stays.`) }
      : each
  })

interface Verdict {
  readonly goes: boolean
  readonly because: string
}

const stays = (because: string): Verdict => ({ goes: false, because })
const goes = (because: string): Verdict => ({ goes: true, because })

/** `undefined`: it is up to the limits. */
function fixedVerdict(row: LayerRow, options: RetentionOptions): Verdict | undefined {
  if (row.state === 'foreign') return stays(row.because)
  if (options.busy.has(row.guest))
    return stays(`A run has begun on ${row.guest} and not ended; the next run on it ends it.`)
  if (options.layers.length > 0 && !options.layers.includes(row.layer))
    return stays('It is another layer than those that are asked for.')
  if (options.all) return goes('All are asked for.')
  if (row.state === 'unfinished') return stays(`${row.because} Only --all removes it.`)
  if (hasLimits(options))
    return row.state === 'current' && row.layer === 'clean'
      ? stays('The other layers are made on it. Only --all removes it.')
      : undefined
  return row.state === 'outdated' ? goes(row.because) : stays(row.because)
}

const hasLimits = ({ olderThanMs, keep, maxBytes }: RetentionOptions): boolean =>
  olderThanMs !== undefined || keep !== undefined || maxBytes !== undefined

function limitVerdicts(
  open: readonly LayerRow[],
  rows: readonly LayerRow[],
  { nowMs, olderThanMs, keep, maxBytes }: RetentionOptions,
): ReadonlyMap<LayerRow, Verdict> {
  const verdicts = new Map<LayerRow, Verdict>()
  const oldestFirst = open.toSorted((a, b) => a.createdAtMs - b.createdAtMs)
  if (olderThanMs !== undefined)
    for (const row of open)
      if (nowMs - row.createdAtMs > olderThanMs)
        verdicts.set(row, goes(`It is older than ${formatAge(olderThanMs)}.`))
  if (keep !== undefined)
    for (const [guest, own] of Map.groupBy(oldestFirst, (row) => row.guest))
      for (const row of own.slice(0, Math.max(0, own.length - keep)))
        verdicts.set(row, goes(`It is not among the ${keep} newest of ${guest}.`))
  if (maxBytes !== undefined) {
    const own = rows.filter((row) => row.state !== 'foreign' && !verdicts.has(row))
    let total = own.reduce((sum, row) => sum + (row.sizeBytes ?? 0), 0)
    for (const row of oldestFirst) {
      if (total <= maxBytes) break
      if (verdicts.has(row) || (row.sizeBytes ?? 0) === 0) continue
      total -= row.sizeBytes ?? 0
      verdicts.set(row, goes(`All together take more than ${formatBytes(maxBytes)}, and it is the oldest.`))
    }
  }
  return verdicts
}
