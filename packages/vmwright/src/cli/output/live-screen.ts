import { stripVTControlCharacters } from 'node:util'
import pc from 'picocolors'
import { formatBytes, formatDuration } from '../../lib/units.ts'
import {
  type Amount,
  isOver,
  type LiveState,
  statusOf,
  type StepView,
  type Subject,
  type SubjectStatus,
} from './live-state.ts'

export interface ScreenOptions {
  readonly columns: number
  readonly rows: number
  readonly nowMs: number
  readonly colors: boolean
}

const spinner = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏']
const spinnerMs = 200
/** Without a report for so long, the rate shown would be a lie. */
const stalledMs = 5_000

/**
 * The lines of the live view, none wider than the terminal and fewer than it has rows. When not all fit, those that
 * run or failed are shown and the rest is counted in the last line. Pure.
 */
export function renderLive(state: LiveState, options: ScreenOptions): readonly string[] {
  const paint = pc.createColors(options.colors)
  const { columns, nowMs } = options
  if (state.title === '') {
    if (state.phase === undefined) return []
    const { what, sinceMs } = state.phase
    return [fit(`${paint.cyan(frame(nowMs))} ${clean(what)} ${paint.dim(clock(nowMs - sinceMs))}`, columns)]
  }
  const rows = [...state.subjects.values()].map((subject) => ({ subject, status: statusOf(subject) }))
  const room = Math.max(1, options.rows - 2)
  const shown = choose(rows, room)
  const nameWidth = Math.min(
    24,
    Math.max(8, Math.floor(columns / 4)),
    Math.max(...shown.map(({ subject }) => subject.label.length), 0),
  )
  return [
    ...shown.map(({ subject, status }) =>
      fit(
        [
          symbol(status, nowMs, paint),
          fit(subject.label, nameWidth).padEnd(nameWidth),
          paint.dim(timeOf(subject, status, nowMs).padStart(6)),
          textOf(subject, status, state, nowMs, paint),
        ].join(' '),
        columns,
      ),
    ),
    fit(paint.dim(summary(state, rows, shown.length, nowMs)), columns),
  ]
}

interface Row {
  readonly subject: Subject
  readonly status: SubjectStatus
}

/** As many as there is room for, the most telling ones, in their own order. */
function choose(rows: readonly Row[], room: number): readonly Row[] {
  if (rows.length <= room) return rows
  const weight: Readonly<Record<SubjectStatus, number>> = {
    failed: 0,
    running: 1,
    waiting: 2,
    done: 3,
    skipped: 4,
  }
  const best = rows.toSorted((a, b) => weight[a.status] - weight[b.status]).slice(0, room)
  const kept = new Set(best)
  return rows.filter((row) => kept.has(row))
}

type Paint = ReturnType<typeof pc.createColors>

function symbol(status: SubjectStatus, nowMs: number, paint: Paint): string {
  switch (status) {
    case 'running':
      return paint.cyan(frame(nowMs))
    case 'done':
      return paint.green('✓')
    case 'failed':
      return paint.red('✗')
    case 'skipped':
      return paint.dim('-')
    case 'waiting':
      return paint.dim('·')
  }
}

/** Of a running one: how long its present step takes. Of a finished one: all its steps. */
function timeOf(subject: Subject, status: SubjectStatus, nowMs: number): string {
  const started = subject.steps.filter((step) => step.startedMs > 0)
  if (started.length === 0) return ''
  if (status === 'running') return clock(nowMs - (current(subject)?.startedMs ?? nowMs))
  const from = Math.min(...started.map((step) => step.startedMs))
  const to = Math.max(...started.map((step) => step.endedMs))
  return formatDuration(Math.max(0, to - from))
}

function textOf(
  subject: Subject,
  status: SubjectStatus,
  state: LiveState,
  nowMs: number,
  paint: Paint,
): string {
  switch (status) {
    case 'running':
      return runningText(subject, nowMs, paint)
    case 'done':
      return subject.kind === 'shared' ? clean(subject.steps[0]?.title ?? '') : 'done'
    case 'failed': {
      const failed = subject.steps.find((step) => step.status === 'failed')
      return `${clean(failed?.title ?? '')}: ${paint.red(clean(failed?.message ?? ''))}`
    }
    case 'skipped': {
      const cancelled = subject.steps.find((step) => step.message !== undefined)
      return paint.dim(cancelled === undefined ? 'skipped' : `${clean(cancelled.title)}: cancelled`)
    }
    case 'waiting':
      return paint.dim(waitingText(subject, state))
  }
}

/** The oldest of those that run: it is what the others of the machine will wait for. */
const current = (subject: Subject): StepView | undefined =>
  subject.steps
    .filter((step) => step.status === 'running')
    .toSorted((a, b) => a.startedMs - b.startedMs)
    .at(0)

function runningText(subject: Subject, nowMs: number, paint: Paint): string {
  const step = current(subject)
  if (step === undefined) return ''
  const others = subject.steps.filter((each) => each.status === 'running').length - 1
  const more = others > 0 ? paint.dim(` (+${others})`) : ''
  const amount = step.amount === undefined ? '' : ` ${amountText(step.amount, nowMs)}`
  const output = subject.output === undefined ? '' : paint.dim(` │ ${clean(subject.output)}`)
  return `${presentText(step)}${amount}${more}${output}`
}

/** What it waits for says more than its name, and a narrow terminal has room for one of the two, or for one word more. */
function presentText({ title, what }: StepView): string {
  if (what === undefined) return clean(title)
  return /\s/.test(title) ? clean(what) : `${clean(title)}: ${clean(what)}`
}

/** `120 MiB of 300 MiB (40%), 12 MiB/s, 15s left` */
export function amountText({ done, total, unit, rate, atMs }: Amount, nowMs: number): string {
  const show = (value: number): string => (unit === 'bytes' ? formatBytes(value) : String(value))
  const parts = [
    total === undefined
      ? show(done)
      : `${show(done)} of ${show(total)} (${total === 0 ? 100 : Math.floor((done / total) * 100)}%)`,
  ]
  if (unit === 'bytes' && (total === undefined || done < total)) {
    if (nowMs - atMs > stalledMs) parts.push(`nothing for ${clock(nowMs - atMs)}`)
    else if (rate !== undefined && rate >= 1) {
      parts.push(`${formatBytes(rate)}/s`)
      if (total !== undefined) parts.push(`${clock(((total - done) / rate) * 1000)} left`)
    }
  }
  return parts.join(', ')
}

function waitingText(subject: Subject, state: LiveState): string {
  if (subject.steps.some(isOver)) {
    const next = subject.steps.find((step) => step.status === 'waiting')
    if (next !== undefined) return `next: ${clean(next.title)}`
  }
  for (const id of subject.steps[0]?.after ?? []) {
    const before = state.steps.get(id)
    const step = state.subjects.get(before?.subject ?? '')?.steps.find((each) => each.id === id)
    if (before !== undefined && step !== undefined && !isOver(step)) return `after: ${clean(before.title)}`
  }
  return 'waits for its turn'
}

function summary(state: LiveState, rows: readonly Row[], shown: number, nowMs: number): string {
  const machines = rows.filter(({ subject }) => subject.kind === 'instance')
  const count = (status: SubjectStatus): number => machines.filter((row) => row.status === status).length
  const counts = (['failed', 'running', 'waiting', 'done', 'skipped'] as const).flatMap((status) =>
    count(status) > 0 ? [`${count(status)} ${status}`] : [],
  )
  return [
    `${state.title} ${clock(nowMs - state.startedMs)}`,
    `${state.finishedSteps} of ${state.steps.size} steps`,
    ...(counts.length > 0 ? [counts.join(', ')] : []),
    ...(rows.length > shown ? [`${rows.length - shown} not shown`] : []),
  ].join(' · ')
}

const frame = (nowMs: number): string => spinner[Math.floor(nowMs / spinnerMs) % spinner.length] ?? ''

/** Whole seconds: 4_200 → `4s`, 93_000 → `1m33s`. */
const clock = (ms: number): string => formatDuration(Math.max(1000, Math.floor(ms / 1000) * 1000))

/** Text from hosts and guests may hold anything; a control character would break the picture, or worse. */
const clean = (text: string): string =>
  stripVTControlCharacters(text)
    .replaceAll(/[\p{Cc}\s]+/gu, ' ')
    .trim()

/** Cut to a width, colours not counted, with an ellipsis where something is missing. */
export function fit(text: string, width: number): string {
  if (stripVTControlCharacters(text).length <= width) return text
  let left = Math.max(0, width - 1)
  const kept = text.replaceAll(colorOrText, (part) => {
    if (part.startsWith('\u001b')) return part
    const piece = part.slice(0, left)
    left -= piece.length
    return piece
  })
  return kept.replace(lastColors, (colors) => `…${colors}`)
}

// oxlint-disable-next-line no-control-regex -- these are the colours that this file itself puts in
const colorOrText = /\u001b\[\d+m|[^\u001b]+/g
// oxlint-disable-next-line no-control-regex -- as above
const lastColors = /(?:\u001b\[\d+m)*$/
