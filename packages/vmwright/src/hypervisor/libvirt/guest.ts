import { calls, errorCode, events, type Domain, type DomainInterface } from '@vmwright/libvirt'
import { messageOf, ProvisionError } from '../../lib/errors.ts'
import type { Progress } from '../../lib/progress.ts'
import { parseXml } from '../../lib/xml.ts'
import type { ConsoleStream, GuestAccess, GuestAddresses, GuestChange } from '../guest-access.ts'
import { readState } from './observe.ts'
import { libvirtCodeOf, type CallPurpose, type Session } from './session.ts'
import { stateOfEvent } from './state.ts'

/** `virDomainInterfaceAddressesSource` */
const addressSource = { lease: 0, agent: 1, arp: 2 } as const
/** `VIR_DOMAIN_CONSOLE_FORCE`: a reader that is gone but whose connection still stands must not keep us out. */
const forceConsole = 1
const agentTimeoutMs = 30_000
/** For the agent's part of the addresses, which are asked for again and again. */
const agentAddressTimeoutMs = 5_000

/** Access to the guest of that name, which need not run yet. */
export function guestAccess(session: Session, vm: string): GuestAccess {
  return {
    async state(progress) {
      const domain = await session.findDomain(progress, vm)
      return domain === undefined ? 'unknown' : readState(session, progress, domain)
    },
    isEmulated: (progress) => isEmulated(session, progress, vm),
    addresses: (progress, from) => addresses(session, progress, vm, from),
    agent: (progress, command, args) => agent(session, progress, vm, { execute: command, arguments: args }),
    console: (progress) => openConsole(session, progress, vm),
    watch: (progress, onChange) => watch(session, progress, vm, onChange),
  }
}

async function isEmulated(session: Session, progress: Progress, vm: string): Promise<boolean> {
  const domain = await session.domain(progress, vm)
  const purpose = { object: vm, doing: `read machine ${vm}` }
  const { xml } = await session.call(progress, calls.domainGetXmlDesc, { domain }, purpose)
  return parseXml(xml).attributes['type'] === 'qemu'
}

async function addresses(
  session: Session,
  progress: Progress,
  vm: string,
  from: readonly (keyof GuestAddresses)[] = ['lease', 'arp', 'agent'],
): Promise<GuestAddresses> {
  const domain = await session.domain(progress, vm)
  const ask = async (source: keyof GuestAddresses): Promise<readonly string[]> => {
    if (!from.includes(source)) return []
    const purpose: CallPurpose = {
      object: vm,
      doing: `ask for the addresses of machine ${vm}`,
      ...(source === 'agent' ? { lane: 'slow', timeoutMs: agentAddressTimeoutMs } : {}),
    }
    const args = { domain, source: addressSource[source] }
    try {
      return (await session.call(progress, calls.domainInterfaceAddresses, args, purpose)).interfaces.flatMap(
        addressesOf,
      )
    } catch {
      progress.check()
      return []
    }
  }
  const [lease, arp, agent] = await Promise.all([ask('lease'), ask('arp'), ask('agent')])
  return { lease, arp, agent }
}

/** Without loopback, which the agent lists too. */
const addressesOf = (from: DomainInterface): readonly string[] =>
  from.addresses.map(({ address }) => address).filter((address) => !/^(?:127\.|::1$)/.test(address))

interface AgentCommand {
  readonly execute: string
  readonly arguments: Readonly<Record<string, unknown>> | undefined
}

async function agent(
  session: Session,
  progress: Progress,
  vm: string,
  command: AgentCommand,
): Promise<unknown> {
  const domain = await session.domain(progress, vm)
  const { timeoutMs } = progress.callOptions(agentTimeoutMs)
  const seconds = Math.max(1, Math.floor(timeoutMs / 1000))
  const purpose: CallPurpose = {
    object: vm,
    doing: `call ${command.execute} of the guest agent of machine ${vm}`,
    lane: 'slow',
    timeoutMs: seconds * 1000 + 2_000,
  }
  const args = { domain, command: JSON.stringify(command), timeout: seconds }
  try {
    const { result } = await session.call(progress, calls.domainAgentCommand, args, purpose)
    const reply: unknown = JSON.parse(result ?? '{}')
    return reply !== null && typeof reply === 'object' && 'return' in reply ? reply.return : undefined
  } catch (error) {
    throw isSilence(error) ? silent(session, vm, error) : error
  }
}

/** No agent: the machine is off, has no channel for one, or nobody answers on it. */
function isSilence(error: unknown): boolean {
  const silences: readonly (number | undefined)[] = [
    errorCode.operationInvalid,
    errorCode.argumentUnsupported,
    errorCode.agentUnresponsive,
    errorCode.agentUnsynced,
    errorCode.operationUnsupported,
  ]
  return silences.includes(libvirtCodeOf(error))
}

function silent(session: Session, vm: string, cause: unknown): ProvisionError {
  return new ProvisionError('guest.agent-silent', {
    message: `The guest agent of machine ${vm} on host ${session.host} does not answer.`,
    details: { host: session.host, vm },
    retryable: true,
    cause,
  })
}

/**
 * Attaches to the serial console. libvirt passes on only what comes while somebody is attached; so before the
 * start this waits for the event of the start, and misses the milliseconds in between.
 */
async function openConsole(session: Session, progress: Progress, vm: string): Promise<ConsoleStream> {
  await untilRunning(session, progress, vm)
  const domain = await session.domain(progress, vm)
  const purpose = { object: vm, doing: `open the console of machine ${vm}` }
  const open = () =>
    session.effect(progress, calls.domainOpenConsole.name, purpose, () =>
      session.libvirt.openStream(
        calls.domainOpenConsole,
        { domain, devname: undefined, flags: forceConsole },
        { signal: progress.signal },
      ),
    )
  const stream = await progress.poll({ everyMs: 50, what: `the console of machine ${vm}` }, () =>
    open().catch((error: unknown) => {
      if (isStarting(error)) return undefined
      throw error
    }),
  )
  return {
    [Symbol.asyncIterator]: () => stream[Symbol.asyncIterator](),
    [Symbol.asyncDispose]: () => stream.close(),
    write: (data) => stream.write(data),
  }
}

/** A domain counts as active a moment before QEMU has told libvirt the terminal of its console. */
const isStarting = (error: unknown): boolean =>
  libvirtCodeOf(error) === errorCode.operationFailed && /not yet assigned/.test(messageOf(error))

async function untilRunning(session: Session, progress: Progress, vm: string): Promise<void> {
  const domain = await session.findDomain(progress, vm)
  if (domain !== undefined && domain.id >= 0) return
  const started = new AbortController()
  await using _watch = await watch(session, progress, vm, (change) => {
    if (change.kind === 'state' && change.state === 'running') started.abort()
  })
  const options = { everyMs: 5_000, what: `machine ${vm} to start`, wake: started.signal }
  await progress.poll(options, async () => {
    const domain = await session.findDomain(progress, vm)
    return domain !== undefined && domain.id >= 0 ? domain : undefined
  })
}

/** Calls back at each change of state and of the agent's channel. The machine may be defined later. */
async function watch(
  session: Session,
  progress: Progress,
  vm: string,
  onChange: (change: GuestChange) => void,
): Promise<AsyncDisposable> {
  const subscriptions = new AsyncDisposableStack()
  const purpose = { object: vm, doing: `watch machine ${vm}` }
  const options = { ...progress.callOptions() }
  const isOurs = (domain: Domain): boolean => domain.name === vm
  const lifecycle = session.effect(progress, 'domainGetLifecycle', purpose, () =>
    session.libvirt.subscribe(
      events.domainLifecycle,
      ({ domain, event, detail }) => {
        const state = isOurs(domain) ? stateOfEvent(event, detail) : undefined
        if (state !== undefined) onChange({ kind: 'state', state })
      },
      options,
    ),
  )
  subscriptions.defer(await lifecycle)
  try {
    const agent = session.effect(progress, 'domainGetAgentLifecycle', purpose, () =>
      session.libvirt.subscribe(
        events.domainAgentLifecycle,
        ({ domain, state }) => {
          if (isOurs(domain)) onChange({ kind: 'agent', connected: state === 1 })
        },
        options,
      ),
    )
    subscriptions.defer(await agent)
  } catch (error) {
    await subscriptions.disposeAsync()
    throw error
  }
  return subscriptions
}
