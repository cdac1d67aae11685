import type { VmState } from '../hypervisor/contract.ts'
import type { GuestAccess } from '../hypervisor/guest-access.ts'
import { ProvisionError, isProvisionError } from '../lib/errors.ts'
import type { Progress } from '../lib/progress.ts'
import { type ReadyRung, readyRungs } from '../spec/resolved.ts'
import { Bell } from './bell.ts'
import {
  type Climb,
  type Wanted,
  refreshAddresses,
  sameAddress,
  seenAddresses,
  wantedAddresses,
} from './climb.ts'
import { CloudInitFailure } from './cloud-init-wait.ts'
import { followConsole } from './console-follow.ts'
import { type Finding, type FindingKind, consoleClassifier } from './console.ts'
import { diagnose } from './diagnose.ts'
import type { Trigger } from './failure-facts.ts'
import { gatherFacts } from './gather-facts.ts'
import { type GuestNetwork, realNetwork } from './network.ts'
import { type Rung, rungs } from './rungs.ts'

export interface ReadyReport {
  /** The one that answered first, then the others; without old leases that nobody answers at. */
  readonly addresses: readonly string[]
  readonly rungs: readonly {
    readonly rung: ReadyRung
    readonly durationMs: number
    /** What is not as sure as the rung's name says. */
    readonly remark?: string
  }[]
  readonly cloudInit?: {
    readonly status: 'done' | 'disabled' | 'unconfirmed'
    readonly confirmedBy: 'agent' | 'ssh' | 'console'
    readonly dataSource: string | undefined
    readonly errors: readonly string[]
    /** Level → what cloud-init recovered from. */
    readonly recoverable: Readonly<Record<string, readonly string[]>>
  }
}

/**
 * Waits until a guest has climbed the rungs of `instance.ready`, each within its own limit and all within the
 * progress's deadline. Events and the console wake it; a panic or a stop ends it at once. Throws the `guest.*`
 * errors with a diagnosis in `details`, and what the driver throws about the host. Changes nothing; safe to repeat.
 */
export async function awaitReady(
  progress: Progress,
  guest: GuestAccess,
  wanted: Wanted,
  network: GuestNetwork = realNetwork,
): Promise<ReadyReport> {
  const bell = new Bell()
  const ending = new AbortController()
  const own = progress.child({ signal: ending.signal })
  const end = (trigger: Trigger): void => ending.abort(new Ended(trigger))
  const onFinding = (finding: Finding): void => {
    if (fatalFindings.has(finding.kind)) end({ kind: 'console', finding })
    bell.ring()
  }

  const classify = consoleClassifier(wanted.instance.cloudInit.finalMessage)
  await using console = await followConsole(progress, guest, classify, onFinding)
  const climb: Climb = {
    guest,
    network,
    wanted,
    console,
    bell,
    state: undefined,
    isEmulated: false,
    agentConnected: undefined,
    addresses: { lease: [], arp: [], agent: [] },
    addressesAtMs: 0,
    inherited: new Set(),
    startedAtMs: progress.seam.monotonicMs(),
    portAnswers: new Map(),
    reached: undefined,
    session: undefined,
    sshProblem: undefined,
    mismatchSinceMs: undefined,
    cloudInit: undefined,
  }
  const onState = (state: VmState): void => {
    climb.state = state
    if (hasStopped(state)) end({ kind: 'stopped' })
  }
  await using _watch = await guest.watch(progress, (change) => {
    if (change.kind === 'state') onState(change.state)
    else climb.agentConnected = change.connected
    bell.ring()
  })
  onState(await guest.state(progress))
  climb.isEmulated = await guest.isEmulated(progress)
  if (wanted.firstBoot) {
    await refreshAddresses(progress, climb)
    for (const address of seenAddresses(climb.addresses)) climb.inherited.add(address)
  }

  const climbed: ReadyReport['rungs'][number][] = []
  try {
    for (const rung of readyRungs) {
      if (!wanted.instance.ready.rungs.includes(rung)) continue
      const startedMs = progress.seam.monotonicMs()
      const remark = await climbRung(own, climb, rung).catch(async (error: unknown) => {
        progress.check()
        const trigger = await triggerOf(progress, climb, own, error)
        if (trigger === undefined) throw error
        const elapsedMs = progress.seam.monotonicMs() - startedMs
        const { code, ...found } = diagnose(await gatherFacts(progress, climb, { rung, trigger, elapsedMs }))
        throw new ProvisionError(code, { ...found, cause: error instanceof Ended ? undefined : error })
      })
      const durationMs = Math.round(progress.seam.monotonicMs() - startedMs)
      climbed.push({ rung, durationMs, ...(remark === undefined ? {} : { remark }) })
    }
    return { addresses: addressesOf(climb), rungs: climbed, ...cloudInitOf(climb) }
  } finally {
    climb.session?.[Symbol.dispose]()
  }
}

/** Waiting on cannot mend these. */
const fatalFindings: ReadonlySet<FindingKind> = new Set(['kernel-panic', 'no-boot-device', 'emergency-mode'])

const hasStopped = (state: VmState): boolean => state === 'stopped' || state === 'crashed'

/** The reason with which all waiting is aborted when an event decides. */
class Ended extends Error {
  readonly trigger: Trigger

  constructor(trigger: Trigger) {
    super('the guest cannot become ready any more')
    this.trigger = trigger
  }
}

class RungTimeout extends Error {}

/** How much longer an emulated guest may take where nobody chose the limit. */
const emulatedPatience = 3

function limitMs({ wanted, isEmulated }: Climb, rung: ReadyRung): number {
  const { timeoutMs, usualLimits } = wanted.instance.ready
  return timeoutMs[rung] * (isEmulated && usualLimits.includes(rung) ? emulatedPatience : 1)
}

const pauseGrowth = 1.3

/** Looks, waits for an event or a pause that grows, and looks again. Returns the remark of the rung, if it has one. */
async function climbRung(own: Progress, climb: Climb, name: ReadyRung): Promise<string | undefined> {
  const rung: Rung = rungs[name]
  const limit = own.child({ timeoutMs: limitMs(climb, name) })
  let said: string | undefined
  const say = (): void => {
    const what = rung.describe(climb)
    if (what !== said) limit.report({ what })
    said = what
  }
  let [pauseMs] = rung.pauseMs
  for (;;) {
    limit.check()
    say()
    const since = climb.bell.count
    const reached = await rung.probe(limit, climb).catch((error: unknown) => {
      limit.check()
      if (limit.isOver && isProvisionError(error)) return false
      throw error
    })
    limit.check()
    if (reached !== false) return reached === true ? undefined : reached
    if (limit.isOver) throw new RungTimeout(`${name} was not reached in time`)
    say()
    await climb.bell.waitSince(limit, since, pauseMs)
    pauseMs = Math.min(pauseMs * pauseGrowth, rung.pauseMs[1])
  }
}

/** What an error means for the guest; `undefined`: it is not about the guest. */
async function triggerOf(
  progress: Progress,
  climb: Climb,
  own: Progress,
  error: unknown,
): Promise<Trigger | undefined> {
  if (own.signal.reason instanceof Ended) return own.signal.reason.trigger
  if (error instanceof RungTimeout) return { kind: 'timeout' }
  if (error instanceof CloudInitFailure) return { kind: 'cloud-init', outcome: error.outcome }
  if (!isProvisionError(error)) return undefined
  if (error.code.startsWith('guest.')) return { kind: 'refused', code: error.code, message: error.message }
  const state = await climb.guest.state(progress).catch(() => 'unknown' as const)
  return hasStopped(state) ? { kind: 'stopped' } : undefined
}

function addressesOf({ reached, addresses, wanted, inherited }: Climb): readonly string[] {
  const seen = seenAddresses(addresses)
  const expected = wantedAddresses(wanted.instance).filter((address) =>
    seen.some((each) => sameAddress(each, address)),
  )
  const sure = seen.filter((each) => !inherited.has(each) || addresses.agent.includes(each))
  const best = [...(reached === undefined ? [] : [reached]), ...expected, ...sure]
  return [...new Set(best.length === 0 ? seen : best)]
}

function cloudInitOf({ cloudInit }: Climb): Pick<ReadyReport, 'cloudInit'> {
  if (cloudInit === undefined) return {}
  const nothing = { dataSource: undefined, errors: [], recoverable: {} }
  switch (cloudInit.kind) {
    case 'recorded':
      return { cloudInit: { status: 'done', confirmedBy: cloudInit.by, ...cloudInit.record } }
    case 'disabled':
    case 'unconfirmed':
      return { cloudInit: { status: cloudInit.kind, confirmedBy: cloudInit.by, ...nothing } }
  }
}
