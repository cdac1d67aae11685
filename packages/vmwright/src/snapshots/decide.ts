import type { ObservedSnapshot } from '../hypervisor/snapshots.ts'
import type { LifecycleAction, LifecycleSpec, PhaseName } from '../spec/resolved-lifecycle.ts'
import { plannedLayers } from './create.ts'
import { findLayer } from './find.ts'
import type { LayerKeys } from './keys.ts'
import type { LayerName, LayerNote } from './layers.ts'
import { ownSnapshots } from './note.ts'

export interface DecideRequest {
  readonly project: string
  readonly revision: LifecycleSpec['revision']
  readonly allowed: readonly LifecycleAction[]
  readonly keys: LayerKeys
  /** Those that exist. */
  readonly phases: readonly PhaseName[]
  readonly observed: readonly ObservedSnapshot[]
  /** Whether snapshots of this run hold memory. */
  readonly memory: boolean
  /**
   * Whether a phase has run on the machine as it stands, so that it is not clean any more. Left out: it has when a
   * snapshot of this project is there.
   */
  readonly used?: boolean
}

export interface Decision {
  readonly restore:
    | {
        readonly layer: LayerName
        readonly snapshot: string
        readonly memory: boolean
        /** Own snapshots that lie over it and must be deleted before, in this order. */
        readonly over: readonly string[]
      }
    | undefined
  /** Own snapshots that must go before new ones of their names are made; at the earliest just before that. */
  readonly discard: readonly string[]
  readonly run: readonly PhaseName[]
  readonly create: readonly LayerToCreate[]
  /**
   * Why the machine has to be made anew before this run, as a sentence: nothing clean is kept of it and phases have
   * run on it. After that, decide again. Going on without is sound but for the revision `auto` keeps no layers.
   */
  readonly anew: string | undefined
  readonly reasons: readonly LayerReason[]
}

export interface LayerToCreate {
  readonly layer: LayerName
  readonly snapshot: string
  readonly note: LayerNote
  readonly after: 'startup' | 'dependencies' | 'init'
}

export interface LayerReason {
  readonly layer: LayerName
  readonly outcome: 'hit' | 'miss' | 'not-allowed'
  /** A sentence. */
  readonly because: string
}

/** Highest first: the first that is there and allowed is restored. */
const searched = ['init', 'dependencies', 'clean'] as const

/**
 * G2, G8. What a run restores, runs and keeps: the highest layer that holds and may be restored, else the machine as
 * it is; then the phases above it; and a snapshot after each that a layer stands for. `restore-init` and
 * `create-init` stand for the layer `dependencies` too: it is a part of the way to `init`.
 */
export function decide(request: DecideRequest): Decision {
  const reasons: LayerReason[] = []
  let restored: { readonly layer: LayerName; readonly snapshot: ObservedSnapshot } | undefined
  for (const layer of searched) {
    const found = findLayer(request, layer)
    const allowed = request.allowed.includes(layer === 'clean' ? 'restore-clean' : 'restore-init')
    reasons.push({ layer, ...outcomeOf(found, allowed) })
    if (found.snapshot === undefined || !allowed) continue
    restored = { layer, snapshot: found.snapshot }
    break
  }
  const run = phasesAbove(restored?.layer, request)
  const used = request.used ?? ownSnapshots(request).length > 0
  const create = plannedLayers(request, { restored, run, used })
  return {
    restore: restored && {
      layer: restored.layer,
      snapshot: restored.snapshot.name,
      memory: restored.snapshot.memory,
      over: (restored.snapshot.under ?? []).toReversed(),
    },
    discard: inTheWay(request, create),
    run,
    create,
    anew: whyAnew(request, used, reasons),
    reasons,
  }
}

const outcomeOf = (
  found: ReturnType<typeof findLayer>,
  allowed: boolean,
): Pick<LayerReason, 'outcome' | 'because'> => {
  if (found.snapshot === undefined) return { outcome: 'miss', because: found.because }
  return allowed
    ? { outcome: 'hit', because: found.because }
    : { outcome: 'not-allowed', because: `${found.because.slice(0, -1)}, but restoring it is not allowed.` }
}

const covered: Readonly<Record<LayerName, readonly PhaseName[]>> = {
  clean: [],
  dependencies: ['dependencies'],
  init: ['dependencies', 'init'],
}

const phasesAbove = (restored: LayerName | undefined, { phases, allowed }: DecideRequest) =>
  (['dependencies', 'init', 'main', 'terminate'] as const).filter(
    (phase) =>
      phases.includes(phase) &&
      allowed.includes(phase) &&
      (restored === undefined || !covered[restored].includes(phase)),
  )

/** What has the name of one that is to be made, unless it may be somebody else's: `clean` says of nobody whose it is. */
const inTheWay = (request: DecideRequest, create: readonly LayerToCreate[]): readonly string[] => {
  const own = ownSnapshots(request)
  return request.observed
    .filter(({ name }) => create.some(({ snapshot }) => snapshot === name))
    .filter((snapshot) => own.includes(snapshot) || snapshot.note === undefined)
    .map(({ name }) => name)
}

function whyAnew(
  { revision, allowed }: DecideRequest,
  used: boolean,
  reasons: readonly LayerReason[],
): string | undefined {
  const clean = reasons.find(({ layer }) => layer === 'clean')
  if (!used || revision.kind === 'fixed' || clean?.outcome !== 'miss') return undefined
  if (!allowed.includes('create-clean')) return undefined
  return `The machine has been used and cannot be brought back to what it is when clean: ${clean.because}`
}
