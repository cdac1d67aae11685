import type { ErrorReport } from '@vmwright/contract'
import { execThroughAgent } from '../guest/agent.ts'
import { type GuestNetwork, realNetwork } from '../guest/network.ts'
import type { Hypervisor, ObservedVm } from '../hypervisor/contract.ts'
import { reportOf } from '../lib/error-report.ts'
import { ProvisionError } from '../lib/errors.ts'
import type { Progress } from '../lib/progress.ts'
import { singleQuoted } from '../lib/shell.ts'
import type { InstanceSpec, ResolvedSpec } from '../spec/resolved.ts'
import { type AuditedGuest, type Duplicate, findDuplicates } from './audit-compare.ts'
import { auditScript, parseFacts, type RunInGuest } from './audit-facts.ts'
import { mapBounded } from './bounded.ts'
import { asFork } from './fork-plan.ts'
import { addressesOf, obstacleTo } from './logins.ts'
import { Session, type SessionServices } from './session.ts'

export interface AuditOptions {
  readonly spec: ResolvedSpec
  readonly instances: readonly InstanceSpec[]
  readonly services: SessionServices
  /** The forks of these instances too. */
  readonly forks: 'left-out' | 'included'
  /** For each guest. */
  readonly timeoutMs: number
  readonly network?: GuestNetwork
}

export interface AuditReport {
  readonly guests: readonly (AuditedGuest & { readonly by: 'agent' | 'ssh' })[]
  readonly duplicates: readonly Duplicate[]
  /** Guests that could not be asked, each with why. They may still share something. */
  readonly missing: readonly { readonly name: string; readonly host: string; readonly error: ErrorReport }[]
}

/**
 * X9. Asks every guest who it is, from the inside, and compares. The agent is asked where it answers, since that needs
 * no network that might itself be confused by a duplicate; else over SSH. Changes nothing. Throws when no host answers.
 */
export async function audit(progress: Progress, options: AuditOptions): Promise<AuditReport> {
  const { spec, services } = options
  await using session = await Session.open(progress, spec, options.instances, services)
  const { instances, observed } = await session.locate(progress)
  const forks = options.forks === 'included' ? await forksOf(progress, session, instances, spec) : []
  const asked = await mapBounded([...instances, ...forks], 16, async (instance) => {
    const { name, host } = instance
    const vm = observed.get(host)?.vms.find((each) => each.name === name)
    try {
      const lost = session.unreachable.get(host)
      if (lost !== undefined) throw new ProvisionError(lost.code, lost)
      const limited = progress.child({ timeoutMs: options.timeoutMs })
      return await ask(limited, session.host(host), instance, vm, options)
    } catch (error) {
      progress.check()
      return { name, host, error: reportOf(error) }
    }
  })
  const guests = asked.flatMap((each) => ('error' in each ? [] : [each]))
  const missing = asked.flatMap((each) => ('error' in each ? [each] : []))
  return { guests, duplicates: findDuplicates(guests), missing }
}

async function forksOf(
  progress: Progress,
  session: Session,
  instances: readonly InstanceSpec[],
  spec: ResolvedSpec,
): Promise<readonly InstanceSpec[]> {
  const hosts = new Set(instances.map(({ host }) => host).filter((host) => !session.unreachable.has(host)))
  const found = await Promise.all(
    [...hosts].map(async (host) =>
      (await session.host(host).forks.sources(progress)).flatMap(({ project, vm, dependents }) => {
        const original = instances.find((each) => each.name === vm && each.host === host)
        return original === undefined || project !== spec.project
          ? []
          : dependents.map((name) => asFork(spec, original, name))
      }),
    ),
  )
  const byName = new Intl.Collator('en', { numeric: true })
  return found.flat().toSorted((one, other) => byName.compare(one.name, other.name))
}

async function ask(
  progress: Progress,
  host: Hypervisor,
  instance: InstanceSpec,
  vm: ObservedVm | undefined,
  options: AuditOptions,
): Promise<AuditReport['guests'][number]> {
  const obstacle = obstacleTo(options.spec, instance, vm)
  if (obstacle !== undefined) throw obstacle
  progress.report({ what: `${instance.name} to say who it is` })
  const known = { name: instance.name, host: host.host }
  const byAgent = await readBy(progress, throughAgent(host, instance.name)).catch((error: unknown) => {
    progress.check()
    return error
  })
  if (isFacts(byAgent)) return { ...known, by: 'agent', facts: byAgent }
  const facts = await readBy(progress, throughSsh(host, instance, vm, options))
  return { ...known, by: 'ssh', facts }
}

async function readBy(progress: Progress, run: RunInGuest) {
  const facts = parseFacts(await run(progress, auditScript))
  if (facts['machine-id'].length > 0) return facts
  throw new ProvisionError('guest.command-failed', { message: 'The guest does not say who it is.' })
}

const isFacts = (value: unknown): value is AuditedGuest['facts'] =>
  typeof value === 'object' && value !== null && !(value instanceof Error)

const throughAgent =
  (host: Hypervisor, name: string): RunInGuest =>
  async (progress, script) => {
    const words = ['-c', script]
    return (await execThroughAgent(progress, host.guest(name), '/bin/sh', words)).stdout
  }

function throughSsh(
  host: Hypervisor,
  instance: InstanceSpec,
  vm: ObservedVm | undefined,
  { services, network = realNetwork }: AuditOptions,
): RunInGuest {
  return async (progress, script) => {
    const [address] = await addressesOf(progress, host, instance)
    if (address === undefined)
      throw new ProvisionError('guest.no-address', {
        message: `${instance.name} runs, but its host ${host.host} knows no address of it.`,
      })
    const user = vm?.mark?.user ?? instance.cloudInit.user.name
    const { privateKey } = await services.ownKey(progress)
    const hostKeys = vm?.mark?.hostKeys ?? []
    const target = { address, port: instance.ready.port, user, hostKeys, privateKey }
    const outcome = await network.connectSsh(progress, target)
    if (outcome.kind === 'verified') return ''
    using session = outcome.session
    return (await session.exec(progress, `sh -c ${singleQuoted(script)}`)).stdout
  }
}
