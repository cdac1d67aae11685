import type { Hypervisor } from '../../hypervisor/contract.ts'
import { messageOf } from '../../lib/errors.ts'
import { Progress } from '../../lib/progress.ts'
import type { Phase } from '../../phases/phase.ts'
import type { Guest } from './job.ts'
import { removeHalfMade } from './layers.ts'
import { runGuestPhase } from './phase.ts'
import { shutDown } from './power.ts'

/**
 * G1. Whatever happened before, also after a cancellation: `terminate`, then the shutdown, then the note that a run is
 * going on is taken away. Each failure is in the guest's log of actions, and none keeps the others from being done.
 */
export async function endGuest(outer: Progress, guest: Guest): Promise<void> {
  const { job, line, log, machine } = guest
  const { lifecycle } = job.instance
  const progress = uncancelled(outer)
  const why = whyNoTerminate(guest, (await isRunning(progress, guest)) ? 'running' : 'stopped')
  const phase = job.phases.terminate
  if (why !== undefined || phase === undefined) log.skip('terminate', why ?? 'no file')
  else
    await log
      .run(progress, 'terminate', (told, note) => runGuestPhase(told, guest, phase, note))
      .catch(() => {})
  await line.drop()
  const over = async (told: Progress): Promise<void> => machine.writeMark(told, { run: undefined })
  if (job.options.keepRunning || !lifecycle.allowed.includes('shutdown')) {
    log.skip('shutdown', job.options.keepRunning ? 'it is to be kept running' : 'not allowed')
    return over(progress)
  }
  const shutdown = log.run(progress, 'shutdown', async (told, note) => {
    const how = await shutDown(told, machine.host, machine.name, lifecycle.shutdown)
    if (how !== undefined) note.because = how
    await over(told)
  })
  await shutdown.catch(() => {})
}

/** Shuts down a machine that could not be made whole, if it runs. Its failure is in the log of actions. */
export async function switchOff(
  outer: Progress,
  host: Hypervisor,
  { job, log }: Pick<Guest, 'job' | 'log'>,
): Promise<void> {
  const { name, lifecycle } = job.instance
  if (job.options.keepRunning || !lifecycle.allowed.includes('shutdown')) return
  const progress = uncancelled(outer)
  const state = await host
    .guest(name)
    .state(progress)
    .catch(() => 'stopped')
  if (state === 'stopped') return
  const shutdown = log.run(progress, 'shutdown', async (told, note) => {
    const how = await shutDown(told, host, name, lifecycle.shutdown)
    if (how !== undefined) note.because = how
  })
  await shutdown.catch(() => {})
}

/** Ends what an earlier run that was killed has left: its `terminate`, its shutdown. */
export async function recoverGuest(outer: Progress, guest: Guest): Promise<void> {
  const { job, line, log, machine } = guest
  const run = machine.mark.run
  if (run === undefined) return
  await log.run(outer, 'recover', async (progress, note) => {
    note.because = `the run ${run} had begun on it and not ended`
    const phase = job.phases.terminate
    if (phase !== undefined && job.instance.lifecycle.allowed.includes('terminate')) {
      const failure = await terminateOld(progress, guest, phase, note)
      if (failure !== undefined) {
        note.because += `; its terminate failed: ${failure}`
        const message = `What an earlier run had begun on ${machine.name} could not be ended as its terminate says: ${failure}`
        job.options.onEvent({ kind: 'notice', level: 'warning', message, instance: machine.name })
      }
    }
    await line.drop()
    await shutDown(progress, machine.host, machine.name, job.instance.lifecycle.shutdown)
    await removeHalfMade(progress, guest)
    await machine.writeMark(progress, { run: undefined, making: undefined })
  })
}

/** Why it failed; a guest that is off has nothing that could be ended. */
async function terminateOld(
  progress: Progress,
  guest: Guest,
  phase: Phase,
  note: Parameters<typeof runGuestPhase>[3],
): Promise<string | undefined> {
  if (!(await isRunning(progress, guest))) return undefined
  try {
    await guest.line.awaitReachable(progress)
    await runGuestPhase(progress, guest, phase, note)
    return undefined
  } catch (error) {
    progress.check()
    return messageOf(error)
  }
}

function whyNoTerminate({ job, line }: Guest, state: 'running' | 'stopped'): string | undefined {
  if (job.phases.terminate === undefined) return 'no file'
  if (!job.instance.lifecycle.allowed.includes('terminate')) return 'not allowed'
  if (state === 'stopped') return 'it does not run'
  return line.reached ? undefined : 'the guest was never reached'
}

const isRunning = async (progress: Progress, { machine }: Guest): Promise<boolean> =>
  (await machine.state(progress).catch(() => 'unknown')) === 'running'

/** With the same listener and no end but its own. */
const uncancelled = (progress: Progress): Progress =>
  new Progress(progress.seam, { report: (report) => progress.report(report) })
