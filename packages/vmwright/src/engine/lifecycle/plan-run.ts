import type { GuestRun, StepSummary } from '@vmwright/contract'
import { ProvisionError } from '../../lib/errors.ts'
import type { Progress } from '../../lib/progress.ts'
import type { Phases } from '../../phases/phase.ts'
import type { LayerInputs } from '../../snapshots/layers.ts'
import type { InstanceSpec, ResolvedSpec } from '../../spec/resolved.ts'
import { mapBounded } from '../bounded.ts'
import { stepId } from './action-log.ts'
import { capableHosts, roomsFor, type Survey } from './survey.ts'
import { type Waiting, whyNeverFits } from './room.ts'
import type { LifecycleServices } from './services.ts'

/** One guest of a run, before it starts. */
export interface Candidate {
  readonly instance: InstanceSpec
  readonly phases: Phases
  /** G9. The guest that has to be up before its host is one. */
  readonly inside: string | undefined
}

/** The guests, those first that others are inside of, also where they were not named; with their phases. Throws `phase.invalid`. */
export async function findCandidates(
  progress: Progress,
  spec: ResolvedSpec,
  instances: readonly InstanceSpec[],
  { findPhases }: Pick<LifecycleServices, 'findPhases'>,
): Promise<readonly Candidate[]> {
  return mapBounded(withHypervisors(spec, instances), 8, async (instance) => {
    const { lifecycle, matrix } = instance
    const phases = await findPhases(progress, {
      folder: lifecycle.phasesFolder,
      platform: matrix?.platform,
      target: matrix?.target,
      inline: lifecycle.phases,
    })
    return { instance, phases, inside: hypervisorOf(spec, instance) }
  })
}

/** The guest that an instance's host is. Pure. */
export const hypervisorOf = (spec: ResolvedSpec, { host, placement }: InstanceSpec): string | undefined =>
  placement === undefined ? spec.hosts.find(({ name }) => name === host)?.guest : undefined

function withHypervisors(spec: ResolvedSpec, instances: readonly InstanceSpec[]): readonly InstanceSpec[] {
  const wanted = new Set<string>()
  const add = (instance: InstanceSpec): void => {
    if (wanted.has(instance.name)) return
    wanted.add(instance.name)
    const outer = spec.instances.find(({ name }) => name === hypervisorOf(spec, instance))
    if (outer !== undefined) add(outer)
  }
  instances.forEach(add)
  return spec.instances.filter(({ name }) => wanted.has(name))
}

/** What the keys of layers are made of, as it is now. */
export async function readInputs(
  progress: Progress,
  { instance, phases }: Pick<Candidate, 'instance' | 'phases'>,
  { collectInputs }: Pick<LifecycleServices, 'collectInputs'>,
): Promise<LayerInputs['phases']> {
  const folder = instance.lifecycle.phasesFolder
  const read = async (name: 'dependencies' | 'init') => {
    const phase = phases[name]
    return phase === undefined ? {} : { [name]: await collectInputs(progress, phase, { folder }) }
  }
  return { ...(await read('dependencies')), ...(await read('init')) }
}

/** G7. Throws `run.no-room` for all guests together that have no room even when nothing else runs. Pure. */
export function requireRoom(spec: ResolvedSpec, candidates: readonly Candidate[], survey: Survey): void {
  const names = new Set(candidates.map(({ instance }) => instance.name))
  const hosts = roomsFor(survey, names)
  const problems = candidates.flatMap((candidate) => {
    const { instance } = candidate
    const outer = candidates.find((each) => each.instance.name === candidate.inside)?.instance
    const why =
      outer === undefined
        ? whyNotOnHosts(spec, instance, survey, hosts)
        : instance.memoryMib >= outer.memoryMib
          ? `${outer.name}, which it is inside of, has ${outer.memoryMib} MiB of memory, and it wants ${instance.memoryMib}`
          : undefined
    return why === undefined ? [] : [{ guest: instance.name, why }]
  })
  if (problems.length === 0) return
  throw new ProvisionError('run.no-room', {
    message: `There is no room for ${problems.map(({ guest, why }) => `${guest}: ${why}`).join('; ')}.`,
    details: { guests: problems },
  })
}

function whyNotOnHosts(
  spec: ResolvedSpec,
  instance: InstanceSpec,
  survey: Survey,
  hosts: ReturnType<typeof roomsFor>,
): string | undefined {
  const wanted = instance.placement?.hosts ?? [instance.host]
  if (wanted.some((host) => survey.unreachable.has(host))) return undefined // told of that guest alone
  const capable = capableHosts(spec, instance, survey)
  if (capable.length === 0)
    return `none of ${wanted.join(', ')} runs guests of the architecture ${instance.processor?.architecture ?? 'of the host'} in the way that it wants`
  return whyNeverFits({ budget: spec.budget, hosts }, waitingOf(instance, capable))
}

export const waitingOf = (
  { name, memoryMib, vcpus }: InstanceSpec,
  hosts: Waiting['hosts'],
): Omit<Waiting, 'overtaken'> => ({ name, memoryMib, vcpus, counts: true, hosts })

/** What is known in advance to be done with a guest, in order; what is restored and kept shows only then. */
export function stepsOf({ instance, phases }: Candidate): readonly StepSummary[] {
  const { allowed } = instance.lifecycle
  const phase = (name: keyof Phases, title: string) =>
    phases[name] !== undefined && allowed.includes(name) ? [[name, title] as const] : []
  const action = (name: 'startup' | 'shutdown', title: string) =>
    allowed.includes(name) ? [[name, title] as const] : []
  const known = [
    ...action('startup', 'start'),
    ['connect', 'wait until it answers'],
    ...phase('dependencies', 'dependencies'),
    ...phase('init', 'init'),
    ...phase('main', 'main'),
    ...phase('terminate', 'terminate'),
    ...action('shutdown', 'shut down'),
  ] as const
  const { name, host } = instance
  return known.map(([kind, title], index) => {
    const before = known[index - 1]
    return {
      id: stepId(name, kind),
      kind,
      host,
      instance: name,
      title,
      reason: 'asked for',
      after: before === undefined ? [] : [stepId(name, before[0])],
    }
  })
}

export const notRun = ({ instance }: Pick<Candidate, 'instance'>, because: string): GuestRun => ({
  name: instance.name,
  host: instance.host,
  platform: instance.matrix?.platform,
  target: instance.matrix?.target,
  outcome: 'not-run',
  actions: [],
  because,
  fetched: [],
})
