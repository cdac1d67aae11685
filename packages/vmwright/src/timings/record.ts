/**
 * One step of a run with the time it took. The names and the order of the first eight columns are those that the
 * benchmark tables of older systems have, so that what reads those reads these.
 */
export interface TimingRecord {
  /** Title of the step. Titles have no secrets. */
  readonly task_name: string
  readonly status: TimingStatus
  readonly duration_seconds: number
  readonly host: string
  readonly stage: string
  /** The command: `apply`, `destroy`. */
  readonly play_name: string
  /** Id of the step. */
  readonly task_path: string
  /** Kind of the step. */
  readonly task_action: string
  /** Empty for a step of the host. */
  readonly instance: string
  /** Seconds from the start of the run to that of the step. */
  readonly start_seconds: number
}

/** `skipped`: never started. `cancelled`: interrupted. `unreachable`: failed because its host does not answer. */
export type TimingStatus = 'ok' | 'failed' | 'unreachable' | 'skipped' | 'cancelled'

export const columns = [
  'task_name',
  'status',
  'duration_seconds',
  'host',
  'stage',
  'play_name',
  'task_path',
  'task_action',
  'instance',
  'start_seconds',
] as const satisfies readonly (keyof TimingRecord)[]

/** One line with its end. Keys are sorted. */
export const toJsonLine = (record: TimingRecord): string =>
  `${JSON.stringify(Object.fromEntries(columns.toSorted().map((column) => [column, record[column]])))}\n`

export const csvHeader = `${columns.join(',')}\n`

export const toCsvLine = (record: TimingRecord): string =>
  `${columns.map((column) => csvCell(record[column])).join(',')}\n`

/** Cells by RFC 4180; seconds with six decimals. */
function csvCell(value: string | number): string {
  const text = typeof value === 'number' ? value.toFixed(6) : value
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

/** Milliseconds → seconds with six decimals, never less than none: a clock that is set back makes no negative time. */
export const secondsOf = (ms: number): number => Math.round(Math.max(0, ms) * 1000) / 1_000_000
