import type { LifecycleRun } from '@vmwright/contract'
import { ProvisionError } from '../../lib/errors.ts'
import type { Progress } from '../../lib/progress.ts'
import type { InstanceSpec, ResolvedSpec } from '../../spec/resolved.ts'
import type { EventBody } from '../run.ts'
import type { LifecycleServices } from './services.ts'

export interface LifecycleOptions {
  readonly spec: ResolvedSpec
  /** All, or those that were named. */
  readonly instances: readonly InstanceSpec[]
  readonly services: LifecycleServices
  readonly onEvent: (event: EventBody) => void
  /** Told to others who want the same guest or host: `vmwright run by ann@laptop`. */
  readonly holder: string
  readonly lockTimeoutMs: number
  /** Guests that are made anew whatever they are. */
  readonly rebuild: ReadonlySet<string>
  /** No shutdown at the end; `terminate` runs all the same. */
  readonly keepRunning: boolean
  /** After the first guest that fails no further one starts, and those that run are cancelled. */
  readonly failFast: boolean
  /** Guests at once, besides the budget of the spec. */
  readonly parallel: number | undefined
}

/** Runs the lifecycles of the guests, side by side as far as there is room. */
export async function runLifecycles(_progress: Progress, _options: LifecycleOptions): Promise<LifecycleRun> {
  throw new ProvisionError('internal.bug', { message: 'Lifecycles are not run yet.' })
}
