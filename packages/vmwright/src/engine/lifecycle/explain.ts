import { isProvisionError } from '../../lib/errors.ts'
import type { Progress } from '../../lib/progress.ts'
import type { Decision } from '../../snapshots/decide.ts'
import { layerInputsOf } from '../../snapshots/inputs.ts'
import { type LayerKeys, layerKeys } from '../../snapshots/keys.ts'
import { searchedFor } from '../../phases/find.ts'
import { layerNames, type LayerName } from '../../snapshots/layers.ts'
import { type PhaseName, phaseNames } from '../../spec/resolved-lifecycle.ts'
import type { ResolvedSpec } from '../../spec/resolved.ts'
import { mapBounded } from '../bounded.ts'
import { hostOf } from '../host-facts.ts'
import { Session } from '../session.ts'
import { decideFor } from './body.ts'
import { lookAtMachine } from './ensure.ts'
import type { Existence } from './existence.ts'
import { chooseMemory } from './layers.ts'
import { baseOf } from './machine.ts'
import { type Candidate, findCandidates, readInputs } from './plan-run.ts'
import type { LifecycleOptions } from './run.ts'
import { capableHosts, surveyHosts } from './survey.ts'

/** What a run would do with one guest, and why. */
export interface GuestExplanation {
  readonly name: string
  readonly host: string
  readonly platform: string | undefined
  readonly target: string | undefined
  readonly phases: readonly PhaseExplanation[]
  /** What is known of the machine, in words: `there`, `made: it was not there`. */
  readonly machine: string
  readonly layers: readonly LayerExplanation[]
  /** Actions in their order; empty where it would fail. */
  readonly actions: readonly string[]
  /** Why it would fail, or why less is known than might be. */
  readonly problem: string | undefined
}

export interface PhaseExplanation {
  readonly phase: PhaseName
  /** `spec`, or the file, absolute; `undefined`: it has none. */
  readonly from: string | undefined
  /** Files in the order in which they were looked for. */
  readonly searched: readonly string[]
  readonly allowed: boolean
  /** What the key of its layer could not follow. */
  readonly notes: readonly string[]
}

export interface LayerExplanation {
  readonly layer: LayerName
  /** `undefined`: what it is made of is not known before it is fetched. */
  readonly key: string | undefined
  /** What the key covers: name → digest or value. */
  readonly inputs: Readonly<Record<string, string>>
  readonly outcome: 'hit' | 'miss' | 'not-allowed' | 'not-looked-at'
  readonly because: string
}

type ExplainOptions = Pick<LifecycleOptions, 'spec' | 'instances' | 'services' | 'rebuild'>

/** `vmwright run --explain`: which file serves which phase, the keys of the layers and why they hold. No mutation. */
export async function explainLifecycles(
  progress: Progress,
  options: ExplainOptions,
): Promise<readonly GuestExplanation[]> {
  const { spec, services } = options
  const candidates = await findCandidates(progress, spec, options.instances, services)
  const outermost = candidates.flatMap(({ instance, inside }) => (inside === undefined ? [instance] : []))
  const survey = await surveyHosts(progress, spec, outermost, options)
  return mapBounded(candidates, 4, async (candidate) => {
    const [seat] = candidate.inside === undefined ? capableHosts(spec, candidate.instance, survey) : []
    const host = seat?.name ?? candidate.instance.host
    const instance = { ...candidate.instance, host, placement: undefined }
    const found = await findPhaseFacts(progress, { ...candidate, instance }, options)
    const common = {
      name: instance.name,
      host,
      platform: instance.matrix?.platform,
      target: instance.matrix?.target,
      phases: found.phases,
    }
    if (candidate.inside !== undefined)
      return { ...common, ...unknown(`nothing is known of it before ${candidate.inside} is up`) }
    try {
      return {
        ...common,
        ...(await explainMachine(progress, { ...candidate, instance }, options, found.inputs)),
      }
    } catch (error) {
      progress.check()
      if (!isProvisionError(error)) throw error
      return { ...common, ...unknown(error.message) }
    }
  })
}

type Findings = Pick<GuestExplanation, 'machine' | 'layers' | 'actions' | 'problem'>

const unknown = (problem: string): Findings => ({ machine: 'not known', layers: [], actions: [], problem })

async function findPhaseFacts(
  progress: Progress,
  candidate: Candidate,
  { services }: ExplainOptions,
): Promise<{
  readonly phases: readonly PhaseExplanation[]
  readonly inputs: Awaited<ReturnType<typeof readInputs>>
}> {
  const { instance, phases } = candidate
  const { lifecycle, matrix } = instance
  const inputs = await readInputs(progress, candidate, services)
  const search = {
    folder: lifecycle.phasesFolder,
    platform: matrix?.platform,
    target: matrix?.target,
    inline: lifecycle.phases,
  }
  const explained = phaseNames.map((phase): PhaseExplanation => {
    const origin = phases[phase]?.origin
    return {
      phase,
      from: origin?.kind === 'file' ? origin.path : origin?.kind,
      searched: origin?.kind === 'spec' ? [] : searchedFor(phase, search),
      allowed: lifecycle.allowed.includes(phase),
      notes: (phase === 'dependencies' || phase === 'init' ? inputs[phase]?.notes : undefined) ?? [],
    }
  })
  return { phases: explained, inputs }
}

async function explainMachine(
  progress: Progress,
  { instance, phases }: Candidate,
  { spec: declared, services, rebuild }: ExplainOptions,
  inputs: Awaited<ReturnType<typeof readInputs>>,
): Promise<Findings> {
  const spec: ResolvedSpec = {
    ...declared,
    instances: declared.instances.map((each) => (each.name === instance.name ? instance : each)),
  }
  const image = spec.images.find(({ id }) => instance.source.kind === 'image' && id === instance.source.id)
  const cached = image && (await services.session.peekImage(progress, hostOf(spec, instance.host), image))
  await using session = await Session.open(progress, spec, [instance], services.session)
  const { vm, judge } = await lookAtMachine(
    progress,
    { instance, spec, imageDigest: async () => cached?.sha256 },
    { session, rebuild: rebuild.has(instance.name) },
  )
  const existence = judge()
  const kept = existence.kind === 'make' || existence.kind === 'anew' ? undefined : vm
  const base = kept?.mark === undefined ? cached && `image:${cached.sha256}` : baseOf(kept.mark)
  if (base === undefined) return notFetched(existence, instance.source.id)
  const host = session.host(instance.host)
  const observed = kept === undefined ? [] : await host.listSnapshots(progress, instance.name)
  const memory =
    kept === undefined
      ? instance.lifecycle.memory !== 'never'
      : (await chooseMemory(progress, instance, host)).memory
  const keys = layerKeys(layerInputsOf(instance, base, inputs))
  const decision = decideFor({ instance, spec, phases }, { keys, observed, memory, mark: kept?.mark })
  const isAnew = decision.anew !== undefined && instance.disposable
  const isUp = !isAnew && kept?.state === 'running'
  return {
    machine: isAnew ? `made anew: ${decision.anew}` : machineText(existence),
    layers: layersOf(keys, decision),
    actions: [
      ...(vm?.mark?.run === undefined ? [] : ['recover']),
      ...(existence.kind === 'there' && !isAnew ? [] : ['create']),
      ...actionsOf(instance.lifecycle.allowed, decision, { isUp, isFresh: kept === undefined || isAnew }),
    ],
    problem: isAnew ? undefined : decision.anew,
  }
}

const notFetched = (existence: Existence, source: string): Findings => ({
  ...unknown(`${source} is not in the cache: the keys follow from what it is once it is fetched`),
  machine: machineText(existence),
})

const machineText = (existence: Existence): string => {
  switch (existence.kind) {
    case 'there':
      return 'there'
    case 'make':
      return `made: ${existence.because}`
    case 'anew':
      return `made anew: ${existence.because}`
    case 'update':
      return `changed: ${existence.because}`
  }
}

/** A layer below the one that is restored was not looked for. */
const layersOf = (keys: LayerKeys, { reasons }: Decision): readonly LayerExplanation[] =>
  layerNames.map((layer) => {
    const reason = reasons.find((each) => each.layer === layer)
    return {
      layer,
      ...keys[layer],
      outcome: reason?.outcome ?? 'not-looked-at',
      because: reason?.because ?? 'A layer above it is restored.',
    }
  })

function actionsOf(
  allowed: readonly string[],
  { restore, run, create }: Decision,
  { isUp, isFresh }: { readonly isUp: boolean; readonly isFresh: boolean },
): readonly string[] {
  const keep = (after: 'startup' | 'dependencies' | 'init'): readonly string[] =>
    create.filter((each) => each.after === after).map(({ layer }) => `create-${layer}`)
  const phase = (name: PhaseName): readonly string[] => (run.includes(name) ? [name] : [])
  const runsAfterwards = restore === undefined ? isUp || isFresh : restore.memory
  return [
    ...(restore === undefined ? [] : [`restore-${restore.layer}`]),
    ...(runsAfterwards || !allowed.includes('startup') ? [] : ['startup']),
    'connect',
    ...(restore?.memory === true ? ['clock'] : []),
    ...keep('startup'),
    ...phase('dependencies'),
    ...keep('dependencies'),
    ...phase('init'),
    ...keep('init'),
    ...phase('main'),
    ...phase('terminate'),
    ...(allowed.includes('shutdown') ? ['shutdown'] : []),
  ]
}
