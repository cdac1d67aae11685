import type { GuestRun } from '@vmwright/contract'
import type { ObservedVm } from '../../hypervisor/contract.ts'
import { isProvisionError, ProvisionError } from '../../lib/errors.ts'
import type { Progress } from '../../lib/progress.ts'
import { lifecycleActions } from '../../spec/resolved-lifecycle.ts'
import { hostOf } from '../host-facts.ts'
import { Session } from '../session.ts'
import { ActionLog } from './action-log.ts'
import { bodyOf, type GuestPlan, planGuest } from './body.ts'
import { openLine } from './connect.ts'
import { endGuest, recoverGuest, switchOff } from './ending.ts'
import { lookAtMachine, makeMachine } from './ensure.ts'
import type { Existence } from './existence.ts'
import type { Guest, GuestJob } from './job.ts'
import { isOurs, Machine } from './machine.ts'
import { stepsOf } from './plan-run.ts'

/** Runs the lifecycle of one guest from its place in the queue to its shutdown. Resolves also when it failed. */
export async function runGuest(progress: Progress, job: GuestJob): Promise<GuestRun> {
  const { instance, phases, options, results, queued, onChange } = job
  const { name, host, matrix } = instance
  const runOf = (outcome: GuestRun['outcome']): GuestRun => ({
    name,
    host,
    platform: matrix?.platform,
    target: matrix?.target,
    outcome,
    actions: log.entries,
    because: undefined,
    fetched: results.fetched(name),
  })
  const log: ActionLog = new ActionLog({
    guest: name,
    seam: progress.seam,
    onEvent: options.onEvent,
    onChange: () => onChange(runOf('unfinished')),
  })
  if (queued !== undefined) log.waited('queue', queued.because, queued.sinceMs)
  try {
    await workOn(progress, job, log)
  } catch (error) {
    log.explain(progress, 'prepare', error)
  }
  tellWhatDidNotCome(job, log)
  log.close(stepsOf({ instance, phases, inside: undefined }).map(({ id }) => id))
  return runOf(log.hasFailed ? 'failed' : log.stoppedAt === undefined ? 'passed' : 'cancelled')
}

async function workOn(progress: Progress, job: GuestJob, log: ActionLog): Promise<void> {
  const { instance, options, spec } = job
  await using _held = await holdGuest(progress, job)
  await using session = await Session.open(progress, spec, [instance], options.services.session)
  const place = { job, session, log }
  const rebuild = options.rebuild.has(instance.name)
  const { vm, judge } = await lookAtMachine(progress, job, { session, rebuild })
  if (vm?.mark?.run !== undefined && isOurs(vm, spec.project))
    await withGuest(progress, place, vm, (guest) => recoverGuest(progress, guest))
  const existence = judge()
  const there = existence.kind === 'there' && vm !== undefined ? vm : await make(progress, place, existence)
  const anew = await withGuest(progress, place, there, async (guest) => {
    const plan = await planGuest(progress, guest)
    if (plan.decision.anew !== undefined && instance.disposable) return plan.decision.anew
    if (plan.decision.anew !== undefined)
      options.onEvent({
        kind: 'notice',
        level: 'warning',
        message: plan.decision.anew,
        instance: instance.name,
      })
    await live(progress, guest, plan)
    return undefined
  })
  if (anew === undefined) return
  const fresh = await make(progress, place, { kind: 'anew', because: anew })
  await withGuest(progress, place, fresh, async (guest) =>
    live(progress, guest, await planGuest(progress, guest)),
  )
}

/** One run a guest. Throws `run.busy`. */
async function holdGuest(
  progress: Progress,
  { instance, spec, options }: GuestJob,
): Promise<AsyncDisposable> {
  const { name, host } = instance
  const key = `guest ${name} on ${hostOf(spec, host).uri}`
  try {
    return await options.services.hold(progress.child({ timeoutMs: 1_000 }), key, options.holder)
  } catch (cause) {
    if (!isProvisionError(cause, 'host.locked')) throw cause
    throw new ProvisionError('run.busy', {
      message: `Another run works on ${name}${holderIn(cause.details)}.`,
      details: { ...cause.details, instance: name, host },
      retryable: true,
      cause,
    })
  }
}

const holderIn = ({ holder }: Readonly<Record<string, unknown>>): string =>
  typeof holder === 'string' ? `: ${holder}` : ''

type Workplace = Pick<Guest, 'job' | 'session' | 'log'>

/** What does not get through its first boot is switched off again, as whatever else is not needed any more. */
async function make(progress: Progress, place: Workplace, existence: Existence): Promise<ObservedVm> {
  const { job, session, log } = place
  if (existence.kind === 'there')
    throw new ProvisionError('internal.bug', { message: `${job.instance.name} is there and not seen.` })
  try {
    return await log.run(progress, 'create', (told, note) => {
      note.because = existence.because
      return makeMachine(told, place, existence)
    })
  } catch (error) {
    await switchOff(progress, session.host(job.instance.host), place)
    throw error
  }
}

async function withGuest<T>(
  progress: Progress,
  place: Workplace,
  vm: ObservedVm,
  work: (guest: Guest) => Promise<T>,
): Promise<T> {
  const { job, session } = place
  const { instance, spec, options } = job
  const { mark } = vm
  if (mark === undefined)
    throw new ProvisionError('internal.bug', { message: `${instance.name} has no mark although it is ours.` })
  const { holder, lockTimeoutMs, services } = options
  const host = session.host(instance.host)
  const machine = new Machine({ host, name: instance.name, mark, holder, lockTimeoutMs })
  await using line = await openLine(progress, { spec, instance, services, session, mark })
  return await work({ ...place, machine, line })
}

/** From the note that a run has begun to its removal. */
async function live(progress: Progress, guest: Guest, plan: GuestPlan): Promise<void> {
  await guest.machine.writeMark(progress, { run: guest.job.results.id })
  try {
    await bodyOf(progress, guest, plan)
  } catch (error) {
    guest.log.explain(progress, 'prepare', error)
    throw error
  } finally {
    await endGuest(progress, guest)
  }
}

/** What a reader may look for and that was not come to. */
function tellWhatDidNotCome({ instance, phases }: GuestJob, log: ActionLog): void {
  const stopped = log.stoppedAt
  const before = stopped === undefined ? 'not needed' : `${stopped.action} ${stopped.status}`
  for (const action of lifecycleActions) {
    if (log.has(action)) continue
    const isMissing = action in phaseNamesOnly && phases[action as keyof typeof phaseNamesOnly] === undefined
    log.skip(
      action,
      !instance.lifecycle.allowed.includes(action) ? 'not allowed' : isMissing ? 'no file' : before,
    )
  }
}

const phaseNamesOnly = { dependencies: true, init: true, main: true, terminate: true } as const
