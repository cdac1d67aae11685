import type { HostRunOptions, HostRunResult } from '../engine/host-prepare.ts'
import type { Progress } from '../lib/progress.ts'
import type { Plan } from '../plan/plan.ts'
import { attempt, withView } from './attempt.ts'
import { confirm, mayAsk } from './confirm.ts'
import type { CliContext } from './context.ts'
import { exitCode, exitCodeOfOutcome } from './exit-codes.ts'
import { renderError } from './fail.ts'
import { type HostOptions, hostServices, hostTarget } from './host-target.ts'
import { stamped } from './output/output.ts'
import { renderPlan } from './output/plan-text.ts'

export interface HostRunCommandOptions extends HostOptions {
  readonly yes: boolean
  /** Only the plan. */
  readonly check: boolean
  readonly detailedExitcode: boolean
}

/** What `host prepare` and `host restore` share: look, show the plan, ask, run it with a view, tell the result. */
export async function runOnHosts(
  context: CliContext,
  names: readonly string[],
  options: HostRunCommandOptions,
  work: (progress: Progress, options: HostRunOptions) => Promise<HostRunResult>,
): Promise<number> {
  return attempt(context, options, async () => {
    const target = await hostTarget(context, names, options)
    let isShown = false
    const result = await withView(context, options, (progress, sink) => {
      const showPlan = (plan: Plan): void => {
        sink.pause()
        isShown = true
        context.stdout.write(renderPlan(plan, 'steps'))
      }
      return work(progress, {
        ...target,
        services: hostServices,
        onEvent: (event) => sink.event(stamped(event, context.seam.nowMs())),
        async confirm(plan) {
          if (options.check) return false
          if (!options.json) showPlan(plan)
          if (options.yes) return true
          return mayAsk(context, options) && confirm(context)
        },
      })
    })
    tell(context, options, result, isShown)
    if (options.check && result.outcome === 'declined')
      return options.detailedExitcode ? exitCode.changes : exitCode.done
    return exitCodeOfOutcome(result.outcome)
  })
}

function tell(
  context: CliContext,
  options: HostRunCommandOptions,
  { plan, outcome, run }: HostRunResult,
  isShown: boolean,
): void {
  const { stdout, stderr } = context
  if (options.json) {
    const { resources, findings } = plan
    stdout.write(`${JSON.stringify({ kind: 'result', outcome, resources, findings, steps: plan.steps })}\n`)
    return
  }
  if (!isShown) stdout.write(renderPlan(plan, 'steps'))
  for (const [step, error] of run?.errors ?? []) stderr.write(`\n${step}\n${renderError(error)}`)
  if (outcome === 'declined' && !options.check)
    stderr.write('Nothing was changed. Run it again with --yes to do this.\n')
  if (outcome === 'failed' || outcome === 'cancelled')
    stderr.write('\nRun the same command again after mending this: it goes on from what is there.\n')
  if (outcome === 'done') stdout.write('Done.\n')
}
