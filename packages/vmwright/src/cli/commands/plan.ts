import { composeServices } from '../../compose.ts'
import { preview } from '../../engine/operations.ts'
import { attempt, show, withView } from '../attempt.ts'
import type { CliContext } from '../context.ts'
import { exitCode } from '../exit-codes.ts'
import { load } from '../load.ts'
import type { SpecOptions } from '../options.ts'
import { renderPlan } from '../output/plan-text.ts'
import { requestOf, type RequestOptions } from '../request.ts'

export interface PlanOptions extends SpecOptions, RequestOptions {
  readonly detailedExitcode: boolean
  readonly steps: boolean
}

/** Shows what `apply` would do. Changes nothing. Exit code 1 when it would leave out instances of hosts that are down. */
export async function plan(
  context: CliContext,
  names: readonly string[],
  options: PlanOptions,
): Promise<number> {
  return attempt(context, options, async () => {
    const { spec, instances } = await load(context, options, names)
    const services = composeServices(spec, context)
    const result = await withView(context, {}, (progress) =>
      preview(progress, { spec, instances, services }, requestOf(spec, options)),
    )
    show(context, options.json, result, () => renderPlan(result, options.steps ? 'steps' : 'changes'))
    if (result.findings.some((finding) => finding.severity === 'error')) return exitCode.blocked
    const lost = result.changes.some(({ action }) => action === 'blocked')
    if (lost) return exitCode.failed
    const pending =
      result.steps.length > 0 ||
      result.resources.length > 0 ||
      result.changes.some((change) => change.fields.length > 0)
    return options.detailedExitcode && pending ? exitCode.changes : exitCode.done
  })
}
