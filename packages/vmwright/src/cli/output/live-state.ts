import type { RunEvent, StepSummary } from '@vmwright/contract'

/** What the live view knows. `applyEvent` is the only way from one state to the next; times are event times. */
export interface LiveState {
  readonly title: string
  readonly startedMs: number
  /** Before the run: what is done or waited for, and since when. */
  readonly phase: { readonly what: string; readonly sinceMs: number } | undefined
  /** Instances, and `host/…` for the steps that instances share; in the order of the plan. */
  readonly subjects: ReadonlyMap<string, Subject>
  /** Step id → key of its subject and title. */
  readonly steps: ReadonlyMap<string, { readonly subject: string; readonly title: string }>
  readonly finishedSteps: number
}

export interface Subject {
  readonly kind: 'shared' | 'instance'
  readonly label: string
  readonly steps: readonly StepView[]
}

export interface StepView {
  readonly id: string
  readonly title: string
  readonly after: readonly string[]
  readonly status: 'waiting' | 'running' | 'done' | 'failed' | 'skipped'
  readonly startedMs: number
  readonly endedMs: number
  /** What it does or waits for now. */
  readonly what: string | undefined
  readonly amount: Amount | undefined
  /** Of a failure, or of a step that was cancelled. */
  readonly message: string | undefined
}

export interface Amount {
  readonly done: number
  readonly total: number | undefined
  readonly unit: 'bytes' | 'steps'
  /** Per second, smoothed; `undefined` before there are two reports. */
  readonly rate: number | undefined
  readonly atMs: number
}

export type SubjectStatus = StepView['status']

export const initialState = (nowMs: number): LiveState => ({
  title: '',
  startedMs: nowMs,
  phase: undefined,
  subjects: new Map(),
  steps: new Map(),
  finishedSteps: 0,
})

export const withPhase = (state: LiveState, what: string, nowMs: number): LiveState =>
  state.phase?.what === what ? state : { ...state, phase: { what, sinceMs: nowMs } }

/** The state after one more event. Pure; copies what changes, so that a run of hundreds of instances stays cheap. */
export function applyEvent(state: LiveState, event: RunEvent): LiveState {
  switch (event.kind) {
    case 'run-started':
      return begin(state, event)
    case 'step-started':
      return change(state, event.step, () => ({ status: 'running', startedMs: event.atMs }))
    case 'step-progress':
      return change(state, event.step, (step) => ({
        what: event.what,
        amount: amountOf(step, event),
      }))
    case 'step-finished':
      return change(state, event.step, () => ({ status: 'done', endedMs: event.atMs }))
    case 'step-failed':
      return change(state, event.step, () => ({
        status: event.error.code === 'run.cancelled' ? 'skipped' : 'failed',
        endedMs: event.atMs,
        message: event.error.message,
      }))
    case 'step-skipped':
      return change(state, event.step, () => ({ status: 'skipped', endedMs: event.atMs }))
    case 'notice':
    case 'output':
    case 'run-finished':
      return state
  }
}

function begin(state: LiveState, event: Extract<RunEvent, { kind: 'run-started' }>): LiveState {
  const subjects = new Map<string, Subject & { readonly steps: StepView[] }>()
  for (const step of event.steps) {
    const key = keyOf(step)
    const subject = subjects.get(key) ?? {
      kind: step.instance === undefined ? 'shared' : 'instance',
      label: step.instance ?? step.host,
      steps: [],
    }
    subject.steps.push(waiting(step))
    subjects.set(key, subject)
  }
  return {
    ...state,
    title: `${event.command} ${event.project}`,
    phase: undefined,
    subjects,
    steps: new Map(event.steps.map((step) => [step.id, { subject: keyOf(step), title: step.title }])),
  }
}

/** Shared steps stand for themselves: two images that are fetched at once are two lines. */
const keyOf = (step: StepSummary): string => step.instance ?? `host/${step.host}/${step.id}`

const waiting = ({ id, title, after }: StepSummary): StepView => ({
  id,
  title,
  after,
  status: 'waiting',
  startedMs: 0,
  endedMs: 0,
  what: undefined,
  amount: undefined,
  message: undefined,
})

function change(state: LiveState, id: string, next: (step: StepView) => Partial<StepView>): LiveState {
  const key = state.steps.get(id)?.subject
  const subject = key === undefined ? undefined : state.subjects.get(key)
  if (key === undefined || subject === undefined) return state
  const steps = subject.steps.map((step) => (step.id === id ? { ...step, ...next(step) } : step))
  const finished = (list: readonly StepView[]): number => list.filter(isOver).length
  return {
    ...state,
    subjects: new Map(state.subjects).set(key, { ...subject, steps }),
    finishedSteps: state.finishedSteps + finished(steps) - finished(subject.steps),
  }
}

export const isOver = (step: StepView): boolean => step.status !== 'waiting' && step.status !== 'running'

const smoothingMs = 5_000

function amountOf(step: StepView, event: Extract<RunEvent, { kind: 'step-progress' }>): Amount | undefined {
  if (event.done === undefined) return undefined
  const { done, total, unit = 'steps', atMs } = event
  const before = step.amount
  const passedMs = before === undefined ? 0 : atMs - before.atMs
  // A new download starts anew; so does one whose server did not go on where it was.
  if (before === undefined || step.what !== event.what || done < before.done)
    return { done, total, unit, rate: undefined, atMs }
  if (passedMs <= 0) return { ...before, total }
  const now = ((done - before.done) * 1000) / passedMs
  const weight = before.rate === undefined ? 1 : 1 - Math.exp(-passedMs / smoothingMs)
  return { done, total, unit, rate: (before.rate ?? 0) * (1 - weight) + now * weight, atMs }
}

/** One word for all steps of a subject. A failure outweighs the rest. */
export function statusOf({ steps }: Subject): SubjectStatus {
  const has = (status: StepView['status']): boolean => steps.some((step) => step.status === status)
  if (has('running')) return 'running'
  if (has('failed')) return 'failed'
  if (steps.every((step) => step.status === 'done')) return 'done'
  if (steps.every(isOver)) return 'skipped'
  return has('waiting') ? 'waiting' : 'done'
}
