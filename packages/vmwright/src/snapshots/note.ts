import { canonicalJson, sha256Hex } from '../lib/hash.ts'
import type { ObservedSnapshot } from '../hypervisor/snapshots.ts'
import { layerNames, type LayerNote } from './layers.ts'

/** What a driver keeps beside a snapshot is at most 16 KiB; this leaves room for what stands around the inputs. */
const mostInputsBytes = 12 * 1024

/** The text that a driver keeps beside the snapshot. */
export const writeNote = (note: LayerNote): string =>
  canonicalJson({ vmwright: 'layer', ...note, inputs: compactInputs(note.inputs) })

/** `undefined`: it is no note of a layer. Of unknown origin, so nothing of it is taken on trust. */
export function readNote(text: string | undefined): LayerNote | undefined {
  const value = parsed(text)
  if (!isRecord(value) || value['vmwright'] !== 'layer') return undefined
  const { project, layer, key, revision, inputs, on } = value
  const name = layerNames.find((known) => known === layer)
  if (typeof project !== 'string' || name === undefined || typeof revision !== 'string') return undefined
  if (typeof key !== 'string' || !/^[0-9a-f]{64}$/.test(key) || !isRecord(inputs)) return undefined
  return {
    project,
    layer: name,
    key,
    revision,
    inputs: Object.fromEntries(Object.entries(inputs).map(([input, digest]) => [input, String(digest)])),
    on: typeof on === 'string' ? on : undefined,
  }
}

/** Those that this project has made, and finished. */
export const ownSnapshots = ({
  project,
  observed,
}: {
  readonly project: string
  readonly observed: readonly ObservedSnapshot[]
}): readonly ObservedSnapshot[] => observed.filter(({ note }) => readNote(note)?.project === project)

/**
 * The inputs, or, where they are more than fits, files together by folder, as far down as fits. The same inputs give
 * the same result, so that compacted ones can be compared.
 */
export function compactInputs(inputs: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  for (const depth of [Number.POSITIVE_INFINITY, 3, 2, 1, 0]) {
    const compact = depth === Number.POSITIVE_INFINITY ? inputs : grouped(inputs, depth)
    if (new TextEncoder().encode(canonicalJson(compact)).length <= mostInputsBytes) return compact
  }
  return { everything: sha256Hex(canonicalJson(inputs)).slice(0, 12) }
}

function grouped(inputs: Readonly<Record<string, string>>, depth: number): Readonly<Record<string, string>> {
  const groups = Map.groupBy(Object.entries(inputs), ([name]) => groupOf(name, depth))
  return Object.fromEntries(
    [...groups].map(([name, members]) =>
      members.length === 1 && members[0] !== undefined
        ? members[0]
        : [name, sha256Hex(canonicalJson(members)).slice(0, 12)],
    ),
  )
}

/** `file init roles/web/tasks/main.yml`, at a depth of 2, → `files init roles/web`. */
function groupOf(name: string, depth: number): string {
  const [kind = '', phase = '', ...path] = name.split(' ')
  if (kind === 'file') {
    const folders = path.join(' ').split('/').slice(0, -1)
    return `files ${phase} ${folders.slice(0, depth).join('/') || '.'}`
  }
  return depth === 0 && ['variable', 'environment', 'secret'].includes(kind) ? `all ${kind}` : name
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  value !== null && typeof value === 'object' && !Array.isArray(value)

function parsed(text: string | undefined): unknown {
  if (text === undefined) return undefined
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
