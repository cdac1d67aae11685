import { ProvisionError } from '../lib/errors.ts'
import type { Progress } from '../lib/progress.ts'
import type { ReadyRung } from '../spec/resolved.ts'
import { pingAgent } from './agent.ts'
import {
  type Climb,
  candidates,
  ownAddresses,
  refreshAddresses,
  sameAddress,
  seenAddresses,
  trySsh,
  wantedAddresses,
} from './climb.ts'
import { describeCloudInit, waitForCloudInit } from './cloud-init-wait.ts'

/**
 * One rung of the ladder of readiness. The loop that climbs it is in `await-ready.ts`; what a missed rung means
 * is decided in `diagnose.ts`.
 */
export interface Rung {
  /** What is being waited for now, as a short phrase. */
  readonly describe: (climb: Climb) => string
  /** One look. True: reached. A text: reached, with a remark for the report. Throws for what waiting cannot mend. */
  readonly probe: (progress: Progress, climb: Climb) => Promise<boolean | string>
  /** Between two looks when no event comes first: from the first to the second, in milliseconds. */
  readonly pauseMs: readonly [number, number]
}

export const rungs = {
  started: {
    describe: ({ wanted, state }) => `start of ${wanted.instance.name}: ${state ?? 'state not known yet'}`,
    async probe(progress, climb) {
      climb.state = await climb.guest.state(progress)
      return climb.state === 'running'
    },
    pauseMs: [100, 1_000],
  },
  address: {
    describe: describeAddress,
    probe: probeAddress,
    pauseMs: [250, 1_000],
  },
  port: {
    describe: ({ wanted, portAnswers }) =>
      `port ${wanted.instance.ready.port} of ${wanted.instance.name}: ${
        [...portAnswers]
          .map(([address, answer]) => `${address} ${answer}`)
          .toSorted()
          .join(', ') || 'trying'
      }`,
    probe: probePort,
    pauseMs: [100, 500],
  },
  ssh: {
    describe: ({ wanted, sshProblem, reached }) =>
      `SSH of ${wanted.instance.name}${reached === undefined ? '' : ` on ${reached}`}: ${
        sshProblem === undefined ? 'connecting' : (sshReasons[sshProblem.code] ?? sshProblem.message)
      }`,
    probe: probeSsh,
    pauseMs: [250, 2_000],
  },
  agent: {
    describe: ({ wanted, agentConnected }) =>
      `guest agent of ${wanted.instance.name}: ${agentConnected === true ? 'connected, silent' : 'not connected'}`,
    probe: async (progress, climb) => (climb.agentConnected = await pingAgent(progress, climb.guest)),
    pauseMs: [250, 1_000],
  },
  'cloud-init': {
    describe: describeCloudInit,
    probe: waitForCloudInit,
    pauseMs: [20, 20],
  },
} as const satisfies Readonly<Record<ReadyRung, Rung>>

const sshReasons: Readonly<Record<string, string>> = {
  'guest.port-closed': 'no answer',
  'guest.ssh-refused': 'login refused',
  'guest.host-key-mismatch': 'foreign host key',
}

function describeAddress({ wanted, addresses }: Climb): string {
  const { name, interfaces } = wanted.instance
  const networks = [...new Set(interfaces.map((each) => each.network))].join(', ')
  const expected = wantedAddresses(wanted.instance)
  const seen = seenAddresses(addresses)
  if (seen.length > 0 && expected.length > 0)
    return `address ${expected.join(' or ')} of ${name}: has ${seen.join(', ')}`
  if (seen.length > 0) return `address of ${name}: only old leases yet (${seen.join(', ')})`
  return expected.length > 0
    ? `address ${expected.join(' or ')} of ${name}: not seen yet (network ${networks})`
    : `address of ${name}: no lease yet (network ${networks})`
}

async function probeAddress(progress: Progress, climb: Climb): Promise<boolean | string> {
  await refreshAddresses(progress, climb)
  const own = ownAddresses(progress, climb)
  const expected = wantedAddresses(climb.wanted.instance)
  if (expected.length === 0) return own.length > 0 || (await inheritedAnswers(progress, climb))
  if (expected.some((address) => own.some((each) => sameAddress(each, address)))) return true
  return await answersAsOurs(progress, climb, expected)
}

/** An old lease may have become this guest's own: somebody at that address answers. */
async function inheritedAnswers(progress: Progress, climb: Climb): Promise<boolean> {
  const { port } = climb.wanted.instance.ready
  const asking = progress.child({ timeoutMs: 500 })
  const doubtful = seenAddresses(climb.addresses)
  const answers = await Promise.all(doubtful.map((address) => climb.network.tryPort(asking, address, port)))
  return answers.some((answer) => answer !== 'silent')
}

/** A host that has never talked to a guest with a static address cannot know it: ask the address itself. */
async function answersAsOurs(
  progress: Progress,
  climb: Climb,
  expected: readonly string[],
): Promise<boolean | string> {
  const { instance, hostKeys } = climb.wanted
  const { port } = instance.ready
  for (const address of expected) {
    const answer = await climb.network.tryPort(progress.child({ timeoutMs: 500 }), address, port)
    if (answer !== 'open' || hostKeys.length === 0) continue
    try {
      await climb.network.connectSsh(progress, {
        address,
        port,
        user: instance.cloudInit.user.name,
        hostKeys,
      })
      climb.reached = address
      return 'seen by its host key only'
    } catch (error) {
      progress.check()
      if (error instanceof ProvisionError) climb.sshProblem = error
    }
  }
  return false
}

/** An old address where nobody is must not slow down the looks at the new one. */
const portTryMs = 500
const addressAgeMs = 1_000

async function probePort(progress: Progress, climb: Climb): Promise<boolean> {
  await refreshAddresses(progress, climb, addressAgeMs)
  const addresses = candidates(climb)
  const { port } = climb.wanted.instance.ready
  const found = new AbortController()
  const asking = progress.child({ signal: found.signal, timeoutMs: portTryMs })
  climb.portAnswers.clear()
  const tries = addresses.map(async (address) => {
    const answer = await climb.network.tryPort(asking, address, port)
    climb.portAnswers.set(address, answer)
    if (answer !== 'open') throw new Error(answer)
    return address
  })
  const open = await Promise.any(tries).catch(() => undefined)
  found.abort()
  progress.check()
  climb.reached = open ?? climb.reached
  return open !== undefined
}

/** An image may bring host keys of its own and use them until cloud-init has put ours in place. */
const firstBootMismatchMs = 30_000

async function probeSsh(progress: Progress, climb: Climb): Promise<boolean | string> {
  const { instance, hostKeys, firstBoot } = climb.wanted
  if (hostKeys.length === 0)
    throw new ProvisionError('guest.host-key-mismatch', {
      message: `No SSH host key of ${instance.name} is known, so nothing can be verified.`,
      hint: 'Leave `ssh` out of `ready.rungs` of the instance.',
    })
  if (climb.reached === undefined || climb.sshProblem !== undefined) await refreshAddresses(progress, climb)
  const outcome = await trySsh(progress, climb)
  if (outcome === 'verified') return 'host key verified; no key to log in with'
  if (outcome === 'session') return true
  const patienceMs = firstBoot ? firstBootMismatchMs : 0
  if (climb.sshProblem !== undefined && climb.mismatchSinceMs !== undefined)
    if (progress.seam.monotonicMs() - climb.mismatchSinceMs >= patienceMs) throw climb.sshProblem
  return false
}
