import type { ObservedSnapshot } from '../hypervisor/snapshots.ts'
import type { PhaseName } from '../spec/resolved-lifecycle.ts'
import { changedInputs } from './changes.ts'
import { withoutPhases } from './content-key.ts'
import type { DecideRequest } from './decide.ts'
import { layerNames, type LayerName, type LayerNote } from './layers.ts'
import { cleanName, ownPrefix, revisionOf, secondCleanName, snapshotName } from './names.ts'
import { ownSnapshots, readNote } from './note.ts'

/** The snapshot that holds the layer, or `undefined`; with a sentence that says why it is or is not there. */
export interface FoundLayer {
  readonly snapshot: ObservedSnapshot | undefined
  readonly because: string
}

/** By key with the revision `auto`, by name with one given by hand; only what is complete and of this project. */
export function findLayer(request: DecideRequest, layer: LayerName): FoundLayer {
  const candidates = ownOfLayer(request, layer)
  const usable = candidates.filter(
    ({ snapshot }) =>
      holdsNoUnwantedMemory(request, layer, snapshot) && strangersOver(request, snapshot).length === 0,
  )
  const found =
    request.revision.kind === 'fixed' ? byName(request, layer, usable) : byKey(request, layer, usable)
  if (found !== undefined) return found
  return { snapshot: undefined, because: whyMissing(request, layer, candidates, usable) }
}

interface Candidate {
  readonly snapshot: ObservedSnapshot
  readonly note: LayerNote
}

/** Newest first. */
const ownOfLayer = ({ project, observed }: DecideRequest, layer: LayerName): readonly Candidate[] =>
  observed
    .flatMap((snapshot) => {
      const note = readNote(snapshot.note)
      return note?.project === project && note.layer === layer ? [{ snapshot, note }] : []
    })
    .toSorted((a, b) => b.snapshot.createdAtMs - a.snapshot.createdAtMs)

/**
 * Where no memory is wanted or possible, layers that hold some are made again without. Not so the clean one: it may
 * be all that leads back to a clean machine.
 */
const holdsNoUnwantedMemory = (
  request: DecideRequest,
  layer: LayerName,
  snapshot: ObservedSnapshot,
): boolean => request.memory || layer === 'clean' || !snapshot.memory

/** Snapshots of others that would have to be deleted before this one can be restored. */
const strangersOver = (request: DecideRequest, { under = [] }: ObservedSnapshot): readonly string[] => {
  const own = ownSnapshots(request).map(({ name }) => name)
  return under.filter((name) => !own.includes(name) && !name.startsWith(ownPrefix(request.project)))
}

function byName(
  request: DecideRequest,
  layer: LayerName,
  usable: readonly Candidate[],
): FoundLayer | undefined {
  const names = namesOf(request, layer)
  const found = usable.find(({ snapshot }) => names.includes(snapshot.name))
  if (found === undefined) return undefined
  const { name } = found.snapshot
  if (found.note.key === request.keys[layer].key) {
    return {
      snapshot: found.snapshot,
      because: `The snapshot ${name} is there and its inputs are unchanged.`,
    }
  }
  const changed = changedInputs(found.note.inputs, request.keys[layer].inputs)
  const why =
    changed.length > 0
      ? `since it was made ${sentence(changed)}`
      : 'it was not made on a clean machine by all phases in turn'
  return {
    snapshot: found.snapshot,
    because: `The snapshot ${name} has the revision that the spec names, although ${why}.`,
  }
}

const namesOf = ({ project, revision, keys }: DecideRequest, layer: LayerName): readonly string[] => {
  const named = revisionOf(revision, keys[layer].key)
  return layer === 'clean'
    ? [cleanName, secondCleanName(project, named)]
    : [snapshotName(project, named, layer)]
}

function byKey(
  request: DecideRequest,
  layer: LayerName,
  usable: readonly Candidate[],
): FoundLayer | undefined {
  const { key } = request.keys[layer]
  const full = usable.find(({ note }) => note.key === key)
  if (full !== undefined) {
    return {
      snapshot: full.snapshot,
      because: `The snapshot ${full.snapshot.name} has the key ${key.slice(0, 12)}.`,
    }
  }
  const skipped = skippedPhases(request, layer)
  if (skipped.length === 0) return undefined
  const partial = usable.find(({ note }) => note.key === withoutPhases(key, skipped))
  return (
    partial && {
      snapshot: partial.snapshot,
      because: `The snapshot ${partial.snapshot.name} has this key and was made, as is asked for, without ${skipped.join(' and ')}.`,
    }
  )
}

/** Phases below the top of this layer that exist and may not run. */
const skippedPhases = ({ phases, allowed }: DecideRequest, layer: LayerName): readonly PhaseName[] =>
  (['dependencies', 'init'] as const)
    .slice(0, layerNames.indexOf(layer))
    .filter((phase) => phases.includes(phase) && !allowed.includes(phase))

function whyMissing(
  request: DecideRequest,
  layer: LayerName,
  candidates: readonly Candidate[],
  usable: readonly Candidate[],
): string {
  const [newest] = usable
  if (newest === undefined && candidates[0] !== undefined) {
    const { snapshot } = candidates[0]
    const [over] = strangersOver(request, snapshot)
    return over === undefined
      ? `The snapshot ${snapshot.name} holds memory, which snapshots of this run must not.`
      : `The snapshot ${snapshot.name} lies under ${over}, which is somebody else's.`
  }
  if (newest !== undefined) {
    const { name } = newest.snapshot
    const changed = changedInputs(newest.note.inputs, request.keys[layer].inputs)
    if (request.revision.kind === 'fixed') {
      return `No snapshot has the revision ${request.revision.value}; the newest of this layer is ${name}.`
    }
    return changed.length > 0
      ? `Since the snapshot ${name} was made ${sentence(changed)}.`
      : `The snapshot ${name} has the same inputs but was not made on a clean machine by all phases in turn.`
  }
  const unfinished = request.observed.find(
    ({ name, note }) => namesOf(request, layer).includes(name) && readNote(note) === undefined,
  )
  if (unfinished !== undefined) {
    return `The snapshot ${unfinished.name} is not a finished one of this program.`
  }
  return `No snapshot of the project ${request.project} holds this layer.`
}

const mostNamed = 3

const sentence = (changed: readonly string[]): string => {
  const shown = changed.slice(0, mostNamed)
  const rest = changed.length - shown.length
  return rest === 0
    ? joined(shown)
    : `${shown.join(', ')} and ${rest} more ${rest === 1 ? 'input' : 'inputs'} changed`
}

const joined = (parts: readonly string[]): string =>
  parts.length < 2 ? parts.join('') : `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}`
