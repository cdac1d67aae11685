import type { RunEvent, StepSummary } from '@vmwright/contract'
import { formatBytes, formatDuration } from '../../lib/units.ts'
import { partsOf } from './live-state.ts'
import type { EventSink } from './output.ts'
import { instancesOf, openOutputLines } from './output-lines.ts'

/** Silence longer than this makes people wonder. */
const heartbeatMs = 10_000

interface Running {
  readonly startedMs: number
  lastLineMs: number
  what: string | undefined
}

/** The clock of the heartbeat; tests bring their own. */
export interface Ticker {
  nowMs(): number
  every(ms: number, tick: () => void): () => void
}

const realTicker: Ticker = {
  nowMs: () => Date.now(),
  every: (ms, tick) => {
    const timer = setInterval(tick, ms).unref()
    return () => clearInterval(timer)
  },
}

/** One line per fact, for logs and pipes. What takes long says from time to time what it waits for. */
export function openPlainLines(
  out: { write(text: string): unknown },
  ticker: Ticker = realTicker,
): EventSink {
  const steps = new Map<string, StepSummary>()
  const running = new Map<string, Running>()
  let phase: Running | undefined

  const lines = openOutputLines(false)

  const line = (step: string, text: string): void => {
    const summary = steps.get(step)
    out.write(`${summary?.instance ?? summary?.host ?? (partsOf(step).owner || step)}: ${text}\n`)
  }
  const titleOf = (step: string): string => steps.get(step)?.title ?? partsOf(step).title
  /** A step that failed has been told of already. */
  const reasonOf = (because: string): string => (steps.has(because) ? '' : ` (${because})`)
  const beat = (): void => {
    const nowMs = ticker.nowMs()
    if (phase !== undefined && nowMs - phase.lastLineMs >= heartbeatMs) {
      phase.lastLineMs = nowMs
      out.write(`… ${phase.what} (${formatDuration(nowMs - phase.startedMs)})\n`)
    }
    for (const [id, step] of running) {
      if (nowMs - step.lastLineMs < heartbeatMs) continue
      step.lastLineMs = nowMs
      line(id, `… ${step.what ?? titleOf(id)} (${formatDuration(nowMs - step.startedMs)})`)
    }
  }
  const stop = ticker.every(1000, beat)

  const sink: EventSink = {
    event(event: RunEvent) {
      switch (event.kind) {
        case 'run-started':
          phase = undefined
          for (const step of event.steps) steps.set(step.id, step)
          lines.announce(instancesOf(event.steps))
          return
        case 'step-started':
          running.set(event.step, { startedMs: event.atMs, lastLineMs: event.atMs, what: undefined })
          return line(event.step, titleOf(event.step))
        case 'step-progress': {
          const step = running.get(event.step)
          if (step !== undefined) step.what = progressText(event)
          return
        }
        case 'step-finished':
          running.delete(event.step)
          // Quick steps were announced by their title; a second line would only be noise.
          if (event.durationMs >= 1000)
            line(event.step, `${titleOf(event.step)}: done in ${formatDuration(event.durationMs)}`)
          return
        case 'step-failed':
          running.delete(event.step)
          return line(event.step, `FAILED after ${formatDuration(event.durationMs)}: ${event.error.message}`)
        case 'step-skipped':
          return line(event.step, `skipped: ${titleOf(event.step)}${reasonOf(event.because)}`)
        case 'output':
          return sink.say(lines.render(event).join('\n'))
        case 'notice':
          return sink.say(`${event.level}: ${event.message}`)
        case 'run-finished':
      }
    },
    phase(what) {
      const nowMs = ticker.nowMs()
      if (phase?.what !== what) phase = { startedMs: nowMs, lastLineMs: nowMs, what }
    },
    say: (text) => void out.write(`${text}\n`),
    pause() {
      phase = undefined
    },
    close: stop,
  }
  return sink
}

/** `download debian-12 (120 MiB of 300 MiB)` */
export function progressText(event: Extract<RunEvent, { kind: 'step-progress' }>): string {
  if (event.done === undefined) return event.what
  const show = (amount: number): string => (event.unit === 'bytes' ? formatBytes(amount) : String(amount))
  return event.total === undefined
    ? `${event.what} (${show(event.done)})`
    : `${event.what} (${show(event.done)} of ${show(event.total)})`
}
