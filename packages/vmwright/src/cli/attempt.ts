import { openSink, type EventSink } from './output/output.ts'
import type { CliContext } from './context.ts'
import { fail } from './fail.ts'

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

/** As `attempt`, for work that tells what it does: with a live view that is closed before anything else is written. */
export async function attemptWithView(
  context: CliContext,
  options: { readonly json: boolean },
  work: (sink: EventSink) => Promise<() => number>,
): Promise<number> {
  const sink = openSink({ json: options.json, ...context })
  const undivert = context.divert((line) => sink.say(line))
  const close = (): void => {
    sink.close()
    undivert()
  }
  return attempt(context, options, async () => {
    try {
      const tell = await work(sink)
      close()
      return tell()
    } finally {
      close()
    }
  })
}

/** The result of a command on stdout: one JSON document, or text. */
export function show(context: CliContext, json: boolean, result: unknown, text: () => string): void {
  context.stdout.write(json ? `${JSON.stringify(result, null, 2)}\n` : text())
}
