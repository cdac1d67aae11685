import { ProvisionError } from '../lib/errors.ts'
import type { Progress } from '../lib/progress.ts'
import type { Phase, PhaseInputs } from './phase.ts'

/** G8. Throws `phase.invalid`. */
export async function collectInputs(
  progress: Progress,
  phase: Phase,
  options: { readonly folder: string | undefined },
): Promise<PhaseInputs> {
  progress.check()
  throw new ProvisionError('internal.bug', {
    message: `Inputs of ${phase.name} in ${options.folder} are not collected yet.`,
  })
}
