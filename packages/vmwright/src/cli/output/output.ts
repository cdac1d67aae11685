import type { RunEvent } from '@vmwright/contract'
import pc from 'picocolors'
import type { EventBody } from '../../engine/run.ts'
import { openLiveView } from './live.ts'
import { openPlainLines } from './plain.ts'

/** Where the story of a run goes: a live view, plain lines, or JSON lines. */
export interface EventSink {
  event(event: RunEvent): void
  /** Before the run: what is done or waited for now. */
  phase(what: string): void
  /** A line for the person, kept clear of the live view. */
  say(line: string): void
  /** Makes room for a question; the next event goes on. */
  pause(): void
  /** Leaves the terminal as it was. */
  close(): void
}

export interface OutputOptions {
  readonly json: boolean
  /** All that guests print, above the live view, and not only the last line of each. Plain lines have all anyway. */
  readonly verbose?: boolean
  readonly stdout: NodeJS.WriteStream
  readonly stderr: NodeJS.WriteStream
  readonly environment: Readonly<Record<string, string | undefined>>
}

/** Progress goes to stderr, so that stdout holds the result alone; with `--json`, stdout is the event lines. */
export function openSink(options: OutputOptions): EventSink {
  const { stdout, stderr, environment } = options
  if (options.json) return openJsonLines(stdout, stderr)
  return isLively(stderr, environment)
    ? openLiveView(stderr, { colors: pc.isColorSupported, verbose: options.verbose === true })
    : openPlainLines(stderr)
}

/** For results, which go to a person, a file or another program. */
export const hasColors = (out: { readonly isTTY?: boolean }): boolean =>
  out.isTTY === true && pc.isColorSupported

/** A terminal that can move its cursor, watched by a person. */
export const isLively = (
  out: { readonly isTTY?: boolean },
  environment: Readonly<Record<string, string | undefined>>,
): boolean => out.isTTY === true && environment['TERM'] !== 'dumb' && (environment['CI'] ?? '') === ''

const openJsonLines = (stdout: NodeJS.WriteStream, stderr: NodeJS.WriteStream): EventSink => ({
  event: (event) => void stdout.write(`${JSON.stringify(event)}\n`),
  phase() {},
  say: (line) => void stderr.write(`${line}\n`),
  pause() {},
  close() {},
})

/** Gives an event its time. */
export const stamped = (event: EventBody, nowMs: number): RunEvent => ({ atMs: nowMs, ...event }) as RunEvent
