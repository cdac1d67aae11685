import { ProvisionError } from '../lib/errors.ts'
import type { Progress } from '../lib/progress.ts'
import type { LifecycleSpec } from '../spec/resolved-lifecycle.ts'
import type { Phases } from './phase.ts'

export interface PhaseSearch {
  /** Absolute; `undefined`: only what stands in the spec. */
  readonly folder: string | undefined
  readonly platform: string | undefined
  readonly target: string | undefined
  /** Steps of the spec; they win over files. */
  readonly inline: LifecycleSpec['phases']
}

/** G3. Throws `phase.invalid`. */
export async function findPhases(progress: Progress, search: PhaseSearch): Promise<Phases> {
  progress.check()
  throw new ProvisionError('internal.bug', { message: `Phases of ${search.folder} are not looked up yet.` })
}
