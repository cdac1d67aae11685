import { ProvisionError } from '../lib/errors.ts'
import type { Progress } from '../lib/progress.ts'
import { readGuestFile } from './agent.ts'
import { type Climb, refreshAddresses, trySsh } from './climb.ts'
import {
  type CloudInitRecord,
  failuresOf,
  foundNoDataSource,
  parseCloudInitRecord,
} from './cloud-init-result.ts'

/** How cloud-init ended, and who said so. */
export type CloudInitOutcome =
  | { readonly kind: 'recorded'; readonly by: 'agent' | 'ssh'; readonly record: CloudInitRecord }
  /** cloud-init switched itself off: no data source, or told so. */
  | { readonly kind: 'disabled'; readonly by: 'agent' | 'ssh' }
  /** The console showed the end; nobody could be asked for the result. */
  | { readonly kind: 'unconfirmed'; readonly by: 'console'; readonly line: string }

export class CloudInitFailure extends Error {
  readonly outcome: CloudInitOutcome

  constructor(outcome: CloudInitOutcome) {
    super('cloud-init did not succeed')
    this.outcome = outcome
  }
}

/**
 * Waits until cloud-init has recorded its result. The guest agent, a standing SSH command and the console are
 * asked at the same time; the first to know wins. False at the deadline. Throws `CloudInitFailure`.
 */
export async function waitForCloudInit(progress: Progress, climb: Climb): Promise<boolean | string> {
  const settled = new AbortController()
  const own = progress.child({ signal: settled.signal })
  const reach: Reach = { answered: false }
  try {
    climb.cloudInit = await Promise.race([
      askAgent(own, climb, reach),
      askOverSsh(own, climb, reach),
      believeConsole(own, climb, reach),
    ])
  } finally {
    settled.abort()
  }
  const outcome = climb.cloudInit
  if (outcome === undefined) return false
  if (isFailure(outcome, climb)) throw new CloudInitFailure(outcome)
  return outcome.kind === 'unconfirmed' ? 'seen on the console only, not confirmed' : true
}

export function describeCloudInit({ wanted, console }: Climb): string {
  const stage = console.latest('cloud-init-stage')?.detail
  const step =
    console.latest('cloud-init-finished') !== undefined
      ? 'reading its result'
      : `stage ${stage ?? 'not known yet'}`
  return `cloud-init of ${wanted.instance.name}: ${step}`
}

/** Whether a channel into the guest has ever worked: then its word is waited for. */
interface Reach {
  answered: boolean
}

const resultPath = '/run/cloud-init/result.json'
const statusPath = '/run/cloud-init/status.json'
const disabledPath = '/run/cloud-init/disabled'

function isFailure(outcome: CloudInitOutcome, climb: Climb): boolean {
  switch (outcome.kind) {
    case 'recorded':
      return (
        failuresOf(outcome.record).length > 0 || (climb.wanted.firstBoot && foundNoDataSource(outcome.record))
      )
    case 'disabled':
      return climb.wanted.firstBoot
    case 'unconfirmed':
      return (
        climb.console.latest('cloud-init-error') !== undefined ||
        (climb.wanted.firstBoot && climb.console.latest('no-data-source') !== undefined)
      )
  }
}

/** The end on the console comes a moment before the record is written: then look often. */
const pauseMs = (climb: Climb): number =>
  hasFinished(climb) ? 20 : climb.console.problem === undefined ? 500 : 100

const hasFinished = ({ console }: Climb): boolean => console.latest('cloud-init-finished') !== undefined

async function askAgent(
  progress: Progress,
  climb: Climb,
  reach: Reach,
): Promise<CloudInitOutcome | undefined> {
  while (progress.remainingMs > 0) {
    const since = climb.bell.count
    const outcome = await readThroughAgent(progress, climb, reach).catch((error: unknown) => {
      progress.check()
      if (!(error instanceof ProvisionError)) throw error
      return undefined
    })
    if (outcome !== undefined) return outcome
    await climb.bell.waitSince(progress, since, climb.agentConnected === false ? 1_000 : pauseMs(climb))
  }
  return undefined
}

async function readThroughAgent(
  progress: Progress,
  climb: Climb,
  reach: Reach,
): Promise<CloudInitOutcome | undefined> {
  const result = await readGuestFile(progress, climb.guest, resultPath)
  reach.answered = true
  if (result !== undefined) {
    const status = (await readGuestFile(progress, climb.guest, statusPath)) ?? ''
    const record = parseCloudInitRecord(result, status)
    return record === undefined ? undefined : { kind: 'recorded', by: 'agent', record }
  }
  if (hasFinished(climb)) return undefined
  const disabled = await readGuestFile(progress, climb.guest, disabledPath)
  return disabled === undefined ? undefined : { kind: 'disabled', by: 'agent' }
}

const separator = '--vmwright--'
const disabledExit = 4

/**
 * Looks once for each line that it is sent, with nothing but what the shell has built in, and prints a dot when
 * there is nothing yet: waiting costs the guest no process. Quoted for any login shell.
 */
const watchCommand = `exec sh -c 'while read -r line; do if [ -e ${resultPath} ]; then echo ${separator}; cat ${resultPath}; echo; echo ${separator}; cat ${statusPath} 2>/dev/null; exit 0; elif [ -e ${disabledPath} ]; then exit ${disabledExit}; fi; echo .; done'`

async function askOverSsh(
  progress: Progress,
  climb: Climb,
  reach: Reach,
): Promise<CloudInitOutcome | undefined> {
  if (climb.wanted.loginKey === undefined || climb.wanted.hostKeys.length === 0) return await never(progress)
  while (progress.remainingMs > 0) {
    const since = climb.bell.count
    const outcome = await watchOverSsh(progress, climb, reach).catch((error: unknown) => {
      progress.check()
      if (!(error instanceof ProvisionError)) throw error
      return undefined
    })
    if (outcome !== undefined) return outcome
    await climb.bell.waitSince(progress, since, 1_000)
  }
  return undefined
}

/** `undefined` when the connection cannot be made now, or broke: a guest may restart in the middle. */
async function watchOverSsh(
  progress: Progress,
  climb: Climb,
  reach: Reach,
): Promise<CloudInitOutcome | undefined> {
  if (climb.session?.alive !== true) {
    climb.session = undefined
    await refreshAddresses(progress, climb)
    await trySsh(progress, climb)
  }
  if (climb.session === undefined) return undefined
  // A slow guest sets the pace: it gets the next line when it has answered the one before.
  let isAsked = false
  using watch = await climb.session.start(progress, watchCommand, () => (isAsked = false))
  reach.answered = true
  const ended = new AbortController()
  const wake = (): void => {
    ended.abort()
    climb.bell.ring()
  }
  watch.done.then(wake, wake)
  while (!ended.signal.aborted && progress.remainingMs > 0) {
    const since = climb.bell.count
    if (!isAsked) {
      isAsked = true
      watch.write('\n')
    }
    await climb.bell.waitSince(progress, since, pauseMs(climb))
  }
  if (!ended.signal.aborted) return undefined
  const { exitCode, stdout } = await watch.done
  if (exitCode === disabledExit) return { kind: 'disabled', by: 'ssh' }
  const [, result = '', status = ''] = stdout.split(separator)
  const record = parseCloudInitRecord(result, status)
  return record === undefined ? undefined : { kind: 'recorded', by: 'ssh', record }
}

/**
 * How long after its end on the console cloud-init's record may take to be read. An agent may answer and yet be
 * configured to open no files.
 */
const graceMs = { answered: 30_000, withKey: 5_000, withoutKey: 1_000 }

async function believeConsole(
  progress: Progress,
  climb: Climb,
  reach: Reach,
): Promise<CloudInitOutcome | undefined> {
  const untilOpen = climb.wanted.loginKey === undefined ? graceMs.withoutKey : graceMs.withKey
  let said = describeCloudInit(climb)
  while (progress.remainingMs > 0) {
    const since = climb.bell.count
    const what = describeCloudInit(climb)
    if (what !== said) progress.report({ what })
    said = what
    const finished = climb.console.latest('cloud-init-finished')
    const grace = reach.answered ? graceMs.answered : untilOpen
    if (finished !== undefined && progress.seam.monotonicMs() - finished.atMs >= grace)
      return { kind: 'unconfirmed', by: 'console', line: finished.line }
    await climb.bell.waitSince(progress, since, 250)
  }
  return undefined
}

async function never(progress: Progress): Promise<undefined> {
  await progress.sleep(progress.remainingMs)
}
