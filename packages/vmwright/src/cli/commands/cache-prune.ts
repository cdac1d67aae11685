import { composeServices } from '../../compose.ts'
import { pruneCache, type PruneResult } from '../../engine/cache/prune.ts'
import { formatBytes } from '../../lib/units.ts'
import type { LayerName } from '../../snapshots/layers.ts'
import type { JudgedLayer } from '../../snapshots/retention.ts'
import { attempt, show, withView } from '../attempt.ts'
import type { CliContext } from '../context.ts'
import { exitCode } from '../exit-codes.ts'
import { load } from '../load.ts'
import type { OperateOptions } from '../operate.ts'
import type { SpecOptions } from '../options.ts'
import { layerJson, tellUnreachable, unreachableJson } from '../output/cache-text.ts'

export interface PruneOptions extends SpecOptions, Pick<OperateOptions, 'yes' | 'lockTimeout'> {
  readonly all: boolean
  readonly olderThan?: number
  readonly keep?: number
  readonly maxSize?: number
  readonly layer: readonly LayerName[]
}

/** Removes layers of guests. Without `--yes` it shows what would go, and exits with 3 if anything would. */
export async function pruneCommand(
  context: CliContext,
  names: readonly string[],
  options: PruneOptions,
): Promise<number> {
  return attempt(context, options, async () => {
    const { spec, instances } = await load(context, options, names)
    const services = composeServices(spec, context)
    const { all, olderThan, keep, maxSize, layer } = options
    const result = await withView(context, {}, (progress) =>
      pruneCache(progress, {
        spec,
        instances,
        services,
        limits: { all, olderThanMs: olderThan, keep, maxBytes: maxSize, layers: layer },
        how: options.yes ? 'remove' : 'plan',
        holder: context.holder('cache prune'),
        lockTimeoutMs: options.lockTimeout,
      }),
    )
    show(context, options.json, pruneJson(result, options.yes, context.seam.nowMs()), () =>
      renderPrune(result, options.yes),
    )
    const isPending = !options.yes && result.plan.remove.length > 0
    if (!options.json) tellUnreachable(context, result.unreachable)
    if (isPending && !options.json)
      context.stderr.write('Nothing was removed. Run it again with --yes to do this.\n')
    if (result.failed.size + result.unreachable.size > 0) return exitCode.failed
    return isPending ? exitCode.unconfirmed : exitCode.done
  })
}

function pruneJson({ plan, failed, unreachable }: PruneResult, isDone: boolean, nowMs: number) {
  const judged = ({ row, because }: JudgedLayer) => ({ ...layerJson(row, nowMs), because })
  return {
    removed: isDone,
    freedBytes: plan.freedBytes,
    remove: plan.remove.map((each) => ({ ...judged(each), error: failed.get(each.row) })),
    keep: plan.keep.map(judged),
    unreachable: unreachableJson(unreachable),
  }
}

/** Pure. */
export function renderPrune({ plan, failed }: PruneResult, isDone: boolean): string {
  if (plan.remove.length + plan.keep.length === 0) return 'Nothing is kept of these guests.\n'
  const gone = plan.remove.filter(({ row }) => !failed.has(row))
  const bytes = gone.reduce((sum, { row }) => sum + (row.sizeBytes ?? 0), 0)
  const verb = isDone ? 'removed' : 'would be removed'
  return [
    `${gone.length} of ${plan.remove.length + plan.keep.length} layers ${verb}, ${formatBytes(bytes)} freed.`,
    ...plan.remove.map(({ row, because }) => {
      const error = failed.get(row)
      const size = row.sizeBytes === undefined ? '' : ` (${formatBytes(row.sizeBytes)})`
      return error === undefined
        ? `- ${row.guest} ${row.snapshot}${size}: ${because}`
        : `! ${row.guest} ${row.snapshot}${size} is still there: ${error.message}`
    }),
    ...plan.keep.map(({ row, because }) => `  ${row.guest} ${row.snapshot} stays: ${because}`),
    '',
  ].join('\n')
}
