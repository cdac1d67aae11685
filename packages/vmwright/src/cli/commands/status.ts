import { composeServices } from '../../compose.ts'
import { status as statusOf } from '../../engine/operations.ts'
import { attempt, show, withView } from '../attempt.ts'
import type { CliContext } from '../context.ts'
import { exitCode } from '../exit-codes.ts'
import { load } from '../load.ts'
import { type SpecOptions, sshCommand } from '../options.ts'
import { renderInstances } from '../output/result.ts'

/**
 * The declared machines as they are. Exit code 1 when that cannot be told of all, because a host is down; one that is
 * a guest and off is no failure.
 */
export async function status(
  context: CliContext,
  names: readonly string[],
  options: SpecOptions,
): Promise<number> {
  return attempt(context, options, async () => {
    const { spec, instances } = await load(context, options, names)
    const services = composeServices(spec, context)
    const result = await withView(context, {}, (progress) =>
      statusOf(progress, { spec, instances, services }),
    )
    show(context, options.json, result, () =>
      renderInstances(result, sshCommand(context.environment, options)),
    )
    const isLost = result.some(
      ({ state, problem, offWith }) => state === 'unknown' && problem !== undefined && offWith === undefined,
    )
    return isLost ? exitCode.failed : exitCode.done
  })
}
