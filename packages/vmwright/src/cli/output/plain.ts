import type { RunEvent, StepSummary } from '@vmwright/contract'
import { formatBytes, formatDuration } from '../../lib/units.ts'
import type { EventSink } from './output.ts'

/** Silence longer than this makes people wonder. */
const heartbeatMs = 10_000

/** One line per fact, for logs and pipes. A step that takes long says from time to time what it waits for. */
export function openPlainLines(out: { write(text: string): unknown }): EventSink {
  const steps = new Map<string, StepSummary>()
  const lastLineMs = new Map<string, number>()
  const line = (step: string, text: string): void => {
    const summary = steps.get(step)
    out.write(`${summary?.instance ?? summary?.host ?? step}: ${text}\n`)
  }
  return {
    event(event: RunEvent) {
      switch (event.kind) {
        case 'run-started':
          for (const step of event.steps) steps.set(step.id, step)
          return
        case 'step-started':
          lastLineMs.set(event.step, event.atMs)
          return line(event.step, steps.get(event.step)?.title ?? event.step)
        case 'step-progress':
          if (event.atMs - (lastLineMs.get(event.step) ?? 0) < heartbeatMs) return
          lastLineMs.set(event.step, event.atMs)
          return line(event.step, `… ${progressText(event)}`)
        case 'step-finished':
          // Quick steps were announced by their title; a second line would only be noise.
          if (event.durationMs >= 1000)
            line(
              event.step,
              `${steps.get(event.step)?.title ?? event.step}: done in ${formatDuration(event.durationMs)}`,
            )
          return
        case 'step-failed':
          return line(event.step, `FAILED after ${formatDuration(event.durationMs)}: ${event.error.message}`)
        case 'step-skipped':
          return line(event.step, `skipped: ${steps.get(event.step)?.title ?? event.step}`)
        case 'notice':
          return void out.write(`${event.level}: ${event.message}\n`)
        case 'run-finished':
      }
    },
    close() {},
  }
}

/** `download debian-12 (120 MiB of 300 MiB)` */
export function progressText(event: Extract<RunEvent, { kind: 'step-progress' }>): string {
  if (event.done === undefined) return event.what
  const show = (amount: number): string => (event.unit === 'bytes' ? formatBytes(amount) : String(amount))
  return event.total === undefined
    ? `${event.what} (${show(event.done)})`
    : `${event.what} (${show(event.done)} of ${show(event.total)})`
}
