import { messageOf } from '../lib/errors.ts'
import type { Progress } from '../lib/progress.ts'
import { overlaysOf } from '../plan/overlays.ts'
import type { Step } from '../plan/steps.ts'
import type { RunContext } from './context.ts'
import type { StepState } from './schedule.ts'

const creationKinds: ReadonlySet<string> = new Set([
  'define-vm',
  'create-disk',
  'protect-template',
  'clone-disk',
  'edit-disks',
  'write-seed',
  'mark-vm',
  'set-autostart',
])

/** True for the steps between defining a new machine and marking it as created. */
export const isCreationStep = (step: Step): boolean => creationKinds.has(step.kind)

/**
 * Removes what a failed creation left: its volumes, then its definition. Only for a machine that this run defined
 * and that never got as far as `created`; a disk that was taken over from an earlier machine stays. A failure
 * here is told and left to the next run, which recognises the machine by its mark.
 */
export async function undoCreation(
  progress: Progress,
  steps: readonly Step[],
  states: ReadonlyMap<string, StepState>,
  context: RunContext,
): Promise<void> {
  const define = steps.find((step) => step.kind === 'define-vm' && step.mode === 'fresh')
  if (define?.kind !== 'define-vm' || states.get(define.id) !== 'done') return
  const { instance } = define.vm
  if (context.state.marks.get(instance.name)?.stage === 'created') return
  const host = context.services.host(define.host)
  const kept = steps.flatMap((step) =>
    (step.kind === 'create-disk' || step.kind === 'clone-disk') && step.existing === 'keep'
      ? [step.disk.device]
      : [],
  )
  const { disks, seed } = define.vm
  const volumes = disks.filter(({ device }) => !kept.includes(device)).map(({ volume }) => volume)
  try {
    for (const volume of seed === undefined ? volumes : [...volumes, seed])
      await host.deleteVolume(progress, volume)
    await host.undefineVm(progress, instance.name)
    context.state.marks.delete(instance.name)
    context.notice('info', `What was made of ${instance.name} was removed again.`, instance.name)
  } catch (error) {
    context.notice(
      'warning',
      `What was made of ${instance.name} could not be removed (${messageOf(error)}); the next run goes on with it.`,
      instance.name,
    )
  }
}

/** Lets templates be changed again that were protected for overlays of which none was made. */
export async function releaseUnused(
  limited: () => Progress,
  steps: readonly Step[],
  states: ReadonlyMap<string, StepState>,
  context: RunContext,
): Promise<void> {
  const seen = new Set<string>()
  for (const step of steps) {
    if (step.kind !== 'protect-template' || states.get(step.id) === 'skipped') continue
    const key = `${step.host} ${step.paths.join(' ')}`
    if (seen.has(key)) continue
    seen.add(key)
    const host = context.services.host(step.host)
    try {
      if (overlaysOf(await host.observe(limited()), step.paths).length > 0) continue
      await host.files.release(limited(), step.paths)
    } catch (error) {
      context.notice('warning', `${step.paths.join(', ')} stay protected from change (${messageOf(error)}).`)
    }
  }
}
