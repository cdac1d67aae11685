import { SourceFault } from './ansible/fault.ts'
import { hostsOfGroup, type Inventory, mergeInventories } from './ansible/inventory.ts'
import { readInventoryFiles } from './ansible/inventory-files.ts'
import { readOne } from './ansible/read-one.ts'
import { type SourceFile, type SourceFiles, sourceOf } from './ansible/source.ts'
import { hostNode } from './host-variables.ts'
import type { FileReader, Folders } from './include.ts'
import { hintForUnknown } from './nearest.ts'
import { type Entry, entryAt, type MapNode, type Node, type Place, problemAt, type Source } from './node.ts'
import { folderOf, normalisePath, resolvePath } from './path.ts'
import type { Problem } from './problem.ts'
import { mergeNodes } from './tree.ts'

export interface WithInventory {
  readonly root: Node
  readonly problems: readonly Problem[]
}

/**
 * K12. Lays the hosts of the Ansible inventory that `hostInventory` names under those of `hosts`, which win field by
 * field. What it adds knows its place in the inventory, so that whatever is wrong with it is told there. Static files
 * alone are read; no program is run.
 */
export async function addInventoryHosts(
  reader: FileReader,
  root: Node,
  { homeDirectory }: Pick<Folders, 'homeDirectory'>,
): Promise<WithInventory> {
  const file = entryAt(root, ['hostInventory', 'file'])?.node
  // Whatever else stands there is for the schema to refuse.
  if (
    root.kind !== 'map' ||
    file?.kind !== 'scalar' ||
    typeof file.value !== 'string' ||
    file.unresolved === true
  )
    return { root, problems: [] }
  const problems: Problem[] = []
  const path = file.value
  const at = file.place.source
  const shown = /^(\/|~\/)/.test(path) ? path : normalisePath(`${folderOf(at.file)}/${path}`)
  const sources = new Map<string, Source>()
  const placeOf = ({ file: name, line, column = 1 }: SourceFault['place']): Place => {
    const source = sources.get(name) ?? { file: name, folder: at.folder, lineStarts: [0] }
    return { source, offset: (source.lineStarts[line - 1] ?? 0) + column - 1 }
  }
  const tell = (fault: SourceFault): void =>
    void problems.push(problemAt(placeOf(fault.place), { message: fault.what, hint: fault.hint }))
  try {
    const files = await readInventoryFiles(reader, resolvePath(at.folder, path, homeDirectory), shown)
    if (files === undefined) {
      const hint = 'Paths are relative to the file they stand in.'
      const message = `there is no inventory ${shown}`
      return { root, problems: [problemAt(file.place, { path: ['hostInventory', 'file'], message, hint })] }
    }
    const read: SourceFile[] = []
    for (const { name, bytes, isVars } of files) {
      sources.set(name, { file: name, folder: at.folder, lineStarts: lineStartsOf(bytes) })
      try {
        read.push(checked(readOne(name, bytes), isVars))
      } catch (error) {
        if (!(error instanceof SourceFault)) throw error
        tell(error)
      }
    }
    const inventory = mergeInventories(
      read.flatMap(({ role }): Inventory[] => (role.kind === 'inventory' ? [role.inventory] : [])),
    )
    const names = problems.length > 0 ? [] : namesIn(root, inventory, problems)
    const hosts = hostEntries(root, names, {
      source: sourceOf(read, inventory),
      placeOf,
      homeDirectory,
      problems,
    })
    return { root: withHosts(root, hosts, file.place), problems }
  } catch (error) {
    if (!(error instanceof SourceFault)) throw error
    tell(error)
    return { root, problems }
  }
}

/** Throws `SourceFault` for what says nothing of hosts. */
function checked(file: SourceFile, isVars: boolean): SourceFile {
  const { name, role } = file
  if (role.kind === 'nothing') {
    if (role.why === 'is empty') return file
    throw new SourceFault({ file: name, line: 1 }, role.why)
  }
  if (!isVars && role.kind !== 'inventory')
    throw new SourceFault(
      file.root?.place ?? { file: name, line: 1 },
      'is not an inventory',
      'Write INI with `[group]` sections, or YAML of groups with `hosts`, `children` and `vars`.',
    )
  return file
}

function namesIn(root: Node, inventory: Inventory, problems: Problem[]): readonly string[] {
  const group = entryAt(root, ['hostInventory', 'group'])?.node
  const wanted = group?.kind === 'scalar' && typeof group.value === 'string' ? group.value : 'all'
  const names = hostsOfGroup(inventory, wanted)
  const place = (group ?? entryAt(root, ['hostInventory', 'file'])?.node ?? root).place
  const path = ['hostInventory', group === undefined ? 'file' : 'group']
  if (names === undefined)
    problems.push(
      problemAt(place, {
        path,
        message: 'is not a group of the inventory',
        hint: hintForUnknown(wanted, [...inventory.groups.keys()]),
      }),
    )
  else if (names.length === 0)
    problems.push(
      problemAt(place, { path, message: 'has no hosts', hint: 'Add hosts to the group, or name another.' }),
    )
  return names ?? []
}

function hostEntries(
  root: Node,
  names: readonly string[],
  context: {
    readonly source: SourceFiles
    readonly placeOf: (place: SourceFault['place']) => Place
    readonly homeDirectory: string
    readonly problems: Problem[]
  },
): ReadonlyMap<string, Entry> {
  const pattern = entryAt(root, ['hostInventory', 'uri'])?.node
  const settings = entryAt(root, ['hostInventory', 'settings'])?.node
  const uri = pattern?.kind === 'scalar' && typeof pattern.value === 'string' ? pattern.value : undefined
  return new Map(
    names.map((name) => {
      const place = context.placeOf(context.source.inventory.hosts.get(name)?.place ?? { file: '', line: 1 })
      const own = hostNode(name, place, { ...context, pattern: uri, scope: context.source.scopeOfHost(name) })
      return [name, { key: place, node: settings?.kind === 'map' ? mergeNodes(settings, own) : own }] as const
    }),
  )
}

function withHosts(root: MapNode, entries: ReadonlyMap<string, Entry>, place: Place): Node {
  if (entries.size === 0) return root
  const hosts: Node = { kind: 'map', place, entries }
  const under: Node = {
    kind: 'map',
    place: root.place,
    entries: new Map([['hosts', { key: place, node: hosts }]]),
  }
  return mergeNodes(under, root)
}

function lineStartsOf(bytes: Uint8Array): readonly number[] {
  const text = new TextDecoder().decode(bytes)
  return [0, ...Array.from(text.matchAll(/\n/g), ({ index }) => index + 1)]
}
