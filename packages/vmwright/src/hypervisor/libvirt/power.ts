import { calls, errorCode, events, type Domain } from '@vmwright/libvirt'
import { isProvisionError, ProvisionError } from '../../lib/errors.ts'
import type { Progress } from '../../lib/progress.ts'
import { readState } from './observe.ts'
import { libvirtCodeOf, type Session } from './session.ts'

/** The first start after an installation makes libvirt look at QEMU's abilities, which takes up to two minutes. */
export const startTimeoutMs = 300_000
const destroyTimeoutMs = 120_000
/** A guest that is still booting ignores the request, so it is repeated: soon at first, then less often. */
const askAgainMs = { first: 1_000, longest: 10_000 }

/** Starts the machine, or lets a paused one go on; nothing to do when it runs. */
export async function startVm(session: Session, progress: Progress, vm: string): Promise<void> {
  const domain = await session.domain(progress, vm)
  // Whoever was killed while it froze a machine leaves it paused.
  if (domain.id >= 0) return resumeVm(session, progress, domain)
  const purpose = {
    object: vm,
    doing: `start machine ${vm}`,
    lane: 'slow',
    timeoutMs: startTimeoutMs,
  } as const
  await unlessItRuns(session, progress, domain, () =>
    session.call(progress, calls.domainCreateWithFlags, { domain }, purpose),
  )
}

/**
 * Lets a machine that is paused go on; nothing to do with any other. A machine that another call is just starting
 * is paused too, and runs by the time libvirt lets us near it.
 */
export async function resumeVm(session: Session, progress: Progress, domain: Domain): Promise<void> {
  if ((await readState(session, progress, domain)) !== 'paused') return
  const purpose = { object: domain.name, doing: `resume machine ${domain.name}` }
  await unlessItRuns(session, progress, domain, () =>
    session.call(progress, calls.domainResume, { domain }, purpose),
  )
}

/** A call that libvirt refuses because the machine runs already has nothing to do. */
async function unlessItRuns(
  session: Session,
  progress: Progress,
  domain: Domain,
  call: () => Promise<unknown>,
): Promise<void> {
  try {
    await call()
  } catch (error) {
    const isRefused = libvirtCodeOf(error) === errorCode.operationInvalid
    if (!isRefused || (await readState(session, progress, domain)) !== 'running') throw error
  }
}

/** Stops the machine; nothing to do when it is off or not there. Throws `wait.timeout` (`graceful` only). */
export async function stopVm(
  session: Session,
  progress: Progress,
  vm: string,
  how: 'graceful' | 'force',
): Promise<void> {
  const domain = await session.findDomain(progress, vm)
  if (domain === undefined || domain.id < 0) return
  if (how === 'graceful') return shutDown(session, progress, domain)
  await session.callUnless(
    progress,
    calls.domainDestroyFlags,
    { domain },
    {
      object: vm,
      doing: `stop machine ${vm}`,
      lane: 'slow',
      timeoutMs: destroyTimeoutMs,
      absent: [errorCode.operationInvalid, errorCode.noDomain],
    },
  )
}

/**
 * Asks through the guest agent if it is connected, else by ACPI (libvirt's own choice with no flags), and waits
 * for the event of the stop.
 */
async function shutDown(session: Session, progress: Progress, domain: Domain): Promise<void> {
  const what = `machine ${domain.name} to shut down`
  const stopped = new AbortController()
  const unsubscribe = await session.effect(progress, 'domainGetLifecycle', purposeOf(domain), () =>
    session.libvirt.subscribe(
      events.domainLifecycle,
      ({ event }) => event === eventStopped && stopped.abort(),
      { ...progress.callOptions(), domain },
    ),
  )
  progress.report({ what })
  let pauseMs = askAgainMs.first
  try {
    while (!stopped.signal.aborted && (await isActive(session, progress, domain))) {
      if (progress.isOver) throw timedOut(session, what, domain)
      await session.callUnless(
        progress,
        calls.domainShutdownFlags,
        { domain },
        {
          ...purposeOf(domain),
          lane: 'slow',
          absent: [errorCode.operationInvalid, errorCode.noDomain, errorCode.agentUnresponsive],
        },
      )
      await progress
        .child({ signal: stopped.signal })
        .sleep(pauseMs)
        .catch(() => {})
      progress.check()
      pauseMs = Math.min(pauseMs * 2, askAgainMs.longest)
    }
  } catch (error) {
    const isOurDeadline = isProvisionError(error, 'host.timeout') && progress.isOver
    throw isOurDeadline ? timedOut(session, what, domain) : error
  } finally {
    await unsubscribe()
  }
}

const timedOut = ({ host }: Session, what: string, { name }: Domain): ProvisionError =>
  new ProvisionError('wait.timeout', {
    message: `Timed out waiting for ${what} on host ${host}.`,
    hint: 'The guest may have no ACPI or be hung: look at its console, or stop it by force.',
    details: { host, vm: name },
  })

/** `VIR_DOMAIN_EVENT_STOPPED` */
const eventStopped = 5

const purposeOf = ({ name }: Domain) => ({ object: name, doing: `shut down machine ${name}` })

async function isActive(session: Session, progress: Progress, domain: Domain): Promise<boolean> {
  const purpose = { ...purposeOf(domain), absent: [errorCode.noDomain] }
  return (await session.callUnless(progress, calls.domainIsActive, { domain }, purpose))?.active ?? false
}
