import type { RunEvent, StepSummary } from '@vmwright/contract'
import { linesOf } from './output-lines.ts'

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
  /** The last line that its present step printed in the guest. */
  readonly output: string | undefined
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
      return change(withStep(state, event.step), event.step, () => ({
        status: 'running',
        startedMs: event.atMs,
      }))
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
    case 'output':
      return withOutput(state, event.instance, event.text)
    case 'notice':
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
      output: undefined,
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

/** With a step that no plan could foresee, `web-1/recover`; it belongs to the instance that its id begins with. */
function withStep(state: LiveState, id: string): LiveState {
  const { owner, title } = partsOf(id)
  const subject = state.subjects.get(owner)
  if (state.steps.has(id) || subject === undefined) return state
  return {
    ...state,
    subjects: new Map(state.subjects).set(owner, {
      ...subject,
      steps: [...subject.steps, waiting({ id, title, after: [] })],
    }),
    steps: new Map(state.steps).set(id, { subject: owner, title }),
  }
}

/** `web-1/recover` → `web-1` and `recover`. */
export function partsOf(id: string): { readonly owner: string; readonly title: string } {
  const at = id.lastIndexOf('/')
  return { owner: id.slice(0, Math.max(0, at)), title: id.slice(at + 1) }
}

function withOutput(state: LiveState, instance: string, text: string): LiveState {
  const subject = state.subjects.get(instance)
  // An empty line says less than the one before it.
  const output = linesOf(text).findLast((line) => line.trim() !== '')
  if (subject === undefined || output === undefined) return state
  return { ...state, subjects: new Map(state.subjects).set(instance, { ...subject, output }) }
}

export const countInstances = ({ subjects }: LiveState): number =>
  [...subjects.values()].filter(({ kind }) => kind === 'instance').length

const waiting = ({ id, title, after }: Pick<StepSummary, 'id' | 'title' | 'after'>): StepView => ({
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
  // What one step printed says nothing of the next one.
  const isSame = steps.every((step, index) => step.status === subject.steps[index]?.status)
  const output = isSame ? subject.output : undefined
  const finished = (list: readonly StepView[]): number => list.filter(isOver).length
  return {
    ...state,
    subjects: new Map(state.subjects).set(key, { ...subject, steps, output }),
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
