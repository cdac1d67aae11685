import type { RunEvent, StepSummary } from '@vmwright/contract'
import { secondsOf, type TimingRecord, type TimingStatus } from './record.ts'
import { stageOfStep, type TimingStage } from './stages.ts'

/** Turns what a run tells into records. Without I/O or a clock: all times come with what is told. */
export interface Recorder {
  /** Outside of steps: what is done or waited for now. */
  phase(what: string, atMs: number): void
  /** A person is asked from now on; the time until the next fact belongs to nobody. */
  question(atMs: number): void
  /** The records that are complete with this event. */
  event(event: RunEvent): readonly TimingRecord[]
  /** Milliseconds from the start to `atMs`, without the time that a person took to answer. */
  elapsedMs(atMs: number): number
}

interface Span {
  readonly what: string
  readonly startedMs: number
}

/**
 * A run is: phases (connect, lock, observe, plan), perhaps a question, steps side by side, and the look at what there
 * is now. Everything but the question is booked, so that the records explain the time of the run.
 */
export function openRecorder(command: string, startedMs: number): Recorder {
  const steps = new Map<string, StepSummary>()
  const running = new Map<string, number>()
  const done: TimingRecord[] = []
  let phase: Span | undefined = { what: 'prepare', startedMs }
  let askedMs: number | undefined
  let answeringMs = 0
  let lastMs = startedMs

  const startSeconds = (atMs: number): number => secondsOf(atMs - startedMs - answeringMs)
  const own = (name: string, stage: TimingStage, fromMs: number, toMs: number): TimingRecord => ({
    task_name: name,
    status: 'ok',
    duration_seconds: secondsOf(toMs - fromMs),
    host: '',
    stage,
    play_name: command,
    task_path: '',
    task_action: 'observe',
    instance: '',
    start_seconds: startSeconds(fromMs),
  })
  const endPhase = (atMs: number): void => {
    if (phase !== undefined) done.push(own(phase.what, 'preflight', phase.startedMs, atMs))
    phase = undefined
  }
  const endQuestion = (atMs: number): void => {
    if (askedMs !== undefined) answeringMs += atMs - askedMs
    askedMs = undefined
  }
  const ofStep = (
    id: string,
    status: TimingStatus,
    { atMs, durationMs }: { readonly atMs: number; readonly durationMs: number },
  ): TimingRecord => {
    const step = steps.get(id)
    const kind = step?.kind ?? ''
    steps.delete(id)
    const stepStartedMs = running.get(id) ?? atMs
    running.delete(id)
    lastMs = atMs
    return {
      task_name: step?.title ?? id,
      status,
      duration_seconds: secondsOf(durationMs),
      host: step?.host ?? '',
      stage: stageOfStep(kind, command),
      play_name: command,
      task_path: id,
      task_action: kind,
      instance: step?.instance ?? '',
      start_seconds: startSeconds(stepStartedMs),
    }
  }

  return {
    phase(what, atMs) {
      if (phase === undefined || phase.what === what) return
      endPhase(atMs)
      phase = { what, startedMs: atMs }
    },
    question(atMs) {
      endPhase(atMs)
      askedMs = atMs
    },
    event(event) {
      switch (event.kind) {
        case 'run-started':
          endPhase(event.atMs)
          endQuestion(event.atMs)
          lastMs = event.atMs
          for (const step of event.steps) steps.set(step.id, step)
          return done.splice(0)
        case 'step-started':
          running.set(event.step, event.atMs)
          return []
        case 'step-finished':
          return [ofStep(event.step, 'ok', event)]
        case 'step-failed':
          return [ofStep(event.step, statusOf(event.error.code), event)]
        case 'step-skipped':
          return [ofStep(event.step, 'skipped', { atMs: event.atMs, durationMs: 0 })]
        case 'run-finished': {
          const stage = command === 'destroy' ? 'cleanup' : 'runtime'
          const what =
            event.outcome === 'failed' ? 'undo, and see what there is now' : 'see what there is now'
          const end = own(what, stage, lastMs, event.atMs)
          const never = [...steps.keys()].map((id) =>
            ofStep(id, 'skipped', { atMs: event.atMs, durationMs: 0 }),
          )
          return [...never, end]
        }
        case 'step-progress':
        case 'notice':
        case 'output':
          return []
      }
    },
    elapsedMs: (atMs) => atMs - startedMs - answeringMs,
  }
}

const statusOf = (code: string): TimingStatus =>
  code === 'run.cancelled' ? 'cancelled' : code === 'host.unreachable' ? 'unreachable' : 'failed'
