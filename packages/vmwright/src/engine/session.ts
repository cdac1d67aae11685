import { messageOf, ProvisionError } from '../lib/errors.ts'
import type { Hypervisor, ObservedHost } from '../hypervisor/contract.ts'
import type { AccessReport } from '../hypervisor/host-files.ts'
import type { Progress } from '../lib/progress.ts'
import type { CachedImage } from '../images/ensure.ts'
import { accessNeeds } from '../plan/access.ts'
import type { HostFacts, PlanInput } from '../plan/plan.ts'
import { gatherTemplates } from '../templates/gather.ts'
import type { HostSpec, ImageSpec, InstanceSpec, ResolvedSpec } from '../spec/resolved.ts'
import type { RunServices } from './context.ts'

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

/** Connections to the hosts that some instances need. Dispose it to give back locks and connections. */
export class Session implements AsyncDisposable {
  readonly spec: ResolvedSpec
  readonly instances: readonly InstanceSpec[]
  readonly #services: SessionServices
  readonly #hosts: ReadonlyMap<string, Hypervisor>
  readonly #locks: AsyncDisposable[] = []

  private constructor(
    spec: ResolvedSpec,
    instances: readonly InstanceSpec[],
    services: SessionServices,
    hosts: ReadonlyMap<string, Hypervisor>,
  ) {
    this.spec = spec
    this.instances = instances
    this.#services = services
    this.#hosts = hosts
  }

  /** Connects to all hosts that the instances are on, side by side. Throws the first host's error, naming all that failed. */
  static async open(
    progress: Progress,
    spec: ResolvedSpec,
    instances: readonly InstanceSpec[],
    services: SessionServices,
  ): Promise<Session> {
    const wanted = spec.hosts.filter((host) => instances.some((instance) => instance.host === host.name))
    progress.report({ what: `a connection to ${wanted.map((host) => host.name).join(', ')}` })
    const opened = await Promise.allSettled(wanted.map((host) => services.openHost(progress, host)))
    const hosts = new Map(
      opened.flatMap((result) =>
        result.status === 'fulfilled' ? [[result.value.host, result.value] as const] : [],
      ),
    )
    const failures = opened.flatMap((result) =>
      result.status === 'rejected' ? [result.reason as unknown] : [],
    )
    if (failures.length > 0) {
      await Promise.allSettled([...hosts.values()].map((host) => host.close()))
      throw failures.length === 1 ? failures[0] : severalFailures(failures)
    }
    return new Session(spec, instances, services, hosts)
  }

  host(name: string): Hypervisor {
    const host = this.#hosts.get(name)
    if (host === undefined)
      throw new ProvisionError('internal.bug', { message: `There is no connection to ${name}.` })
    return host
  }

  /** One writer per host, always taken in the order of the names so that two runs cannot wait for each other. */
  async lock(progress: Progress, holder: string): Promise<void> {
    for (const name of [...this.#hosts.keys()].toSorted())
      this.#locks.push(await this.host(name).lock(progress, holder))
  }

  /** `purpose`: to make machines, to tell how they are, or to remove them, for which templates do not matter. */
  async observe(progress: Progress, purpose: Purpose): Promise<PlanInput> {
    progress.report({ what: `the state of ${[...this.#hosts.keys()].join(', ')}` })
    const facts = await Promise.all(
      [...this.#hosts.values()].map((host) => this.#factsOf(progress, host, purpose)),
    )
    return {
      spec: this.spec,
      instances: this.instances,
      hosts: new Map(facts.map((each) => [each.spec.name, each])),
      unreachable: new Map(),
    }
  }

  async observeHosts(progress: Progress): Promise<ReadonlyMap<string, ObservedHost>> {
    const observed = await Promise.all([...this.#hosts.values()].map((host) => host.observe(progress)))
    return new Map(observed.map((host) => [host.host, host]))
  }

  async #factsOf(progress: Progress, host: Hypervisor, purpose: Purpose): Promise<HostFacts> {
    const spec = this.spec.hosts.find((candidate) => candidate.name === host.host)
    if (spec === undefined)
      throw new ProvisionError('internal.bug', { message: `The spec has no host ${host.host}.` })
    const wanted = this.spec.images.filter((image) =>
      this.instances.some(
        (each) => each.host === spec.name && each.source.kind === 'image' && each.source.id === image.id,
      ),
    )
    const [observed, cached] = await Promise.all([
      host.observe(progress),
      Promise.all(
        wanted.map(async (image) => ({
          id: image.id,
          file: await this.#services.peekImage(progress, spec, image),
        })),
      ),
    ])
    const cachedImages = new Map(
      cached.flatMap(({ id, file }) =>
        file === undefined
          ? []
          : [
              [
                id,
                { sizeBytes: file.sizeBytes, virtualSizeBytes: file.virtualSizeBytes, volume: file.fileName },
              ] as const,
            ],
      ),
    )
    const clones = this.instances.filter(
      (instance) => instance.host === spec.name && instance.source.kind === 'template',
    )
    const unmade = clones.filter(({ name }) => !isMade(observed, name))
    const [templates, whyNoEdit] = await Promise.all([
      gatherTemplates(progress, host, {
        host: spec,
        vms: observed.vms,
        templates: this.spec.templates,
        used: purpose === 'remove' ? new Set() : idsOf(clones),
        toHash: purpose === 'make' && this.spec.cloning.fullHash ? idsOf(unmade) : new Set(),
        cloning: this.spec.cloning,
        records: this.#services.templates,
      }),
      purpose === 'make' && host.can.noShell === undefined && this.#editsAny(unmade)
        ? host.whyNoEdit(progress)
        : undefined,
    ])
    const access =
      purpose === 'make' ? await this.#checkAccess(progress, host, { spec, observed, templates }) : undefined
    return {
      spec,
      can: host.can,
      observed,
      cachedImages,
      templates,
      whyNoEdit,
      access,
      network: undefined,
      rules: [],
    }
  }

  /** T9. For what is not made yet; T8: not again for clones of templates that were validated as they are. */
  async #checkAccess(
    progress: Progress,
    host: Hypervisor,
    { spec, observed, templates }: Pick<HostFacts, 'spec' | 'observed' | 'templates'>,
  ): Promise<AccessReport | undefined> {
    if (host.can.noShell !== undefined) return undefined
    const unmade = this.instances.filter(
      (instance) => instance.host === spec.name && !isMade(observed, instance.name),
    )
    const isKnown = ({ source }: InstanceSpec): boolean =>
      source.kind === 'template' && templates.get(source.id)?.validated === 'earlier'
    if (unmade.every(isKnown)) return undefined
    // What is half made is made again: its files count for nothing.
    const names = new Set(unmade.map(({ name }) => name))
    const others = { ...observed, vms: observed.vms.filter(({ name }) => !names.has(name)) }
    const needs = accessNeeds(this.spec, spec, others, unmade)
    return host.files.checkAccess(progress, { user: spec.runtimeUser, needs })
  }

  #editsAny(clones: readonly InstanceSpec[]): boolean {
    const ids = idsOf(clones)
    return this.spec.templates.some(({ id, identity }) => identity === 'offline' && ids.has(id))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const lock of this.#locks.splice(0).toReversed()) await lock[Symbol.asyncDispose]()
    await Promise.allSettled([...this.#hosts.values()].map((host) => host.close()))
  }
}

export type Purpose = 'make' | 'tell' | 'remove'

const idsOf = (clones: readonly InstanceSpec[]): ReadonlySet<string> =>
  new Set(clones.map(({ source }) => source.id))

const isMade = ({ vms }: ObservedHost, name: string): boolean => {
  const stage = vms.find((vm) => vm.name === name)?.mark?.stage
  return stage === 'created' || stage === 'provisioned'
}

function severalFailures(failures: readonly unknown[]): ProvisionError {
  return new ProvisionError('host.unreachable', {
    message: `Several hosts cannot be reached. ${failures.map(messageOf).join(' ')}`,
    details: { failures: failures.map(messageOf) },
    cause: failures[0],
  })
}
