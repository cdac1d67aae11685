import { composeServices } from '../compose.ts'
import type { OperationOptions, OperationResult } from '../engine/operations.ts'
import type { Progress } from '../lib/progress.ts'
import type { Plan } from '../plan/plan.ts'
import { attempt, withView } from './attempt.ts'
import { confirm, mayAsk } from './confirm.ts'
import type { CliContext } from './context.ts'
import { exitCodeOfOutcome } from './exit-codes.ts'
import { renderError } from './fail.ts'
import { load, type Loaded } from './load.ts'
import { type SpecOptions, sshCommand } from './options.ts'
import { stamped } from './output/output.ts'
import { renderFinding, renderPlan } from './output/plan-text.ts'
import { renderInstances } from './output/result.ts'
import { openTimings } from './timings.ts'

export interface OperateOptions {
  readonly yes: boolean
  /** Milliseconds. */
  readonly lockTimeout: number
  /** Folder for the timings of this run, in place of one among those of the last runs. */
  readonly timings?: string
}

interface Operation {
  readonly work: (progress: Progress, options: OperationOptions) => Promise<OperationResult>
  readonly needsConfirmation: (plan: Plan) => boolean
  readonly neverAsk?: boolean
  /** In place of what the options name. */
  readonly loaded?: Pick<Loaded, 'spec' | 'instances'>
  /** What is part of something larger says only what went wrong. */
  readonly tell?: 'all' | 'problems'
}

/** What `apply` and `destroy` share: load, connect, confirm, run with a live view, tell the result. */
export async function operate(
  context: CliContext,
  names: readonly string[],
  options: SpecOptions & OperateOptions,
  command: string,
  operation: Operation,
): Promise<number> {
  return attempt(context, options, async () => {
    const startedMs = context.seam.nowMs()
    const { spec, instances } = operation.loaded ?? (await load(context, options, names))
    let isShown = false
    const result = await withView(context, options, (outer, sink) => {
      const timings = openTimings(context, options, { command, startedMs, sink })
      return operation.work(timings.heard(outer), {
        spec,
        instances,
        services: composeServices(spec, context),
        onEvent(event) {
          const told = stamped(event, context.seam.nowMs())
          sink.event(told)
          timings.event(told)
        },
        holder: context.holder(command),
        lockTimeoutMs: options.lockTimeout,
        async confirm(plan) {
          if (options.yes || !operation.needsConfirmation(plan)) return true
          if (operation.neverAsk === true || !mayAsk(context, options)) return false
          sink.pause()
          isShown = true
          timings.question()
          context.stdout.write(renderPlan(plan, 'steps'))
          return confirm(context)
        },
      })
    })
    const isQuiet = operation.tell === 'problems' && ['done', 'unchanged'].includes(result.outcome)
    if (!isQuiet) tell(context, options, { command, result, isShown })
    return exitCodeOfOutcome(result.outcome)
  })
}

interface Told {
  readonly command: string
  readonly result: OperationResult
  /** The plan is on the screen already, above the question. */
  readonly isShown: boolean
}

function tell(context: CliContext, options: SpecOptions, { command, result, isShown }: Told): void {
  const { stdout, stderr } = context
  if (options.json) {
    const { plan, outcome, instances } = result
    const unreachable = Object.fromEntries(result.unreachable)
    stdout.write(
      `${JSON.stringify({ kind: 'result', outcome, changes: plan.changes, resources: plan.resources, findings: plan.findings, instances, unreachable })}\n`,
    )
    return
  }
  switch (result.outcome) {
    case 'blocked':
      return void stderr.write(renderPlan(result.plan, 'changes'))
    case 'declined':
      if (isShown) return void stderr.write('Nothing was done.\n')
      stdout.write(renderPlan(result.plan, 'steps'))
      return void stderr.write('Nothing was done. Run it again with --yes to do this.\n')
    case 'unchanged':
      stderr.write(renderPlan(result.plan, 'changes'))
      break
    case 'failed':
      for (const [host, error] of result.unreachable) stderr.write(`\n${host}\n${renderError(error)}`)
      for (const [step, error] of result.run?.errors ?? []) stderr.write(`\n${step}\n${renderError(error)}`)
      stderr.write(`\nRun the same command again after mending this: it goes on from what is there.\n\n`)
      break
    case 'cancelled':
      stderr.write(
        `\nCancelled. This is what there is now; the same command goes on from here, \`vmwright destroy --disks\` removes it.\n\n`,
      )
      break
    case 'done':
      if (!isShown) stderr.write(warningsOf(result.plan))
  }
  if (command === 'apply' || result.outcome !== 'done')
    stdout.write(renderInstances(result.instances, sshCommand(context.environment, options)))
  else stdout.write(`Removed ${removedOf(result.plan).join(', ') || 'leftover files'}.\n`)
}

/** What the plan warned of, for who did not see it. */
const warningsOf = ({ findings }: Plan): string =>
  findings
    .filter(({ severity }) => severity === 'warning')
    .map((finding) => `${renderFinding(finding)}\n`)
    .join('')

const removedOf = ({ changes, resources }: Plan): readonly string[] => [
  ...changes.filter(({ action }) => action === 'destroy').map(({ instance }) => instance),
  ...resources
    .filter(({ action, kind }) => action === 'remove' && kind === 'network')
    .map(({ name }) => `network ${name}`),
]
