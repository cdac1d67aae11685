import type { ObservedSnapshot } from '../hypervisor/snapshots.ts'
import { type LifecycleSpec, lifecycleActions } from '../spec/resolved-lifecycle.ts'
import { findLayer } from './find.ts'
import type { LayerKeys } from './keys.ts'
import { layerNames, type LayerName, type LayerNote } from './layers.ts'
import { ownPrefix } from './names.ts'
import { readNote } from './note.ts'

/** A snapshot that is, or looks like, a layer of the cache. */
export interface LayerRow {
  readonly guest: string
  readonly host: string
  readonly snapshot: string
  /** Whose it is, as far as its note or name tells. */
  readonly project: string
  readonly layer: LayerName
  /** `undefined`: it has no note. */
  readonly revision: string | undefined
  readonly createdAtMs: number
  /** `undefined`: the host cannot tell, as with what shares a file with its disk. */
  readonly sizeBytes: number | undefined
  readonly memory: boolean
  /** What the machine is now was made on it. */
  readonly isNow: boolean
  /** Snapshots that were made on it. */
  readonly carries: readonly string[]
  /** Those that have to be deleted before it; empty where they are whole without it. */
  readonly under: readonly string[]
  /**
   * `current`: a run of the present spec would restore it; `outdated`: none would; `unknown`: what the spec asks for
   * could not be found out; `unfinished`: it has no note; `foreign`: of another project.
   */
  readonly state: 'current' | 'outdated' | 'unknown' | 'unfinished' | 'foreign'
  /** A sentence. */
  readonly because: string
}

export interface InventoryRequest {
  readonly guest: string
  readonly host: string
  readonly project: string
  readonly revision: LifecycleSpec['revision']
  readonly observed: readonly ObservedSnapshot[]
  /** Of the present spec, or a sentence that says why they are not known. */
  readonly keys: LayerKeys | string
}

/** The layers among the snapshots of a guest, oldest first. Snapshots that are no layers are left out. */
export function layerRows(request: InventoryRequest): readonly LayerRow[] {
  const known = request.observed.flatMap((snapshot) => {
    const note = readNote(snapshot.note)
    const layer = note?.layer ?? unfinishedLayer(request.project, snapshot)
    return layer === undefined ? [] : [{ snapshot, note, layer }]
  })
  return known
    .toSorted((a, b) => a.snapshot.createdAtMs - b.snapshot.createdAtMs)
    .map(({ snapshot, note, layer }) => ({
      guest: request.guest,
      host: request.host,
      snapshot: snapshot.name,
      project: note?.project ?? request.project,
      layer,
      revision: note?.revision,
      createdAtMs: snapshot.createdAtMs,
      sizeBytes: snapshot.sizeBytes,
      memory: snapshot.memory,
      isNow: snapshot.current,
      carries: request.observed
        .filter((other) => other.parent === snapshot.name || readNote(other.note)?.on === snapshot.name)
        .map(({ name }) => name),
      under: snapshot.under ?? [],
      ...stateOf(request, snapshot, note),
    }))
}

/** A name that only a layer of this project has. `clean` alone says nothing. */
function unfinishedLayer(project: string, { name, note }: ObservedSnapshot): LayerName | undefined {
  if (note !== undefined || !name.startsWith(ownPrefix(project))) return undefined
  const [, revision, layer] = /^[^.]+\.(.+)\.([a-z]+)$/.exec(name) ?? []
  return revision === undefined ? undefined : layerNames.find((known) => known === layer)
}

function stateOf(
  { project, revision, keys }: InventoryRequest,
  snapshot: ObservedSnapshot,
  note: LayerNote | undefined,
): Pick<LayerRow, 'state' | 'because'> {
  if (note === undefined)
    return { state: 'unfinished', because: 'It was not finished, or another program has made it.' }
  if (note.project !== project)
    return { state: 'foreign', because: `It belongs to the project ${note.project}.` }
  if (typeof keys === 'string') return { state: 'unknown', because: keys }
  const { snapshot: found, because } = findLayer(
    {
      project,
      revision,
      keys,
      allowed: lifecycleActions,
      phases: [],
      observed: [snapshot],
      memory: true,
    },
    note.layer,
  )
  return { state: found === undefined ? 'outdated' : 'current', because }
}
