import {
  concat,
  directoryRecord,
  directoryRecordLength,
  pathTableRecord,
  pathTableRecordLength,
  posixAttributes,
  rockRidgeRoot,
  sectorSize,
  terminator,
  volumeDescriptor,
} from './iso9660-records.ts'
import {
  buildTree,
  type IsoDirectory,
  type IsoEntry,
  type IsoFile,
  type IsoNode,
  ucs2,
  type View,
  views,
} from './iso9660-tree.ts'
import type { SeedFiles } from './render.ts'

/**
 * The NoCloud seed: an ISO9660 image labelled `cidata` with `user-data`, `meta-data` and `network-config`.
 * Same files, same bytes, so that a change of the seed is a change of its hash.
 */
export function writeSeedImage(files: SeedFiles): Uint8Array {
  const encode = (text: string): Uint8Array => new TextEncoder().encode(text)
  return writeIso('cidata', [
    { path: 'user-data', data: encode(files.userData) },
    { path: 'meta-data', data: encode(files.metaData) },
    { path: 'network-config', data: encode(files.networkConfig) },
  ])
}

/**
 * An ISO9660 level 1 image (ECMA-119) with Rock Ridge (RRIP 1.09 over SUSP 1.09; Linux reads this) and Joliet
 * (Windows reads this). File contents are stored once and shared by both trees; dates, owner and mode are fixed.
 * Pure: the same entries in any order give the same bytes. Throws `RangeError` for paths that do not fit.
 *
 * ```
 * sector 0-15   system area, zeros (6.2.1)
 *        16     primary volume descriptor (8.4)
 *        17     supplementary volume descriptor, Joliet (8.5)
 *        18     volume descriptor set terminator (8.3)
 *        19…    per tree: path table little endian, path table big endian (6.9, 9.4)
 *        …      per tree: an extent for each directory (6.8, 9.1)
 *        …      an extent for each file
 * ```
 */
export function writeIso(label: string, entries: readonly IsoEntry[]): Uint8Array {
  const root = buildTree(entries)
  const trees = views.map((view) => measureTree(view, root))
  let sectors = 19
  const take = (bytes: number): number => {
    const lba = sectors
    sectors += Math.ceil(bytes / sectorSize)
    return lba
  }
  const tables = trees.map((tree) => [take(tree.pathTableSize), take(tree.pathTableSize)] as const)
  const lbas: Lbas = new Map()
  for (const tree of trees)
    for (const directory of tree.directories) lbas.set(directory, take(directory.size))
  for (const file of filesOf(root)) lbas.set(file, take(file.data.length))

  const image = new Uint8Array(sectors * sectorSize)
  const put = (lba: number, bytes: Uint8Array): void => image.set(bytes, lba * sectorSize)
  for (const [index, tree] of trees.entries()) {
    const [littleTable, bigTable] = tables[index] ?? [0, 0]
    const { joliet } = tree.view
    const rootRecord = selfRecord(tree.root, lbas, 0, new Uint8Array())
    put(
      16 + index,
      volumeDescriptor({
        joliet,
        label: joliet ? ucs2(label) : new TextEncoder().encode(label),
        sectors,
        pathTableSize: tree.pathTableSize,
        littleTable,
        bigTable,
        rootRecord,
      }),
    )
    put(littleTable, pathTable(tree, lbas, true))
    put(bigTable, pathTable(tree, lbas, false))
    for (const directory of tree.directories)
      put(lbaOf(lbas, directory), directoryExtent(tree, directory, lbas))
  }
  put(18, terminator())
  for (const file of filesOf(root)) put(lbaOf(lbas, file), file.data)
  return image
}

interface MeasuredDirectory {
  readonly id: Uint8Array
  readonly parent: MeasuredDirectory | undefined
  /** Position in the path table, from 1. */
  readonly number: number
  readonly children: readonly {
    readonly node: IsoNode
    readonly id: Uint8Array
    readonly systemUse: Uint8Array
  }[]
  /** Filled while the level below is walked. */
  readonly folders: Map<IsoNode, MeasuredDirectory>
  /** Whole sectors, bytes. */
  readonly size: number
}

interface Tree {
  readonly view: View
  readonly root: MeasuredDirectory
  /** In path table order (6.9.1): by level, then by number of the parent, then by identifier. */
  readonly directories: readonly MeasuredDirectory[]
  readonly pathTableSize: number
}

type Lbas = Map<MeasuredDirectory | IsoFile, number>

function measureTree(view: View, rootNode: IsoDirectory): Tree {
  const directories: MeasuredDirectory[] = []
  const measure = (
    node: IsoDirectory,
    id: Uint8Array,
    parent: MeasuredDirectory | undefined,
  ): MeasuredDirectory => {
    const ids = view.identify(node.children)
    const children = node.children
      .map((child) => ({
        node: child,
        id: ids.get(child) ?? new Uint8Array(),
        systemUse: view.systemUse(child),
      }))
      .sort((a, b) => compareBytes(a.id, b.id)) // 9.3
    const directory = { id, parent, number: directories.length + 1, children, folders: new Map() }
    const dots = [...dotSystemUse(view, parent === undefined)].map((use) =>
      directoryRecordLength(1, use.length),
    )
    const lengths = children.map((child) => directoryRecordLength(child.id.length, child.systemUse.length))
    const measured = { ...directory, size: extentSize([...dots, ...lengths]) }
    directories.push(measured)
    return measured
  }
  const root = measure(rootNode, Uint8Array.of(0), undefined)
  // The array grows while it is walked: breadth first.
  for (const directory of directories) {
    for (const { node, id } of directory.children) {
      if (node.kind === 'directory') directory.folders.set(node, measure(node, id, directory))
    }
  }
  const pathTableSize = directories.reduce((sum, { id }) => sum + pathTableRecordLength(id.length), 0)
  return { view, root, directories, pathTableSize }
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const at = a.findIndex((byte, index) => byte !== b[index])
  return at < 0 ? a.length - b.length : (a[at] ?? 0) - (b[at] ?? -1)
}

/** 6.8.1.1: a record does not cross the end of a sector. */
function extentSize(recordLengths: readonly number[]): number {
  let end = 0
  for (const length of recordLengths) end = placeRecord(end, length) + length
  return Math.ceil(end / sectorSize) * sectorSize
}

const placeRecord = (end: number, length: number): number =>
  (end % sectorSize) + length > sectorSize ? Math.ceil(end / sectorSize) * sectorSize : end

function directoryExtent(tree: Tree, directory: MeasuredDirectory, lbas: Lbas): Uint8Array {
  const [selfUse, parentUse] = dotSystemUse(tree.view, directory.parent === undefined)
  const records = [
    selfRecord(directory, lbas, 0, selfUse),
    selfRecord(directory.parent ?? directory, lbas, 1, parentUse),
    ...directory.children.map(({ node, id, systemUse }) => {
      const target = node.kind === 'file' ? node : (directory.folders.get(node) ?? directory)
      return directoryRecord({
        id,
        lba: lbaOf(lbas, target),
        size: 'data' in target ? target.data.length : target.size,
        isDirectory: node.kind === 'directory',
        systemUse,
      })
    }),
  ]
  const extent = new Uint8Array(directory.size)
  let end = 0
  for (const record of records) {
    const at = placeRecord(end, record.length)
    extent.set(record, at)
    end = at + record.length
  }
  return extent
}

/** System use fields of the records `.` and `..`; those of the root's `.` announce Rock Ridge (SUSP 5.3). */
function dotSystemUse(view: View, isRoot: boolean): readonly [Uint8Array, Uint8Array] {
  if (view.joliet) return [new Uint8Array(), new Uint8Array()]
  return [isRoot ? rockRidgeRoot() : posixAttributes('directory'), posixAttributes('directory')]
}

const selfRecord = (directory: MeasuredDirectory, lbas: Lbas, id: 0 | 1, systemUse: Uint8Array): Uint8Array =>
  directoryRecord({
    id: Uint8Array.of(id),
    lba: lbaOf(lbas, directory),
    size: directory.size,
    isDirectory: true,
    systemUse,
  })

const pathTable = (tree: Tree, lbas: Lbas, littleEndian: boolean): Uint8Array =>
  concat(
    ...tree.directories.map((directory) =>
      pathTableRecord(
        { id: directory.id, lba: lbaOf(lbas, directory), parent: directory.parent?.number ?? 1 },
        littleEndian,
      ),
    ),
  )

const lbaOf = (lbas: Lbas, target: MeasuredDirectory | IsoFile): number => lbas.get(target) ?? 0

const filesOf = (directory: IsoDirectory): readonly IsoFile[] =>
  directory.children.flatMap((child) => (child.kind === 'file' ? [child] : filesOf(child)))
