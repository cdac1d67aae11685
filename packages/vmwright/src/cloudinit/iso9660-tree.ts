import { isoDirectoryDepth, jolietNameUnits, rockRidge, rockRidgeNameBytes } from './iso9660-records.ts'

export interface IsoEntry {
  /** Relative, parts divided by `/`: `user-data`, `scripts/first-boot.sh`. */
  readonly path: string
  readonly data: Uint8Array
}

export interface IsoFile {
  readonly kind: 'file'
  readonly name: string
  readonly data: Uint8Array
}

export interface IsoDirectory {
  readonly kind: 'directory'
  readonly name: string
  /** By name, so that the order of the entries given does not matter. */
  readonly children: readonly IsoNode[]
}

export type IsoNode = IsoFile | IsoDirectory

/** One of the two directory hierarchies over the same files: how names are spelt and what goes with them. */
export interface View {
  readonly joliet: boolean
  /** File identifiers of one directory's children, unique within it. */
  identify(children: readonly IsoNode[]): ReadonlyMap<IsoNode, Uint8Array>
  /** System use fields (SUSP) of a child's record. */
  systemUse(node: IsoNode): Uint8Array
}

/** Makes folders out of paths. Throws `RangeError` for names, depths and duplicates that an image cannot hold. */
export function buildTree(entries: readonly IsoEntry[]): IsoDirectory {
  interface Folder {
    readonly folders: Map<string, Folder>
    readonly files: Map<string, Uint8Array>
  }
  const newFolder = (): Folder => ({ folders: new Map(), files: new Map() })
  const root = newFolder()
  for (const { path, data } of entries) {
    const parts = path.split('/')
    const problem = problemOf(parts)
    if (problem !== undefined)
      throw new RangeError(`cannot put ${JSON.stringify(path)} into an ISO image: ${problem}`)
    let folder = root
    for (const part of parts.slice(0, -1)) {
      const inner = folder.folders.get(part) ?? newFolder()
      folder.folders.set(part, inner)
      folder = inner
    }
    const name = parts.at(-1) ?? ''
    if (folder.files.has(name))
      throw new RangeError(`${JSON.stringify(path)} is given twice for one ISO image`)
    folder.files.set(name, data)
  }
  const freeze = (name: string, folder: Folder): IsoDirectory => {
    const clash = [...folder.files.keys()].find((file) => folder.folders.has(file))
    if (clash !== undefined) throw new RangeError(`${JSON.stringify(clash)} is both a file and a folder`)
    const children: IsoNode[] = [
      ...[...folder.files].map(([name, data]) => ({ kind: 'file', name, data }) as const),
      ...[...folder.folders].map(([name, inner]) => freeze(name, inner)),
    ]
    return { kind: 'directory', name, children: children.sort((a, b) => (a.name < b.name ? -1 : 1)) }
  }
  return freeze('', root)
}

/** ECMA-119 level 1 names (8.3, upper case) with Rock Ridge beside them. */
const plainView: View = {
  joliet: false,
  identify(children) {
    const taken = new Set<string>()
    return new Map(
      children.map((child) => {
        const id = freeName(child, taken)
        taken.add(id)
        return [child, ascii(id)]
      }),
    )
  },
  systemUse: (node) => rockRidge(node.kind, node.name),
}

/** Joliet names: UCS-2 big endian, with the version suffix for files (ECMA-119 7.5.1) that readers expect. */
const jolietView: View = {
  joliet: true,
  identify: (children) =>
    new Map(children.map((child) => [child, ucs2(child.kind === 'file' ? `${child.name};1` : child.name)])),
  systemUse: () => new Uint8Array(),
}

/** In the order of their volume descriptors. */
export const views = [plainView, jolietView] as const

/** `user-data` → `USER_DAT.;1`, `notes.text` → `NOTES.TEX;1`; a number replaces the end of a name already taken. */
function freeName(node: IsoNode, taken: ReadonlySet<string>): string {
  const allowed = (text: string): string => text.toUpperCase().replaceAll(/[^A-Z0-9_]/g, '_')
  const dot = node.kind === 'file' ? node.name.lastIndexOf('.') : -1
  const base = allowed(dot > 0 ? node.name.slice(0, dot) : node.name)
  const extension = dot > 0 ? allowed(node.name.slice(dot + 1)).slice(0, 3) : ''
  for (let count = 0; ; count++) {
    const suffix = count === 0 ? '' : String(count)
    const short = base.slice(0, 8 - suffix.length) + suffix
    const id = node.kind === 'file' ? `${short}.${extension};1` : short
    if (!taken.has(id)) return id
  }
}

function problemOf(parts: readonly string[]): string | undefined {
  if (parts.length > isoDirectoryDepth) return `more than ${isoDirectoryDepth} levels deep`
  for (const part of parts) {
    if (part === '' || part === '.' || part === '..') return 'an empty, `.` or `..` part'
    if (part.length > jolietNameUnits) return `a name of more than ${jolietNameUnits} characters`
    if (new TextEncoder().encode(part).length > rockRidgeNameBytes)
      return `a name of more than ${rockRidgeNameBytes} bytes`
    // Joliet Specification: control characters and * / : ; ? \ are not allowed in names.
    // oxlint-disable-next-line no-control-regex
    if (/[\u0000-\u001f*:;?\\]/.test(part)) return 'a control character or one of * : ; ? \\'
  }
  return undefined
}

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text)

/** UTF-16 big endian, which is what readers make of Joliet's UCS-2. */
export function ucs2(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length * 2)
  const view = new DataView(bytes.buffer)
  for (let index = 0; index < text.length; index++) view.setUint16(index * 2, text.charCodeAt(index))
  return bytes
}
