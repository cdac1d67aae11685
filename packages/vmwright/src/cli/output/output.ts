import type { RunEvent } from '@vmwright/contract'
import type { EventBody } from '../../engine/run.ts'
import { openLiveView } from './live.ts'
import { openPlainLines } from './plain.ts'

/** Where events of a run go: a live view, plain lines, or JSON lines. `close` leaves the terminal as it was. */
export interface EventSink {
  event(event: RunEvent): void
  close(): void
}

export interface OutputOptions {
  readonly json: boolean
  readonly stdout: NodeJS.WriteStream
  readonly stderr: NodeJS.WriteStream
  readonly environment: Readonly<Record<string, string | undefined>>
}

/** Progress goes to stderr, so that stdout holds the result alone; with `--json`, stdout is the event lines. */
export function openSink(options: OutputOptions): EventSink {
  if (options.json)
    return { event: (event) => void options.stdout.write(`${JSON.stringify(event)}\n`), close() {} }
  const isDumb = options.environment['TERM'] === 'dumb' || options.environment['CI'] !== undefined
  return options.stderr.isTTY && !isDumb ? openLiveView(options.stderr) : openPlainLines(options.stderr)
}

/** Gives an event its time. */
export const stamped = (event: EventBody, nowMs: number): RunEvent => ({ atMs: nowMs, ...event }) as RunEvent
