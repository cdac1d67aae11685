import { isIPv4 } from 'node:net'
import type { ErrorReport } from '@vmwright/contract'
import { seenAddresses, wantedAddresses } from '../guest/climb.ts'
import { domainsOf, type GuestLogin } from '../guest/access.ts'
import type { Hypervisor, ObservedHost, ObservedVm } from '../hypervisor/contract.ts'
import { ProvisionError } from '../lib/errors.ts'
import type { Progress } from '../lib/progress.ts'
import type { InstanceSpec, ResolvedSpec } from '../spec/resolved.ts'
import { isOfOneHost } from './ask-hosts.ts'
import { mapBounded } from './bounded.ts'
import { Session, type SessionServices } from './session.ts'

/** Guests that run and are ours, with what somebody needs to log in to them. */
export interface Logins {
  readonly guests: readonly GuestLogin[]
  /** All that were asked for, each with the host that it is on. */
  readonly instances: readonly InstanceSpec[]
  /** Declared, but not to be reached now, each with why. */
  readonly missing: readonly ProvisionError[]
}

export interface LoginOptions {
  readonly spec: ResolvedSpec
  readonly instances: readonly InstanceSpec[]
  readonly services: SessionServices
  /** Path of the private key that guests with the own key accept. */
  readonly identityFile: string
}

/**
 * Asks the hosts where their guests are. Changes nothing. Throws the `host.*` errors when no host answers; guests of one
 * that does not are missing.
 */
export async function findLogins(progress: Progress, options: LoginOptions): Promise<Logins> {
  await using session = await Session.open(progress, options.spec, options.instances, options.services)
  const { instances, observed: hosts } = await session.locate(progress)
  const found = await mapBounded(instances, 16, async (instance) => {
    const observed = hosts.get(instance.host)
    if (observed === undefined) return lost(instance, session.unreachable.get(instance.host))
    try {
      return await findLogin(progress, session.host(instance.host), observed, instance, options)
    } catch (error) {
      if (isOfOneHost(error)) return error
      throw error
    }
  })
  return {
    instances,
    guests: found.filter((each): each is GuestLogin => !(each instanceof ProvisionError)),
    missing: found.filter((each) => each instanceof ProvisionError),
  }
}

/** Its host does not answer (K12). */
const lost = ({ name, host }: InstanceSpec, error: ErrorReport | undefined): ProvisionError =>
  new ProvisionError(error?.code ?? 'host.unreachable', {
    message: `Nothing is known of ${name}: ${error?.message ?? `${host} does not answer.`}`,
    ...(error === undefined ? {} : { hint: error.hint, details: error.details }),
  })

async function findLogin(
  progress: Progress,
  host: Hypervisor,
  observed: ObservedHost,
  instance: InstanceSpec,
  { spec, identityFile }: LoginOptions,
): Promise<GuestLogin | ProvisionError> {
  const vm = observed.vms.find((each) => each.name === instance.name)
  const obstacle = obstacleTo(spec, instance, vm)
  if (obstacle !== undefined) return obstacle
  const addresses = await addressesOf(progress, host, instance)
  if (addresses.length === 0)
    return new ProvisionError('guest.no-address', {
      message: `${instance.name} runs, but its host ${instance.host} knows no address of it.`,
    })
  return {
    name: instance.name,
    addresses,
    port: instance.ready.port,
    user: vm?.mark?.user ?? instance.cloudInit.user.name,
    hostKeys: vm?.mark?.hostKeys ?? [],
    identityFile: instance.cloudInit.injectOwnKey ? identityFile : undefined,
    group: instance.group,
    host: instance.host,
    domains: domainsOf(spec, instance, addresses),
  }
}

/** Why there is no use in looking for a way into the machine; `undefined`: it is ours and runs. Pure. */
export function obstacleTo(
  spec: ResolvedSpec,
  instance: InstanceSpec,
  vm: ObservedVm | undefined,
): ProvisionError | undefined {
  const { name, host } = instance
  if (vm === undefined)
    return new ProvisionError('vm.not-found', { message: `There is no machine ${name} on ${host}.` })
  if (vm.mark?.project !== spec.project)
    return new ProvisionError('vm.foreign', {
      message: `The machine ${name} on ${host} was not made by vmwright for project ${spec.project}.`,
    })
  if (vm.state !== 'running')
    return new ProvisionError('guest.stopped', {
      message: `The machine ${name} on ${host} does not run (${vm.state}).`,
      hint: `Start it: vmwright apply ${name}`,
    })
  return undefined
}

/** Static addresses first; where DHCP has a say, those that the host saw too. */
export async function addressesOf(
  progress: Progress,
  host: Hypervisor,
  instance: InstanceSpec,
): Promise<readonly string[]> {
  const wanted = wantedAddresses(instance)
  if (wanted.length > 0 && instance.interfaces.every((nic) => !nic.dhcp4 && !nic.dhcp6)) return wanted
  const seen = seenAddresses(await host.guest(instance.name).addresses(progress))
  const ipv4First = seen.toSorted((a, b) => Number(isIPv4(b)) - Number(isIPv4(a)))
  return [...new Set([...wanted, ...ipv4First])]
}
