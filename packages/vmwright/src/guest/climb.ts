import type { ErrorCode } from '@vmwright/contract'
import { isIP, isIPv4 } from 'node:net'
import type { VmState } from '../hypervisor/contract.ts'
import type { GuestAccess, GuestAddresses } from '../hypervisor/guest-access.ts'
import { isInside, withoutPrefix } from '../lib/addresses.ts'
import { ProvisionError, isProvisionError } from '../lib/errors.ts'
import type { Progress } from '../lib/progress.ts'
import type { Secret } from '../lib/secret.ts'
import type { InstanceSpec } from '../spec/resolved.ts'
import type { Bell } from './bell.ts'
import type { FollowedConsole } from './console-follow.ts'
import type { CloudInitOutcome } from './cloud-init-wait.ts'
import type { GuestNetwork, PortAnswer } from './network.ts'
import type { SshSession } from './ssh.ts'

export interface Wanted {
  readonly instance: InstanceSpec
  /** Public host keys the guest was given. */
  readonly hostKeys: readonly string[]
  /** OpenSSH private key to log in with. */
  readonly loginKey: Secret | undefined
  readonly firstBoot: boolean
}

/** What is known about a guest while it is waited for. One climb has one owner: the rung that is being climbed. */
export interface Climb {
  readonly guest: GuestAccess
  readonly network: GuestNetwork
  readonly wanted: Wanted
  readonly console: FollowedConsole
  readonly bell: Bell
  isEmulated: boolean
  state: VmState | undefined
  agentConnected: boolean | undefined
  addresses: GuestAddresses
  addressesAtMs: number
  /**
   * What was known of the guest's addresses before its first boot came to the network. A guest that was made again
   * has the MAC of the one before, and with it that one's leases.
   */
  readonly inherited: Set<string>
  readonly startedAtMs: number
  readonly portAnswers: Map<string, PortAnswer>
  /** The address that answered. */
  reached: string | undefined
  session: SshSession | undefined
  /** How the last attempt to connect or log in failed. */
  sshProblem: ProvisionError | undefined
  /** Since when an address of this guest shows a foreign host key, monotonic. */
  mismatchSinceMs: number | undefined
  cloudInit: CloudInitOutcome | undefined
}

/** Asks the hypervisor again, unless what is known is no older than `maxAgeMs` and not empty. */
export async function refreshAddresses(progress: Progress, climb: Climb, maxAgeMs = 0): Promise<void> {
  const now = progress.seam.monotonicMs()
  if (now - climb.addressesAtMs < maxAgeMs && seenAddresses(climb.addresses).length > 0) return
  climb.addresses = await climb.guest.addresses(progress)
  climb.addressesAtMs = now
}

/** How long inherited addresses are doubted where no console shows when the network comes up. */
const doubtMs = 30_000

/** The addresses that are the guest's own now, as far as one can tell from outside. */
export function ownAddresses(progress: Progress, climb: Climb): readonly string[] {
  const { addresses, inherited, console } = climb
  const isUp =
    console.latest('login-prompt') !== undefined ||
    console.latest('cloud-init-finished') !== undefined ||
    console.all().some(({ kind, detail }) => kind === 'cloud-init-stage' && detail !== 'init-local')
  const isOld = console.problem !== undefined && progress.seam.monotonicMs() - climb.startedAtMs >= doubtMs
  const seen = seenAddresses(addresses)
  if (isUp || isOld) return seen
  return seen.filter((each) => !inherited.has(each) || addresses.agent.includes(each))
}

/** Addresses of all sources that can be connected to from elsewhere, the surest source first. */
export function seenAddresses(addresses: GuestAddresses): readonly string[] {
  const all = [...addresses.agent, ...addresses.lease, ...addresses.arp].map(withoutPrefix)
  return [...new Set(all)].filter((address) => isIP(address) !== 0 && !isLocal(address))
}

/** The static addresses that the spec gives the instance. */
export const wantedAddresses = (instance: InstanceSpec): readonly string[] =>
  instance.interfaces.flatMap((each) => each.addresses.map(withoutPrefix))

/** Where to try to connect, best first. */
export function candidates(climb: Climb): readonly string[] {
  const { instance } = climb.wanted
  const wanted = wantedAddresses(instance)
  const isStatic = wanted.length > 0 && instance.interfaces.every((each) => !each.dhcp4 && !each.dhcp6)
  const seen = isStatic ? [] : seenAddresses(climb.addresses).toSorted(ipv4First)
  const all = [...new Set([...wanted, ...seen])]
  return climb.reached === undefined ? all : [climb.reached, ...all.filter((each) => each !== climb.reached)]
}

export const sameAddress = (one: string, other: string): boolean =>
  isInside(one, `${other}/${isIPv4(other) ? 32 : 128}`)

/**
 * Connects to the first address that shows a host key of the guest and lets us in. `undefined`: not now; the
 * reason is kept. Throws on cancellation, and whatever is not about the guest.
 */
export async function trySsh(progress: Progress, climb: Climb): Promise<'session' | 'verified' | undefined> {
  const { instance, hostKeys, loginKey } = climb.wanted
  const addresses = candidates(climb)
  const problems: ProvisionError[] = []
  let isForeign = false
  for (const address of addresses) {
    const target = { address, port: instance.ready.port, user: instance.cloudInit.user.name, hostKeys }
    try {
      if (address !== climb.reached) await assertAnswers(progress, climb, address)
      const outcome = await climb.network.connectSsh(progress, { ...target, privateKey: loginKey })
      climb.reached = address
      climb.sshProblem = undefined
      climb.mismatchSinceMs = undefined
      if (outcome.kind === 'session') climb.session = outcome.session
      return outcome.kind
    } catch (error) {
      progress.check()
      if (!isProvisionError(error) || !error.code.startsWith('guest.')) throw error
      problems.push(error)
      if (error.code !== 'guest.host-key-mismatch') continue
      if (climb.reached === address) climb.reached = undefined
      isForeign ||= !climb.inherited.has(address)
    }
  }
  climb.sshProblem = gravest.flatMap((code) => problems.filter((each) => each.code === code))[0]
  if (isForeign) climb.mismatchSinceMs ??= progress.seam.monotonicMs()
  else climb.mismatchSinceMs = undefined
  return undefined
}

/** Nobody at an old address must not cost the time of a whole handshake. */
async function assertAnswers(progress: Progress, climb: Climb, address: string): Promise<void> {
  const { port } = climb.wanted.instance.ready
  const answer = await climb.network.tryPort(progress, address, port)
  climb.portAnswers.set(address, answer)
  if (answer === 'open') return
  throw new ProvisionError('guest.port-closed', {
    message: `No SSH connection to ${address} port ${port}: ${answer}.`,
    details: { address, port, because: answer },
    retryable: true,
  })
}

/** Of several addresses, the one that got furthest explains most. */
const gravest: readonly ErrorCode[] = ['guest.host-key-mismatch', 'guest.ssh-refused', 'guest.port-closed']

/** Loopback and link-local: of no use from outside. */
const isLocal = (address: string): boolean =>
  ['127.0.0.0/8', '169.254.0.0/16', '::1/128', 'fe80::/10'].some((block) => isInside(address, block))

const ipv4First = (one: string, other: string): number => Number(isIPv4(other)) - Number(isIPv4(one))
