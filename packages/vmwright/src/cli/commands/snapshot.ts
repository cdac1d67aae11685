import { composeServices } from '../../compose.ts'
import { status as statusOf } from '../../engine/operations.ts'
import { restoreSnapshot } from '../../engine/restore.ts'
import { attempt, show, withView } from '../attempt.ts'
import type { CliContext } from '../context.ts'
import { exitCode, exitCodeOfOutcome } from '../exit-codes.ts'
import { renderError } from '../fail.ts'
import { load, requireInstance } from '../load.ts'
import type { OperateOptions } from '../operate.ts'
import { type SpecOptions, sshCommand } from '../options.ts'
import { stamped } from '../output/output.ts'
import { renderInstances } from '../output/result.ts'
import { formatTable } from '../output/table.ts'

/** The snapshots that the declared machines have. */
export async function listSnapshots(
  context: CliContext,
  names: readonly string[],
  options: SpecOptions,
): Promise<number> {
  return attempt(context, options, async () => {
    const { spec, instances } = await load(context, options, names)
    const services = composeServices(spec, context)
    const found = await withView(context, {}, (progress) => statusOf(progress, { spec, instances, services }))
    const rows = found.map(({ name, host, state, snapshots }) => ({ name, host, state, snapshots }))
    show(context, options.json, rows, () =>
      formatTable(
        ['NAME', 'HOST', 'STATE', 'SNAPSHOTS'],
        rows.map((row) => [row.name, row.host, row.state, row.snapshots.join(', ') || '-']),
      ),
    )
    return exitCode.done
  })
}

/** Brings one machine back to a snapshot. What was written since is lost, so it wants `--yes`. */
export async function restore(
  context: CliContext,
  name: string,
  snapshot: string | undefined,
  options: SpecOptions & OperateOptions,
): Promise<number> {
  return attempt(context, options, async () => {
    const { spec } = await load(context, options, [name])
    const instance = requireInstance(spec, name)
    const result = await withView(context, options, (progress, sink) =>
      restoreSnapshot(
        progress,
        {
          spec,
          instance,
          services: composeServices(spec, context),
          onEvent: (event) => sink.event(stamped(event, context.seam.nowMs())),
          holder: context.holder('snapshot restore'),
          lockTimeoutMs: options.lockTimeout,
          confirm: async () => options.yes,
        },
        snapshot,
      ),
    )
    const { outcome, instances } = result
    const errors = [...result.errors.values()]
    if (options.json)
      context.stdout.write(
        `${JSON.stringify({ kind: 'result', outcome, snapshot: result.snapshot, instances, errors })}\n`,
      )
    else {
      if (outcome === 'declined')
        context.stderr.write(
          `This would stop ${name} and bring it back to its snapshot ${result.snapshot}; what was written since would be lost.\nNothing was done. Run it again with --yes to do this.\n`,
        )
      for (const error of errors) context.stderr.write(renderError(error))
      if (outcome !== 'cancelled')
        context.stdout.write(renderInstances(instances, sshCommand(context.environment, options)))
    }
    return exitCodeOfOutcome(outcome)
  })
}
