import { Progress } from '../lib/progress.ts'
import type { CliContext } from './context.ts'
import { fail } from './fail.ts'
import { type EventSink, openSink } from './output/output.ts'

/** The frame of every command: whatever is thrown becomes a message (or JSON) and an exit code. */
export async function attempt(
  context: CliContext,
  options: { readonly json?: boolean },
  work: () => Promise<number>,
): Promise<number> {
  try {
    return await work()
  } catch (error) {
    return fail(context, error, options.json === true)
  }
}

/**
 * Runs what may take long, with a view of it on stderr (or events on stdout) that is closed before anything else is
 * written. What the work reports outside of steps is shown as what is waited for.
 */
export async function withView<T>(
  context: CliContext,
  options: { readonly json?: boolean; readonly verbose?: boolean },
  work: (progress: Progress, sink: EventSink) => Promise<T>,
): Promise<T> {
  const sink = openSink({ ...context, json: options.json === true, verbose: options.verbose === true })
  const undivert = context.divert((line) => sink.say(line))
  const report = ({ what }: { readonly what: string }): void => sink.phase(what)
  try {
    return await work(new Progress(context.seam, { signal: context.signal, report }), sink)
  } finally {
    sink.close()
    undivert()
  }
}

/** The result of a command on stdout: one JSON document, or text. */
export function show(context: CliContext, json: boolean, result: unknown, text: () => string): void {
  context.stdout.write(json ? `${JSON.stringify(result, null, 2)}\n` : text())
}
