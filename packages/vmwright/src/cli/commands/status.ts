import { composeServices } from '../../compose.ts'
import { status as statusOf } from '../../engine/operations.ts'
import type { CliContext } from '../context.ts'
import { exitCode } from '../exit-codes.ts'
import { fail } from '../fail.ts'
import { load } from '../load.ts'
import type { SpecOptions } from '../options.ts'
import { renderInstances } from '../output/result.ts'

/** The declared machines as they are. */
export async function status(
  context: CliContext,
  names: readonly string[],
  options: SpecOptions,
): Promise<number> {
  try {
    const { spec, instances } = await load(context, options, names)
    const result = await statusOf(context.progress(), {
      spec,
      instances,
      services: composeServices(spec, context),
    })
    context.stdout.write(options.json ? `${JSON.stringify(result, null, 2)}\n` : renderInstances(result))
    return exitCode.done
  } catch (error) {
    return fail(context, error, options.json)
  }
}
