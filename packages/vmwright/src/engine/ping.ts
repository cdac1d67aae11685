import type { ErrorReport, InstanceStatus } from '@vmwright/contract'
import { pingAgent } from '../guest/agent.ts'
import { type GuestNetwork, type PortAnswer, realNetwork } from '../guest/network.ts'
import type { Hypervisor, ObservedHost, ObservedVm } from '../hypervisor/contract.ts'
import { reportOf } from '../lib/error-report.ts'
import { isProvisionError } from '../lib/errors.ts'
import type { Progress } from '../lib/progress.ts'
import { placeInstances } from '../plan/place.ts'
import type { HostSpec, InstanceSpec, ResolvedSpec } from '../spec/resolved.ts'
import { mapBounded } from './bounded.ts'
import { addressesOf, obstacleTo } from './logins.ts'
import type { SessionServices } from './session.ts'

/** T11: whether everything answers, and how fast. */
export interface PingReport {
  readonly ok: boolean
  readonly hosts: readonly HostPing[]
  readonly instances: readonly InstancePing[]
}

export interface HostPing {
  readonly host: string
  readonly uri: string
  readonly ok: boolean
  /** Milliseconds to connect, and to read the whole host afterwards. */
  readonly connectMs: number | undefined
  readonly readMs: number | undefined
  /** `QEMU 7.2.22, libvirt 9.0.0` */
  readonly version: string | undefined
  readonly architecture: string | undefined
  readonly cpus: number | undefined
  readonly memoryMib: number | undefined
  readonly machines: number | undefined
  readonly error: ErrorReport | undefined
}

export interface InstancePing {
  readonly name: string
  readonly host: string
  readonly ok: boolean
  readonly state: InstanceStatus['state']
  /** The address that answered, else the best one known. */
  readonly address: string | undefined
  readonly port: number
  readonly portAnswer: PortAnswer | undefined
  /** Milliseconds until the port was open. */
  readonly portMs: number | undefined
  /** `verified`: the guest showed a host key that it was given. `unknown`: none was given, or nothing answered. */
  readonly hostKey: 'verified' | 'foreign' | 'unknown'
  readonly agent: 'answers' | 'silent' | 'none'
  /** Why it is not all right. */
  readonly problem: string | undefined
}

export interface PingOptions {
  readonly spec: ResolvedSpec
  readonly hosts: readonly HostSpec[]
  readonly instances: readonly InstanceSpec[]
  readonly services: SessionServices
  /** For each host and each guest. */
  readonly timeoutMs: number
  readonly network?: GuestNetwork
}

/** Asks each host and each guest, side by side. Failures are answers; it throws only on cancellation. */
export async function ping(progress: Progress, options: PingOptions): Promise<PingReport> {
  const asked = await Promise.all(options.hosts.map((host) => askHost(progress, host, options)))
  try {
    const placed = locate(asked, options)
    const answers = await Promise.all(
      placed.map(({ host, instances, spec }) => pingOn(progress, host, instances, { ...options, spec })),
    )
    const hosts = asked.map(({ ping: answer }) => answer)
    const instances = inOrder(answers.flat(), options.instances)
    return { ok: [...hosts, ...instances].every((each) => each.ok), hosts, instances }
  } finally {
    await Promise.allSettled(asked.map(({ connection }) => connection?.close()))
  }
}

/** What a host answered, with the connection, which is kept for its guests. */
interface AskedHost {
  readonly ping: HostPing
  readonly connection: Hypervisor | undefined
  readonly observed: ObservedHost | undefined
}

async function askHost(progress: Progress, spec: HostSpec, options: PingOptions): Promise<AskedHost> {
  const { seam } = progress
  const startedMs = seam.monotonicMs()
  const limited = progress.child({ timeoutMs: options.timeoutMs })
  const base = { host: spec.name, uri: spec.uri }
  let connection: Hypervisor | undefined
  try {
    connection = await options.services.openHost(limited, spec)
    const connectedMs = seam.monotonicMs()
    const observed = await connection.observe(limited)
    const answer: HostPing = {
      ...base,
      ok: true,
      connectMs: Math.round(connectedMs - startedMs),
      readMs: Math.round(seam.monotonicMs() - connectedMs),
      version: connection.can.version,
      architecture: connection.can.architecture,
      cpus: observed.cpus,
      memoryMib: observed.memoryMib,
      machines: observed.vms.length,
      error: undefined,
    }
    return { ping: answer, connection, observed }
  } catch (error) {
    if (progress.signal.aborted) await connection?.close()
    progress.check()
    return {
      ping: { ...base, ok: false, ...nothingRead, error: reportOf(error) },
      connection,
      observed: undefined,
    }
  }
}

const nothingRead = {
  connectMs: undefined,
  readMs: undefined,
  version: undefined,
  architecture: undefined,
  cpus: undefined,
  memoryMib: undefined,
  machines: undefined,
}

interface OnHost {
  readonly host: AskedHost
  readonly spec: ResolvedSpec
  readonly instances: readonly InstanceSpec[]
}

/** The instances by the host that they are on, or that they may be on when it does not answer. */
function locate(asked: readonly AskedHost[], { spec, instances }: PingOptions): readonly OnHost[] {
  const seen = asked.flatMap(({ ping: { host }, observed }) =>
    observed === undefined ? [] : [[host, observed] as const],
  )
  const lost = asked.flatMap(({ ping: { host, error } }) =>
    error === undefined ? [] : [[host, error] as const],
  )
  const placed = placeInstances({
    spec,
    instances,
    observed: new Map(seen),
    unreachable: new Map(lost),
    adopt: new Set(),
  })
  return asked.map((host) => ({
    host,
    spec: placed.spec,
    instances: placed.instances.filter((instance) => instance.host === host.ping.host),
  }))
}

const inOrder = (
  answers: readonly InstancePing[],
  instances: readonly InstanceSpec[],
): readonly InstancePing[] =>
  instances.flatMap(({ name }) => answers.find((answer) => answer.name === name) ?? [])

async function pingOn(
  progress: Progress,
  { connection, observed, ping: { host } }: AskedHost,
  instances: readonly InstanceSpec[],
  options: PingOptions,
): Promise<readonly InstancePing[]> {
  if (connection !== undefined && observed !== undefined)
    return pingInstances(progress, connection, observed, instances, options)
  return instances.map((instance) => ({
    ...nothingKnown(instance),
    state: 'unknown',
    problem:
      instance.placement === undefined
        ? `its host ${host} does not answer`
        : `it may be on ${host}, which does not answer`,
  }))
}

const pingInstances = (
  progress: Progress,
  host: Hypervisor,
  observed: ObservedHost,
  instances: readonly InstanceSpec[],
  options: PingOptions,
): Promise<readonly InstancePing[]> =>
  mapBounded(instances, 16, (instance) =>
    pingInstance(
      progress.child({ timeoutMs: options.timeoutMs }),
      host,
      observed.vms.find((vm) => vm.name === instance.name),
      { ...options, instance },
    ),
  )

async function pingInstance(
  progress: Progress,
  host: Hypervisor,
  vm: ObservedVm | undefined,
  { spec, instance, network = realNetwork }: PingOptions & { readonly instance: InstanceSpec },
): Promise<InstancePing> {
  const known = { ...nothingKnown(instance), state: vm?.state ?? ('absent' as const) }
  const obstacle = obstacleTo(spec, instance, vm)
  if (obstacle !== undefined) {
    // A machine that is declared to rest after its snapshot does not have to answer.
    const rests = obstacle.code === 'guest.stopped' && instance.snapshot?.startAfterwards === false
    return { ...known, ok: rests, problem: rests ? undefined : obstacle.message }
  }
  const addresses = await addressesOf(progress, host, instance)
  const [answered, agent] = await Promise.all([
    firstOpen(progress, network, addresses, instance.ready.port),
    host.can.guestAgent ? agentOf(progress, host, instance.name) : ('none' as const),
  ])
  const hostKeys = vm?.mark?.hostKeys ?? []
  const hostKey =
    answered.portAnswer === 'open' && answered.address !== undefined && hostKeys.length > 0
      ? await hostKeyOf(progress, network, answered.address, instance, hostKeys)
      : 'unknown'
  const problem = problemOf(instance, answered, hostKey, agent)
  return { ...known, ...answered, hostKey, agent, ok: problem === undefined, problem }
}

const nothingKnown = (instance: InstanceSpec) =>
  ({
    name: instance.name,
    host: instance.host,
    ok: false,
    address: undefined,
    port: instance.ready.port,
    portAnswer: undefined,
    portMs: undefined,
    hostKey: 'unknown',
    agent: 'none',
  }) as const

type Answered = Pick<InstancePing, 'address' | 'portAnswer' | 'portMs'>

async function firstOpen(
  progress: Progress,
  network: GuestNetwork,
  addresses: readonly string[],
  port: number,
): Promise<Answered> {
  const answers = await Promise.all(
    addresses.map(async (address): Promise<Answered> => {
      const startedMs = progress.seam.monotonicMs()
      const portAnswer = await network.tryPort(progress, address, port)
      const portMs = portAnswer === 'open' ? Math.round(progress.seam.monotonicMs() - startedMs) : undefined
      return { address, portAnswer, portMs }
    }),
  )
  const nothing = { address: undefined, portAnswer: undefined, portMs: undefined }
  return answers.find((answer) => answer.portAnswer === 'open') ?? answers[0] ?? nothing
}

async function agentOf(progress: Progress, host: Hypervisor, name: string): Promise<'answers' | 'silent'> {
  try {
    return (await pingAgent(progress, host.guest(name))) ? 'answers' : 'silent'
  } catch {
    progress.check()
    return 'silent'
  }
}

async function hostKeyOf(
  progress: Progress,
  network: GuestNetwork,
  address: string,
  instance: InstanceSpec,
  hostKeys: readonly string[],
): Promise<InstancePing['hostKey']> {
  try {
    const { port } = instance.ready
    await network.connectSsh(progress, { address, port, user: instance.cloudInit.user.name, hostKeys })
    return 'verified'
  } catch (error) {
    progress.check()
    return isProvisionError(error, 'guest.host-key-mismatch') ? 'foreign' : 'unknown'
  }
}

/** What the instance's own ladder asks for has to answer; the rest is told and counts for nothing. */
function problemOf(
  { ready, host }: InstanceSpec,
  { address, portAnswer }: Answered,
  hostKey: InstancePing['hostKey'],
  agent: InstancePing['agent'],
): string | undefined {
  if (address === undefined) return `${host} knows no address of it`
  if (portAnswer === 'refused') return `${address} refuses port ${ready.port}`
  if (portAnswer !== 'open') return `${address} does not answer on port ${ready.port}`
  if (hostKey === 'foreign') return `${address} shows a host key that it was not given`
  if (ready.rungs.includes('ssh') && hostKey !== 'verified') return `${address} does not speak SSH`
  if (ready.rungs.includes('agent') && agent !== 'answers') return 'the guest agent is silent'
  return undefined
}
