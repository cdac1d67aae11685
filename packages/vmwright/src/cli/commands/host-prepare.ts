import { prepareHosts } from '../../engine/host-prepare.ts'
import type { CliContext } from '../context.ts'
import { type HostRunCommandOptions, runOnHosts } from '../host-run.ts'

/** K2: makes hosts be as they should, after the plan was shown and confirmed. The second time nothing is left to do. */
export const hostPrepare = (
  context: CliContext,
  names: readonly string[],
  options: HostRunCommandOptions,
): Promise<number> => runOnHosts(context, names, options, prepareHosts)
