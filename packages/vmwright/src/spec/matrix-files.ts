import type { FileReader, Folders } from './include.ts'
import { builtInTargets } from './matrix-targets.ts'
import { type Entry, entryAt, type MapNode, type Node, pathPartsOf, problemAt } from './node.ts'
import { folderOf, normalisePath, resolvePath } from './path.ts'
import type { Problem } from './problem.ts'
import { mergeNodes } from './tree.ts'
import { parseYaml } from './yaml.ts'

/** The same limits as for `include`: what a matrix names is a few small files. */
const maxFiles = 400
const maxTotalBytes = 8 * 1024 * 1024

/**
 * G7. Lays the files `platforms/NAME.yaml` and `targets/NAME.yaml` of the folder that `matrix.folder` names under what
 * the matrix says itself. `named`: the tree with variables replaced, from which names are read; `root`: the tree as it
 * is written, to which files are added, so that variables in them are replaced too.
 */
export async function addMatrixFiles(
  reader: FileReader,
  { root, named }: { readonly root: MapNode; readonly named: MapNode },
  { homeDirectory }: Pick<Folders, 'homeDirectory'>,
): Promise<{ readonly root: MapNode; readonly problems: readonly Problem[] }> {
  const folder = entryAt(named, ['matrix', 'folder'])?.node
  // Whatever else stands there is for the schema to refuse.
  if (folder?.kind !== 'scalar' || typeof folder.value !== 'string' || folder.unresolved === true)
    return { root, problems: [] }
  const source = new Files(reader, {
    shown: /^(\/|~\/)/.test(folder.value)
      ? folder.value
      : normalisePath(`${folderOf(folder.place.source.file)}/${folder.value}`),
    absolute: resolvePath(folder.place.source.folder, folder.value, homeDirectory),
  })
  const wanted = wantedOf(named)
  const added = new Map<string, Entry>()
  for (const kind of ['platforms', 'targets'] as const) {
    const fallback = await source.read(kind, 'default')
    const entries = new Map<string, Entry>()
    if (kind === 'platforms' && fallback !== undefined) entries.set('default', fallback)
    for (const name of wanted[kind]) {
      if (name === 'default') continue
      const isKnown =
        entryAt(named, ['matrix', kind, name]) !== undefined ||
        (kind === 'targets' && Object.hasOwn(builtInTargets, name))
      const found = (await source.read(kind, name)) ?? (isKnown ? undefined : fallback)
      if (found === undefined) continue
      // The default platform is a layer of its own below all of them.
      const isLayer = kind === 'platforms' && found === fallback
      entries.set(name, isLayer ? { ...found, node: { ...found.node, entries: new Map() } } : found)
    }
    if (entries.size > 0)
      added.set(kind, { key: folder.place, node: { kind: 'map', place: folder.place, entries } })
  }
  const problems =
    source.found > 0 || source.problems.length > 0
      ? source.problems
      : [
          problemAt(folder.place, {
            path: ['matrix', 'folder'],
            message: 'has no file of a platform or target that is wanted',
            hint: `They are looked up as ${source.shown}/platforms/NAME.yaml and ${source.shown}/targets/NAME.yaml.`,
          }),
        ]
  if (added.size === 0) return { root, problems }
  const matrix: Node = { kind: 'map', place: folder.place, entries: added }
  const under: MapNode = {
    kind: 'map',
    place: root.place,
    entries: new Map([['matrix', { key: folder.place, node: matrix }]]),
  }
  const merged = mergeNodes(under, root)
  return { root: merged.kind === 'map' ? merged : root, problems }
}

interface MapEntry extends Entry {
  readonly node: MapNode
}

/** Reads files of a folder, and keeps what is wrong with them. */
class Files {
  readonly #reader: FileReader
  readonly #absolute: string
  readonly shown: string
  readonly problems: Problem[] = []
  found = 0
  #bytes = 0

  constructor(reader: FileReader, folder: { readonly shown: string; readonly absolute: string }) {
    this.#reader = reader
    this.#absolute = folder.absolute
    this.shown = folder.shown
  }

  async read(kind: 'platforms' | 'targets', name: string): Promise<MapEntry | undefined> {
    for (const extension of ['yaml', 'yml']) {
      const end = `${kind}/${name}.${extension}`
      const bytes = await this.#reader.readText(`${this.#absolute}/${end}`)
      if (bytes !== undefined) return this.#parse(`${this.shown}/${end}`, `${this.#absolute}/${kind}`, bytes)
    }
    return undefined
  }

  #parse(file: string, folder: string, bytes: Uint8Array): MapEntry {
    this.found += 1
    this.#bytes += bytes.length
    const place = { source: { file, folder, lineStarts: [0] }, offset: 0 }
    const nothing: MapEntry = { key: place, node: { kind: 'map', place, entries: new Map() } }
    if (this.found > maxFiles || this.#bytes > maxTotalBytes) {
      if (this.found === maxFiles + 1 || this.#bytes - bytes.length <= maxTotalBytes)
        this.problems.push(
          problemAt(place, {
            message: 'is one file too many for a matrix',
            hint: `At most ${maxFiles} files and 8 MiB in all are read.`,
          }),
        )
      return nothing
    }
    const { root, problems } = parseYaml({ file, folder, bytes })
    this.problems.push(...problems)
    if (root?.kind === 'map') return { key: root.place, node: root }
    if (root !== undefined)
      this.problems.push(
        problemAt(root.place, {
          message: 'must be a mapping',
          hint: 'Write settings of instances: `memory: 2GiB`.',
        }),
      )
    return nothing
  }
}

/** Names that `combine` and `list` use and that can be names of files. */
function wantedOf(root: MapNode): Readonly<Record<'platforms' | 'targets', ReadonlySet<string>>> {
  const namesAt = (...path: (string | number)[]): readonly string[] => {
    const node = entryAt(root, ['matrix', ...path])?.node
    const items = node?.kind === 'list' ? node.items : node === undefined ? [] : [node]
    return items.flatMap((item) =>
      item.kind === 'scalar' && typeof item.value === 'string' && /^[A-Za-z0-9][\w.-]*$/.test(item.value)
        ? [item.value]
        : [],
    )
  }
  const list = entryAt(root, ['matrix', 'list'])?.node
  const entries = list === undefined ? [] : pathPartsOf(list).map((_, index) => index)
  const of = (kind: 'platform' | 'target'): ReadonlySet<string> =>
    new Set([...namesAt('combine', `${kind}s`), ...entries.flatMap((index) => namesAt('list', index, kind))])
  return { platforms: of('platform'), targets: of('target') }
}
