import type { MapNode, Node } from './node.ts'
import { problemAt } from './node.ts'
import { folderOf, normalisePath, resolvePath } from './path.ts'
import type { Problem } from './problem.ts'
import { mergeNodes, withoutKeys } from './tree.ts'
import { parseYaml } from './yaml.ts'

/** How the outside is read: the bytes of a file, or `undefined` when there is none or it cannot be read. */
export interface FileReader {
  readText(path: string): Promise<Uint8Array | undefined>
  /** Names in a folder; `undefined` when it is none. A reader without it knows single files only. */
  list?(path: string): Promise<readonly string[] | undefined>
}

export interface FileTree {
  readonly root: MapNode | undefined
  readonly problems: readonly Problem[]
  /** False when the file named first is not there. */
  readonly found: boolean
}

const maxTotalBytes = 8 * 1024 * 1024
const maxFiles = 100

export interface Folders {
  readonly currentDirectory: string
  readonly homeDirectory: string
}

/** Reads a file and all that it includes, merged into one tree. */
export async function readTree(reader: FileReader, file: string, folders: Folders): Promise<FileTree> {
  const problems: Problem[] = []
  const budget = { files: 0, bytes: 0 }

  const readOne = async (
    shown: string,
    absolute: string,
    chain: readonly string[],
    from?: Node,
  ): Promise<Node | undefined> => {
    const refuse = (message: string, hint: string): undefined => {
      const place = from?.place ?? {
        source: { file: shown, folder: folderOf(absolute), lineStarts: [0] },
        offset: 0,
      }
      problems.push(problemAt(place, { path: from === undefined ? [] : ['include'], message, hint }))
    }
    if (chain.includes(absolute)) {
      return refuse(
        `${shown} includes itself`,
        `By way of ${[...chain, absolute].map((path) => path.split('/').at(-1)).join(' → ')}.`,
      )
    }
    if (++budget.files > maxFiles)
      return refuse(`more than ${maxFiles} files are included`, 'Include each file once.')
    const bytes = await reader.readText(absolute)
    if (bytes === undefined)
      return refuse(`the file ${shown} cannot be read`, 'Paths are relative to the file they stand in.')
    budget.bytes += bytes.length
    if (budget.bytes > maxTotalBytes)
      return refuse('the files are larger than 8 MiB in all', 'Split the project.')
    const parsed = parseYaml({ file: shown, folder: folderOf(absolute), bytes })
    for (const problem of parsed.problems) problems.push(problem)
    const { root } = parsed
    if (root === undefined && parsed.problems.length > 0) return undefined
    if (root?.kind !== 'map') {
      const place = root?.place ?? {
        source: { file: shown, folder: folderOf(absolute), lineStarts: [0] },
        offset: 0,
      }
      problems.push(
        problemAt(place, {
          message: root === undefined ? 'is empty' : 'must be a mapping',
          hint: 'A spec begins with `version: 1`.',
        }),
      )
      return undefined
    }
    let merged: Node = withoutKeys(root, ['include'])
    const included: Node[] = []
    for (const item of includesOf(root, problems)) {
      const path = item.value
      const beside =
        path.startsWith('/') || path.startsWith('~/') ? path : normalisePath(`${folderOf(shown)}/${path}`)
      const node = await readOne(
        beside,
        resolvePath(folderOf(absolute), path, folders.homeDirectory),
        [...chain, absolute],
        item.node,
      )
      if (node !== undefined) included.push(node)
    }
    const under = included.reduce<Node | undefined>(
      (all, next) => (all === undefined ? next : mergeNodes(all, next)),
      undefined,
    )
    if (under !== undefined) merged = mergeNodes(under, merged)
    return merged
  }

  const absolute = resolvePath(folders.currentDirectory, file, folders.homeDirectory)
  const root = await readOne(file, absolute, [])
  return {
    root: root?.kind === 'map' ? root : undefined,
    problems,
    found: budget.bytes > 0 || root !== undefined,
  }
}

function includesOf(
  root: MapNode,
  problems: Problem[],
): readonly { readonly value: string; readonly node: Node }[] {
  const entry = root.entries.get('include')
  if (entry === undefined) return []
  const items = entry.node.kind === 'list' ? entry.node.items : [entry.node]
  return items.flatMap((node, index) => {
    if (
      node.kind === 'scalar' &&
      typeof node.value === 'string' &&
      node.value !== '' &&
      entry.node.kind === 'list'
    ) {
      return [{ value: node.value, node }]
    }
    const path = entry.node.kind === 'list' ? ['include', index] : ['include']
    problems.push(
      problemAt(node.place, {
        path,
        message: 'must be a list of paths',
        hint: 'Write `include: [common.yaml]`.',
      }),
    )
    return []
  })
}
