import type { StepRun } from '@vmwright/contract'
import { ProvisionError } from '../../lib/errors.ts'
import type { Progress } from '../../lib/progress.ts'
import type { Phase } from '../phase.ts'
import type { PhaseContext } from '../run.ts'

export async function runAnsible(
  progress: Progress,
  phase: Extract<Phase, { kind: 'ansible' }>,
  context: PhaseContext,
): Promise<readonly StepRun[]> {
  progress.check()
  throw new ProvisionError('internal.bug', { message: `${phase.path} of ${context.guest} is not run yet.` })
}
