import { apply as applySpec } from '../../engine/operations.ts'
import type { Plan } from '../../plan/plan.ts'
import type { CliContext } from '../context.ts'
import type { SpecOptions } from '../options.ts'
import { requestOf, type RequestOptions } from '../request.ts'
import { operate, type OperateOptions } from '../operate.ts'
import { plan } from './plan.ts'

export interface ApplyOptions extends SpecOptions, RequestOptions, OperateOptions {
  readonly check: boolean
}

/** Makes the hosts be as the spec says. Asks only before something is lost or taken over. */
export async function apply(
  context: CliContext,
  names: readonly string[],
  options: ApplyOptions,
): Promise<number> {
  if (options.check) return plan(context, names, { ...options, detailedExitcode: false, steps: true })
  return operate(context, names, options, 'apply', {
    work: (progress, operation) => applySpec(progress, operation, requestOf(operation.spec, options)),
    needsConfirmation: (wanted: Plan) =>
      wanted.changes.some((change) => ['replace', 'reseed', 'adopt'].includes(change.action)),
  })
}
