import { composeServices } from '../../compose.ts'
import { findImageDependents } from '../../engine/image-dependents.ts'
import { defaultUnfinishedForMs, planPrune, type PrunePlan, runPrune } from '../../images/prune.ts'
import { scanCache } from '../../images/scan.ts'
import { formatBytes } from '../../lib/units.ts'
import { attempt, show, withView } from '../attempt.ts'
import type { CliContext } from '../context.ts'
import { exitCode } from '../exit-codes.ts'
import { imageCaches } from '../image-caches.ts'
import { load } from '../load.ts'
import type { SpecOptions } from '../options.ts'

export interface PruneOptions extends SpecOptions {
  readonly all: boolean
  readonly yes: boolean
}

interface CachePrune {
  readonly cache: string
  readonly plan: PrunePlan
}

/** Removes images that nothing rests on. Without `--yes` it shows what would go, and exits with 3 if anything would. */
export async function pruneCommand(context: CliContext, options: PruneOptions): Promise<number> {
  return attempt(context, options, async () => {
    const { spec } = await load(context, options)
    const progress = context.progress()
    const dependents = await withView(context, {}, (progress) =>
      findImageDependents(progress, spec, composeServices(spec, context)),
    )
    const prunes: CachePrune[] = []
    for (const { context: own } of await imageCaches(context, spec, { image: [] })) {
      const plan = planPrune(await scanCache(own.cacheDir), dependents, {
        all: options.all,
        nowMs: context.seam.nowMs(),
        unfinishedForMs: defaultUnfinishedForMs,
      })
      if (options.yes) await runPrune(progress, own.cacheDir, plan)
      prunes.push({ cache: own.cacheDir, plan })
    }
    const isPending = !options.yes && prunes.some(({ plan }) => plan.remove.length > 0)
    show(context, options.json, { removed: options.yes, caches: prunes.map(jsonOf) }, () =>
      prunes.map((prune) => renderPrune(prune, options.yes)).join('\n'),
    )
    if (isPending && !options.json)
      context.stderr.write('Nothing was removed. Run it again with --yes to do this.\n')
    return isPending ? exitCode.unconfirmed : exitCode.done
  })
}

const jsonOf = ({ cache, plan }: CachePrune) => ({
  cache,
  freedBytes: plan.freedBytes,
  remove: plan.remove.map(({ file, because }) => ({ path: file.path, sizeBytes: file.sizeBytes, because })),
  keep: plan.keep.map(({ file, because, dependents }) => ({
    path: file.path,
    sizeBytes: file.sizeBytes,
    because,
    dependents: dependents.map(({ instance, host }) => ({ instance, host })),
  })),
})

/** Pure. */
export function renderPrune({ cache, plan }: CachePrune, isDone: boolean): string {
  const lines = [
    ...plan.remove.map(
      ({ file, because }) => `- ${file.fileName} (${formatBytes(file.sizeBytes)}): ${because}`,
    ),
    ...plan.keep.map(({ file, because, dependents }) => {
      const users = dependents.map(({ instance, host }) => `${instance} on ${host}`)
      return `  ${file.fileName} stays: ${because}${users.length > 0 ? ` by ${[...new Set(users)].join(', ')}` : ''}`
    }),
  ]
  const verb = isDone ? 'freed' : 'would be freed'
  return [`Cache ${cache}: ${formatBytes(plan.freedBytes)} ${verb}.`, ...lines, ''].join('\n')
}
