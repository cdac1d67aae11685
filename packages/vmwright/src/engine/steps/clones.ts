import type { DiskClone } from '../../hypervisor/disks.ts'
import { isProvisionError, ProvisionError } from '../../lib/errors.ts'
import type { Progress } from '../../lib/progress.ts'
import { inTurn } from '../../lib/turns.ts'
import type { Handler, StepOf } from '../handlers.ts'

/**
 * Makes one disk of a clone. While other jobs of the host are in the way it is tried again, with growing pauses, until
 * the step has no time left; in the mode `auto` (T1) those that were hindered are then made one at a time.
 */
export const cloneDisk: Handler<'clone-disk'> = async (progress, step, context) => {
  const host = context.services.host(step.host)
  const attempt = (): Promise<void> => host.cloneDisk(progress, cloneOf(step))
  const busy = await attempt().then(() => undefined, busyOrThrow)
  if (busy === undefined) return
  const again = (): Promise<void> => tryAgain(progress, attempt, busy)
  if (context.services.spec.cloning.mode === 'auto')
    await inTurn(context.state.turns, `clone ${step.host}`, again)
  else await again()
}

const cloneOf = ({ disk, from, template, existing }: StepOf<'clone-disk'>): DiskClone => ({
  ...disk.volume,
  from: { path: from.path, format: from.format },
  mode: template.mode,
  sizeBytes: disk.sizeBytes,
  workspace: template.workspace,
  existing,
})

function busyOrThrow(error: unknown): ProvisionError {
  if (isProvisionError(error, 'host.busy')) return error
  throw error
}

const longestPauseMs = 30_000

async function tryAgain(
  progress: Progress,
  attempt: () => Promise<void>,
  first: ProvisionError,
): Promise<void> {
  let busy: ProvisionError | undefined = first
  for (let pauseMs = 1_000; busy !== undefined; pauseMs = Math.min(2 * pauseMs, longestPauseMs)) {
    if (progress.remainingMs === 0) throw busy
    progress.report({ what: 'another job of the host to end' })
    await progress.sleep(pauseMs)
    busy = await attempt().then(() => undefined, busyOrThrow)
  }
}

export const emptyWorkspace: Handler<'empty-workspace'> = (progress, step, context) =>
  context.services.host(step.host).files.emptyWorkspace(progress, step.path)

export const repairAccess: Handler<'repair-access'> = async (progress, step, context) => {
  await context.services.host(step.host).files.repairAccess(progress, step.repairs)
}
