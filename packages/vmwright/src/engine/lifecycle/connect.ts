import { userInfo } from 'node:os'
import type { GuestLogin } from '../../guest/access.ts'
import { wantedAddresses } from '../../guest/climb.ts'
import { knownKeys, parseJump } from '../../guest/jump-host.ts'
import type { SshTarget } from '../../guest/ssh.ts'
import type { VmMark } from '../../hypervisor/contract.ts'
import { ProvisionError } from '../../lib/errors.ts'
import type { Progress } from '../../lib/progress.ts'
import type { InstanceSpec, ResolvedSpec } from '../../spec/resolved.ts'
import { hostOf } from '../host-facts.ts'
import { findLogins } from '../logins.ts'
import type { Session } from '../session.ts'
import { GuestLine } from './line.ts'
import type { LifecycleServices } from './services.ts'

export interface LineRequest {
  readonly spec: ResolvedSpec
  readonly instance: InstanceSpec
  readonly services: LifecycleServices
  readonly session: Session
  readonly mark: VmMark
}

/** G5. The line into a guest, by the connection of its lifecycle, through the guests and hosts that are in between. */
export async function openLine(progress: Progress, request: LineRequest): Promise<GuestLine> {
  const { spec, instance, services, session, mark } = request
  const { connection } = instance.lifecycle
  const own = instance.cloudInit.injectOwnKey ? await services.session.ownKey(progress) : undefined
  const host = hostOf(spec, instance.host)
  return new GuestLine(
    services.connectorOf({
      name: instance.name,
      connection,
      access: session.host(instance.host).guest(instance.name),
      // A guest that is restored has no reason to ask for an address, and the lease of then may be over.
      knownAddresses: [...new Set([...wantedAddresses(instance), ...(mark.addresses ?? [])])],
      login: {
        user: mark.user || instance.cloudInit.user.name,
        hostKeys: mark.hostKeys,
        privateKey: own?.privateKey,
        identityFile: own === undefined ? undefined : services.identityFile,
      },
      jumps: connection.kind === 'ssh' ? await jumpsOf(progress, request, connection.jump) : [],
      libvirtUri: host.uri,
      readSecret: services.session.readSecret,
    }),
  )
}

/** Those that the spec names; else, into a guest of a guest, the hypervisor guests from the outside in (G9). */
async function jumpsOf(
  progress: Progress,
  request: LineRequest,
  named: readonly string[],
): Promise<readonly SshTarget[]> {
  const names = named.length > 0 ? named : hypervisorsAbove(request.spec, request.instance)
  const targets: SshTarget[] = []
  for (const name of names) targets.push(await jumpTo(progress, request, name))
  return targets
}

/** Names of the guests that a guest is in, the outermost first. Pure. */
export function hypervisorsAbove(spec: ResolvedSpec, instance: InstanceSpec): readonly string[] {
  const above: string[] = []
  let inner: InstanceSpec | undefined = instance
  while (inner !== undefined) {
    const name: string | undefined = spec.hosts.find((host) => host.name === inner?.host)?.guest
    if (name === undefined || above.includes(name)) break
    above.unshift(name)
    inner = spec.instances.find((each) => each.name === name)
  }
  return above
}

async function jumpTo(progress: Progress, { spec, services }: LineRequest, name: string): Promise<SshTarget> {
  const instance = spec.instances.find((each) => each.name === name)
  if (instance === undefined) return elsewhere(progress, name, services)
  const { identityFile, session } = services
  const found = await findLogins(progress, { spec, instances: [instance], services: session, identityFile })
  const [login] = found.guests
  if (login === undefined) throw found.missing[0] ?? lost(name)
  return targetOf(progress, login, services)
}

async function targetOf(
  progress: Progress,
  { addresses: [address = ''], port, user, hostKeys, identityFile }: GuestLogin,
  { session }: LifecycleServices,
): Promise<SshTarget> {
  const own = identityFile === undefined ? undefined : await session.ownKey(progress)
  return { address, port, user, hostKeys, privateKey: own?.privateKey }
}

/** `user@host:port`, with the own key and the host keys that the person who runs this knows. */
async function elsewhere(
  progress: Progress,
  text: string,
  { session, knownHosts }: LifecycleServices,
): Promise<SshTarget> {
  const { address, port, user } = parseJump(text)
  const own = await session.ownKey(progress)
  const hostKeys = knownKeys(await knownHosts(), { address, port })
  return { address, port, user: user ?? userInfo().username, hostKeys, privateKey: own.privateKey }
}

const lost = (name: string): ProvisionError =>
  new ProvisionError('guest.no-address', { message: `There is no way through ${name}: it has no address.` })
