import { restoreHosts } from '../../engine/host-prepare.ts'
import type { CliContext } from '../context.ts'
import { type HostRunCommandOptions, runOnHosts } from '../host-run.ts'

/** K2: takes back what `host prepare` changed, by the record on each host, after it was shown and confirmed. */
export const hostRestore = (
  context: CliContext,
  names: readonly string[],
  options: HostRunCommandOptions,
): Promise<number> => runOnHosts(context, names, options, restoreHosts)
