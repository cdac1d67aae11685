import { join, resolve } from 'node:path'
import type { LifecycleRun } from '@vmwright/contract'
import { composeLifecycle } from '../../compose-lifecycle.ts'
import { explainLifecycles } from '../../engine/lifecycle/explain.ts'
import { runLifecycles } from '../../engine/lifecycle/run.ts'
import { nameSet } from '../request.ts'
import { attempt, show, withView } from '../attempt.ts'
import { confirm, mayAsk } from '../confirm.ts'
import type { CliContext } from '../context.ts'
import { exitCode } from '../exit-codes.ts'
import { load } from '../load.ts'
import type { SpecOptions } from '../options.ts'
import { renderExplanation } from '../output/explain-run.ts'
import { lifecycleJsonLine, renderLifecycleRun } from '../output/lifecycle-text.ts'
import { hasColors, stamped } from '../output/output.ts'
import { resultsFolders } from '../results-folders.ts'
import { asAsked, type RunChoice } from '../run-choice.ts'

export interface RunOptions extends SpecOptions, RunChoice {
  readonly rebuild: readonly string[]
  readonly keepRunning: boolean
  readonly failFast: boolean
  readonly parallel?: number
  readonly results?: string
  readonly verbose: boolean
  readonly explain: boolean
  readonly yes: boolean
  /** Milliseconds. */
  readonly lockTimeout: number
}

/** Runs the lifecycles of guests, or explains what that would do. */
export async function run(
  context: CliContext,
  names: readonly string[],
  options: RunOptions,
): Promise<number> {
  return attempt(context, options, async () => {
    const loaded = await load(context, options, names)
    const { spec, instances } = asAsked(loaded, options)
    const rebuild = nameSet(spec, options.rebuild)
    const results = options.results ?? resultsFolders({ ...spec, instances })[0] ?? 'results'
    const resultsFolder = resolve(context.currentDirectory, results)
    const services = composeLifecycle(spec, context, { resultsFolder })
    const asked = { spec, instances, services, rebuild }
    if (options.explain) {
      const explained = await withView(context, {}, (progress) => explainLifecycles(progress, asked))
      show(context, options.json, explained, () => renderExplanation(explained))
      return exitCode.done
    }
    const lost = instances.filter(({ name, disposable }) => rebuild.has(name) && !disposable)
    if (lost.length > 0 && !options.yes && !(await mayRebuild(context, options, lost)))
      return exitCode.unconfirmed
    const { run, unwritten } = await withView(context, options, (progress, sink) =>
      runLifecycles(progress, {
        ...asked,
        onEvent: (event) => sink.event(stamped(event, context.seam.nowMs())),
        holder: context.holder('run'),
        lockTimeoutMs: options.lockTimeout,
        keepRunning: options.keepRunning,
        failFast: options.failFast,
        parallel: options.parallel,
      }),
    )
    const folder = join(resultsFolder, run.id)
    context.stdout.write(
      options.json
        ? lifecycleJsonLine(run, folder)
        : renderLifecycleRun(run, {
            folder,
            currentDirectory: context.currentDirectory,
            colors: hasColors(context.stdout),
          }),
    )
    if (unwritten !== undefined) throw unwritten
    return exitCodes[run.outcome]
  })
}

const exitCodes = {
  passed: exitCode.done,
  failed: exitCode.failed,
  cancelled: exitCode.cancelled,
  unfinished: exitCode.failed,
} as const satisfies Record<LifecycleRun['outcome'], number>

async function mayRebuild(
  context: CliContext,
  options: RunOptions,
  machines: readonly { readonly name: string }[],
): Promise<boolean> {
  const named = machines.map(({ name }) => name).join(', ')
  context.stderr.write(`This would destroy ${named} with all disks and snapshots, and make it anew.\n`)
  if (mayAsk(context, options)) return confirm(context)
  context.stderr.write('Nothing was done. Run it again with --yes to do this.\n')
  return false
}
