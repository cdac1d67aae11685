import type { Hypervisor, ObservedHost } from '../hypervisor/contract.ts'
import type { AccessReport } from '../hypervisor/host-files.ts'
import { ProvisionError } from '../lib/errors.ts'
import type { Progress } from '../lib/progress.ts'
import { accessNeeds } from '../plan/access.ts'
import { needsHostNetwork, needsHostRules } from '../plan/networks/needed.ts'
import type { HostFacts } from '../plan/plan.ts'
import type { HostSpec, InstanceSpec, ResolvedSpec } from '../spec/resolved.ts'
import { gatherTemplates } from '../templates/gather.ts'
import { takeCensus } from './census.ts'
import type { SessionServices } from './session.ts'
import { withoutOthers } from './verify-compare.ts'

/** To make machines, to tell how they are, or to remove them, for which templates do not matter. */
export type Purpose = 'make' | 'tell' | 'remove'

export interface FactsRequest {
  readonly spec: ResolvedSpec
  /** Those that are worked on, on whatever host. */
  readonly instances: readonly InstanceSpec[]
  readonly services: Pick<SessionServices, 'peekImage' | 'templates'>
  readonly purpose: Purpose
  readonly observed: ObservedHost
  readonly early: EarlyFacts | undefined
}

/** Asked for while the hypervisor is still being looked at. */
export type EarlyFacts = Pick<PromisesOf<HostFacts>, 'network' | 'rules'>
type PromisesOf<T> = { readonly [K in keyof T]: Promise<T[K]> }

/** Begins to read what the spec alone tells to be needed: scripts take as long as the look at the hypervisor. */
export function askEarly(
  progress: Progress,
  host: Hypervisor,
  { spec, instances, purpose }: Pick<FactsRequest, 'spec' | 'instances' | 'purpose'>,
): EarlyFacts | undefined {
  const placed = instances.filter(({ placement }) => placement === undefined)
  const isNeeded = purpose === 'make' && needsHostNetwork(spec, host.host, placed)
  if (!isNeeded || host.can.noShell !== undefined) return undefined
  const early = { network: host.system.network.read(progress), rules: host.system.rules.read(progress) }
  // Told to whoever waits for them; nobody does where the look itself fails.
  for (const facts of Object.values(early)) facts.catch(() => {})
  return early
}

/** What the planner wants to know of a host beyond what its hypervisor tells. No mutation. */
export async function gatherFacts(
  progress: Progress,
  host: Hypervisor,
  request: FactsRequest,
): Promise<HostFacts> {
  const { observed } = request
  const spec = hostOf(request.spec, host.host)
  const here = request.instances.filter((instance) => instance.host === spec.name)
  const own = { ...request, host: spec, here }
  const [cachedImages, [templates, whyNoEdit, access], [network, rules, untouched]] = await Promise.all([
    peekImages(progress, own),
    gatherSources(progress, host, own),
    readSystem(progress, host, own),
  ])
  return {
    spec,
    can: host.can,
    observed,
    cachedImages,
    templates,
    whyNoEdit,
    access,
    network,
    rules,
    untouched,
  }
}

interface OwnRequest extends FactsRequest {
  readonly host: HostSpec
  /** Those on this host. */
  readonly here: readonly InstanceSpec[]
}

async function peekImages(
  progress: Progress,
  { spec, host, here, services }: OwnRequest,
): Promise<HostFacts['cachedImages']> {
  const used = new Set(here.flatMap(({ source }) => (source.kind === 'image' ? source.id : [])))
  const wanted = spec.images.filter(({ id }) => used.has(id))
  const files = await Promise.all(
    wanted.map(async (image) => [image.id, await services.peekImage(progress, host, image)] as const),
  )
  return new Map(
    files.flatMap(([id, file]) => {
      if (file === undefined) return []
      const { sizeBytes, virtualSizeBytes, fileName: volume } = file
      return [[id, { sizeBytes, virtualSizeBytes, volume }] as const]
    }),
  )
}

async function gatherSources(
  progress: Progress,
  host: Hypervisor,
  request: OwnRequest,
): Promise<readonly [HostFacts['templates'], string | undefined, AccessReport | undefined]> {
  const { spec, observed, purpose, here, services } = request
  const clones = here.filter(({ source }) => source.kind === 'template')
  const unmade = here.filter(({ name }) => !isMade(observed, name))
  const unmadeClones = unmade.filter(({ source }) => source.kind === 'template')
  const [templates, whyNoEdit] = await Promise.all([
    gatherTemplates(progress, host, {
      host: request.host,
      vms: observed.vms,
      templates: spec.templates,
      used: purpose === 'remove' ? new Set() : idsOf(clones),
      toHash: purpose === 'make' && spec.cloning.fullHash ? idsOf(unmadeClones) : new Set(),
      cloning: spec.cloning,
      records: services.templates,
    }),
    purpose === 'make' && host.can.noShell === undefined && editsAny(spec, unmade)
      ? host.whyNoEdit(progress)
      : undefined,
  ])
  const access =
    purpose === 'make' ? await checkAccess(progress, host, request, { templates, unmade }) : undefined
  return [templates, whyNoEdit, access]
}

/** T9. For what is not made yet; T8: not again for clones of templates that were validated as they are. */
async function checkAccess(
  progress: Progress,
  host: Hypervisor,
  { spec, host: hostSpec, observed }: OwnRequest,
  {
    templates,
    unmade,
  }: { readonly templates: HostFacts['templates']; readonly unmade: readonly InstanceSpec[] },
): Promise<AccessReport | undefined> {
  if (host.can.noShell !== undefined) return undefined
  const isKnown = ({ source }: InstanceSpec): boolean =>
    source.kind === 'template' && templates.get(source.id)?.validated === 'earlier'
  if (unmade.every(isKnown)) return undefined
  // What is half made is made again: its files count for nothing.
  const names = new Set(unmade.map(({ name }) => name))
  const others = { ...observed, vms: observed.vms.filter(({ name }) => !names.has(name)) }
  const needs = accessNeeds(spec, hostSpec, others, unmade)
  return host.files.checkAccess(progress, { user: hostSpec.runtimeUser, needs })
}

/**
 * Of hosts with networks of our own, to see what these collide with and which rules are there; of hosts that the
 * project comes to for the first time, what it will have to leave as it was (K11).
 */
async function readSystem(
  progress: Progress,
  host: Hypervisor,
  { spec, observed, instances, purpose, early }: OwnRequest,
): Promise<readonly [HostFacts['network'], HostFacts['rules'], HostFacts['untouched']]> {
  if (purpose === 'tell' || host.can.noShell !== undefined) return [undefined, [], undefined]
  const { project } = spec
  const isOurs = ({ mark }: { readonly mark: { readonly project: string } | undefined }): boolean =>
    mark?.project === project
  const isNew = purpose === 'make' && !observed.vms.some(isOurs) && !observed.networks.some(isOurs)
  const [network, rules, census] = await Promise.all([
    purpose === 'make' && needsHostNetwork(spec, host.host, instances)
      ? (early?.network ?? host.system.network.read(progress))
      : undefined,
    isNew || needsHostRules(spec, observed) ? (early?.rules ?? host.system.rules.read(progress)) : [],
    isNew ? takeCensus(progress, host, observed) : undefined,
  ])
  const isUntouched = census !== undefined && !rules.some((each) => each.project === project)
  const untouched = isUntouched ? withoutOthers(project, { observed, census, rules }) : undefined
  return [network, rules, untouched]
}

/** Whether files are written into disks before the first boot. */
const editsAny = (spec: ResolvedSpec, instances: readonly InstanceSpec[]): boolean =>
  instances.some(({ source }) =>
    source.kind === 'image'
      ? source.customise !== undefined
      : spec.templates.some(({ id, identity }) => identity === 'offline' && id === source.id),
  )

const idsOf = (clones: readonly InstanceSpec[]): ReadonlySet<string> =>
  new Set(clones.map(({ source }) => source.id))

const isMade = ({ vms }: ObservedHost, name: string): boolean => {
  const stage = vms.find((vm) => vm.name === name)?.mark?.stage
  return stage === 'created' || stage === 'provisioned'
}

export function hostOf(spec: ResolvedSpec, name: string): HostSpec {
  const host = spec.hosts.find((candidate) => candidate.name === name)
  if (host === undefined)
    throw new ProvisionError('internal.bug', { message: `The spec has no host ${name}.` })
  return host
}
