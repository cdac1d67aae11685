import type { ObservedSnapshot } from '../hypervisor/snapshots.ts'
import type { PhaseName } from '../spec/resolved-lifecycle.ts'
import { ofUsedMachine, onOtherLayer, withoutPhases } from './content-key.ts'
import type { DecideRequest, LayerToCreate } from './decide.ts'
import { findLayer } from './find.ts'
import { layerNames, type LayerName } from './layers.ts'
import { cleanName, revisionOf, secondCleanName, snapshotName } from './names.ts'
import { ownSnapshots, readNote } from './note.ts'

export interface Way {
  readonly restored: { readonly layer: LayerName; readonly snapshot: ObservedSnapshot } | undefined
  readonly run: readonly PhaseName[]
  /** The machine as it stands is not clean; says nothing when something is restored. */
  readonly used: boolean
}

/** The layers that a run keeps on its way up, each with a note of what it really holds. */
export function plannedLayers(request: DecideRequest, way: Way): readonly LayerToCreate[] {
  const { restored, run, used } = way
  const unclean = restored === undefined && used
  if (unclean && request.revision.kind === 'auto') return []
  const create: LayerToCreate[] = []
  let below = restored === undefined ? undefined : standing(request, restored.layer, restored.snapshot)
  for (const layer of layerNames.slice(restored === undefined ? 0 : layerNames.indexOf(restored.layer) + 1)) {
    const made = layer === 'clean' || run.includes(layer)
    const allowed = request.allowed.includes(layer === 'clean' ? 'create-clean' : 'create-init')
    // On a machine that is not clean any more, what is kept already is the better one.
    if (!made || !allowed || (unclean && findLayer(request, layer).snapshot !== undefined)) continue
    const key = contentKey(request, layer, { ...way, lowerKey: below?.otherKey })
    const snapshot = nameFor(request, layer)
    create.push({
      layer,
      snapshot,
      after: layer === 'clean' ? 'startup' : layer,
      note: {
        project: request.project,
        layer,
        key,
        revision: revisionOf(request.revision, request.keys[layer].key),
        inputs: request.keys[layer].inputs,
        on: below?.name,
      },
    })
    below = { name: snapshot, otherKey: below?.otherKey }
  }
  return create
}

interface Standing {
  readonly name: string
  /** Set when it is not the key that was asked for. */
  readonly otherKey: string | undefined
}

function standing(request: DecideRequest, layer: LayerName, snapshot: ObservedSnapshot): Standing {
  const key = readNote(snapshot.note)?.key
  return { name: snapshot.name, otherKey: key === request.keys[layer].key ? undefined : key }
}

function contentKey(
  { keys, phases }: DecideRequest,
  layer: LayerName,
  { restored, run, used, lowerKey }: Way & { readonly lowerKey: string | undefined },
): string {
  const { key } = keys[layer]
  if (lowerKey !== undefined) return onOtherLayer(key, lowerKey)
  const skipped = (['dependencies', 'init'] as const)
    .slice(restored === undefined ? 0 : layerNames.indexOf(restored.layer), layerNames.indexOf(layer))
    .filter((phase) => phases.includes(phase) && !run.includes(phase))
  const partial = withoutPhases(key, skipped)
  return restored === undefined && used ? ofUsedMachine(partial) : partial
}

/** `clean` says of nobody whose it is: where somebody else has it, ours has the project's name. */
function nameFor(request: DecideRequest, layer: LayerName): string {
  const revision = revisionOf(request.revision, request.keys[layer].key)
  if (layer !== 'clean') return snapshotName(request.project, revision, layer)
  const own = ownSnapshots(request)
  const taken = request.observed.some((snapshot) => snapshot.name === cleanName && !own.includes(snapshot))
  return taken ? secondCleanName(request.project, revision) : cleanName
}
