import { attempt } from '../attempt.ts'
import type { CliContext } from '../context.ts'
import { exitCode } from '../exit-codes.ts'
import { load, requireInstance } from '../load.ts'
import type { SpecOptions } from '../options.ts'

/** One instance as it is after all defaults: what `apply` works with. Secrets print as `***`. */
export async function explain(
  context: CliContext,
  name: string,
  options: Omit<SpecOptions, 'json'>,
): Promise<number> {
  return attempt(context, {}, async () => {
    const { spec } = await load(context, { ...options, json: false }, [name])
    context.stdout.write(`${JSON.stringify(requireInstance(spec, name), null, 2)}\n`)
    return exitCode.done
  })
}
