import type { ErrorReport } from '@vmwright/contract'
import type { Hypervisor, ObservedHost } from '../hypervisor/contract.ts'
import type { CachedImage } from '../images/ensure.ts'
import { reportOf } from '../lib/error-report.ts'
import { ProvisionError } from '../lib/errors.ts'
import type { Progress } from '../lib/progress.ts'
import { type Placed, placeInstances } from '../plan/place.ts'
import type { PlanInput } from '../plan/plan.ts'
import type { HostSpec, ImageSpec, InstanceSpec, ResolvedSpec } from '../spec/resolved.ts'
import { type Answers, askAll, noneAnswers } from './ask-hosts.ts'
import type { RunServices } from './context.ts'
import { askEarly, gatherFacts, type Purpose } from './host-facts.ts'

/** What the entry points plug in: drivers, the image cache, secrets. */
export interface SessionServices extends Pick<RunServices, 'readSecret' | 'ownKey' | 'templates'> {
  openHost(progress: Progress, host: HostSpec): Promise<Hypervisor>
  ensureImage(
    progress: Progress,
    host: HostSpec,
    image: ImageSpec,
    refresh: 'policy' | 'force' | 'cached-only',
  ): Promise<CachedImage>
  /** What the cache has now; no download. */
  peekImage(progress: Progress, host: HostSpec, image: ImageSpec): Promise<CachedImage | undefined>
}

/**
 * Connections to the hosts that some instances are on or may go to, one each. Dispose it to give back locks and
 * connections.
 */
export class Session implements AsyncDisposable {
  readonly #spec: ResolvedSpec
  readonly #instances: readonly InstanceSpec[]
  readonly #services: SessionServices
  readonly #hosts: ReadonlyMap<string, Hypervisor>
  readonly #failures: Map<string, unknown>
  readonly #locks = new Map<string, AsyncDisposable>()

  private constructor(
    spec: ResolvedSpec,
    instances: readonly InstanceSpec[],
    services: SessionServices,
    opened: Answers<Hypervisor>,
  ) {
    this.#spec = spec
    this.#instances = instances
    this.#services = services
    this.#hosts = opened.answers
    this.#failures = new Map(opened.failures)
  }

  /**
   * Connects to all hosts that the instances are on or may go to, side by side. One that does not answer does not
   * stop the others (K12); when none does, it throws the first one's error, naming all.
   */
  static async open(
    progress: Progress,
    spec: ResolvedSpec,
    instances: readonly InstanceSpec[],
    services: SessionServices,
  ): Promise<Session> {
    const names = withHostsBelow(spec, instances.flatMap(candidatesOf))
    const wanted = spec.hosts.filter((host) => names.has(host.name))
    progress.report({ what: `a connection to ${naming(wanted.map((host) => host.name))}` })
    const connections: Hypervisor[] = []
    const open = async (host: HostSpec): Promise<Hypervisor> => {
      const connection = await services.openHost(progress, host)
      connections.push(connection)
      return connection
    }
    try {
      const opened = await askAll(
        progress,
        wanted.map((host) => [host.name, () => open(host)] as const),
      )
      if (wanted.length > 0 && opened.answers.size === 0) throw noneAnswers(opened.failures)
      return new Session(spec, instances, services, opened)
    } catch (error) {
      await Promise.allSettled(connections.map((connection) => connection.close()))
      throw error
    }
  }

  /** Throws the host's own error when it cannot be reached. */
  host(name: string): Hypervisor {
    const host = this.#hosts.get(name)
    if (host !== undefined && !this.#failures.has(name)) return host
    if (this.#failures.has(name)) throw this.#failures.get(name)
    throw new ProvisionError('internal.bug', { message: `There is no connection to ${name}.` })
  }

  /** By host: why it cannot be reached. */
  get unreachable(): ReadonlyMap<string, ErrorReport> {
    return new Map([...this.#failures].map(([name, error]) => [name, reportOf(error)]))
  }

  /**
   * One writer per host, always taken in the order of the names so that two runs cannot wait for each other: whoever
   * needs further hosts lets go of all first. A host that is lost meanwhile counts as one that does not answer.
   */
  async lock(progress: Progress, holder: string, hosts: ReadonlySet<string>): Promise<void> {
    const wanted = [...new Set([...hosts, ...this.#locks.keys()])].toSorted()
    await this.#unlock()
    for (const name of wanted) {
      const { answers } = await this.#ask(progress, [name], (host) => host.lock(progress, holder))
      for (const lock of answers.values()) this.#locks.set(name, lock)
    }
  }

  get locked(): ReadonlySet<string> {
    return new Set(this.#locks.keys())
  }

  /** What there is on the hosts that answer, and by it where the instances are or go to. */
  async locate(progress: Progress, adopt: ReadonlySet<string> = new Set()): Promise<Located> {
    progress.report({ what: `the state of ${naming([...this.#hosts.keys()])}` })
    const observed = await this.observeHosts(progress)
    if (observed.size === 0 && this.#hosts.size > 0) throw noneAnswers(this.#failures)
    const { unreachable } = this
    const [spec, instances] = [this.#spec, this.#instances]
    const placed = placeInstances({ spec, instances, observed, unreachable, adopt })
    return { ...placed, observed }
  }

  /** The only instance of the session with its host. Asks the hosts only where the spec leaves it open. */
  async locateOne(progress: Progress): Promise<InstanceSpec> {
    const [declared] = this.#instances
    const placed = declared?.placement === undefined ? declared : (await this.locate(progress)).instances[0]
    if (placed === undefined) throw new ProvisionError('internal.bug', { message: 'There is no instance.' })
    return placed
  }

  /** `purpose`: to make machines, to tell how they are, or to remove them, for which templates do not matter. */
  async observe(progress: Progress, purpose: Purpose, adopt?: ReadonlySet<string>): Promise<PlanInput> {
    const services = this.#services
    const asked = { spec: this.#spec, instances: this.#instances, purpose }
    const early = new Map(
      [...this.#hosts].map(([name, host]) => [name, askEarly(progress, host, asked)] as const),
    )
    const { spec, instances, blocked, findings, observed } = await this.locate(progress, adopt)
    const facts = await this.#ask(progress, [...observed.keys()], (host) => {
      const seen = observed.get(host.host)
      if (seen === undefined)
        throw new ProvisionError('internal.bug', { message: `${host.host} was not looked at.` })
      return gatherFacts(progress, host, {
        spec,
        instances,
        services,
        purpose,
        observed: seen,
        early: early.get(host.host),
      })
    })
    if (facts.answers.size === 0 && this.#hosts.size > 0) throw noneAnswers(this.#failures)
    return {
      spec,
      instances,
      hosts: facts.answers,
      unreachable: this.unreachable,
      placement: { blocked, findings },
    }
  }

  /** Of the hosts that answer; of their volumes only those in the pools of these names, if any are given. */
  async observeHosts(
    progress: Progress,
    pools?: ReadonlySet<string>,
  ): Promise<ReadonlyMap<string, ObservedHost>> {
    return (await this.#ask(progress, [...this.#hosts.keys()], (host) => host.observe(progress, pools)))
      .answers
  }

  /** Asks hosts that answered so far; those that do no longer count as unreachable from now on. */
  async #ask<T>(
    progress: Progress,
    names: readonly string[],
    ask: (host: Hypervisor) => Promise<T>,
  ): Promise<Answers<T>> {
    const hosts = names.flatMap((name) => (this.#failures.has(name) ? [] : (this.#hosts.get(name) ?? [])))
    const answers = await askAll(
      progress,
      hosts.map((host) => [host.host, () => ask(host)] as const),
    )
    for (const [name, error] of answers.failures) this.#failures.set(name, error)
    return answers
  }

  async #unlock(): Promise<void> {
    const locks = [...this.#locks.values()].toReversed()
    this.#locks.clear()
    for (const lock of locks) await lock[Symbol.asyncDispose]()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#unlock()
    await Promise.allSettled([...this.#hosts.values()].map((host) => host.close()))
  }
}

export interface Located extends Placed {
  readonly observed: ReadonlyMap<string, ObservedHost>
}

/** Hosts that an instance is on or may go to. */
const candidatesOf = ({ host, placement }: InstanceSpec): readonly string[] => placement?.hosts ?? [host]

/** G9. And those on which the guests are that are hosts themselves: they tell whether these can answer at all. */
function withHostsBelow(spec: ResolvedSpec, wanted: readonly string[]): ReadonlySet<string> {
  const names = new Set(wanted)
  // A set tells also of what is added to it meanwhile.
  for (const name of names) {
    const guest = spec.hosts.find((host) => host.name === name)?.guest
    const outer = guest === undefined ? undefined : spec.instances.find((each) => each.name === guest)
    for (const host of outer === undefined ? [] : candidatesOf(outer)) names.add(host)
  }
  return names
}

/** For one line of progress. */
const naming = (hosts: readonly string[]): string =>
  hosts.length > 5 ? `${hosts.length} hosts` : hosts.join(', ')
