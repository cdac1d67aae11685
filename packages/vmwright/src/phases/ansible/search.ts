import { stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join, normalize } from 'node:path'
import type { Progress } from '../../lib/progress.ts'
import { listTree, type TreeEntry } from '../tree.ts'
import { besides, searchedFolders } from './folders.ts'

/** Where a task stands, for the search of files that it names. */
export interface Standing {
  /** Folder of its file. */
  readonly folder: string
  /** Folders of the roles that it is in, the innermost first. */
  readonly roles: readonly string[]
}

/** Looks files up as Ansible does (ansible/parsing/dataloader.py, `path_dwim_relative_stack`). */
export class Search {
  readonly #besides: readonly string[]
  readonly #trees = new Map<string, Promise<readonly TreeEntry[]>>()

  constructor(file: string, phaseFolder: string | undefined) {
    this.#besides = besides(file, phaseFolder)
  }

  /** The first that exists, absolute. */
  async find(name: string, within: string, at: Standing): Promise<string | undefined> {
    for (const candidate of this.#candidates(name, within, at)) if (await exists(candidate)) return candidate
    return undefined
  }

  /**
   * All that a name made at run time, or a pattern, may lead to. A value with `..` or an absolute one may lead
   * elsewhere.
   */
  async reach(
    progress: Progress,
    name: string,
    within: string,
    at: Standing,
    kind: 'made' | 'glob',
  ): Promise<readonly TreeEntry[]> {
    const first = name.search(kind === 'made' ? /\{\{|\{%/ : /[*?[]|\{\{/)
    const split = name.lastIndexOf('/', first === -1 ? name.length : first) + 1
    const [fixed, open] = [name.slice(0, split), name.slice(split)]
    const matches = kind === 'made' ? madeMatcher(open) : globMatcher(open)
    const reached = new Map<string, TreeEntry>()
    for (const base of this.#candidates(fixed === '' ? '.' : fixed, within, at)) {
      if (base === '/') continue
      for (const entry of await this.#tree(progress, base))
        if (matches(entry.relative)) reached.set(entry.path, entry)
    }
    return [...reached.values()]
  }

  #tree(progress: Progress, folder: string): Promise<readonly TreeEntry[]> {
    const known = this.#trees.get(folder)
    if (known !== undefined) return known
    const tree = listTree(progress, folder).catch(() => [])
    this.#trees.set(folder, tree)
    return tree
  }

  /** In the order in which Ansible tries them. */
  #candidates(name: string, within: string, { folder, roles }: Standing): readonly string[] {
    if (name.startsWith('/')) return [normalize(name)]
    if (name === '~' || name.startsWith('~/')) return [join(homedir(), name.slice(2))]
    const inRole = roles.find((role) => dirname(folder) === join(role, 'tasks'))
    const [first = '', ...rest] = name.split('/')
    return [
      ...roles.flatMap((role) => [join(role, within, name), join(role, name)]),
      ...(inRole === undefined ? [] : [join(inRole, within, name), join(inRole, 'tasks', name)]),
      join(folder, within, name),
      join(folder, name),
      ...this.#besides.map((beside) => join(beside, within, name)),
      ...(searchedFolders.some((one) => one === first)
        ? this.#besides.map((beside) => join(beside, first, ...rest))
        : []),
    ]
  }
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  )

const escaped = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)

/** A path, or one below a folder, that the name may become. */
function madeMatcher(name: string): (relative: string) => boolean {
  // Between statements stand texts of which only some are taken.
  if (name.includes('{%') || name.includes('..')) return () => true
  const parts = name
    .replace(/^\.\//, '')
    .replace(/\/$/, '')
    .split(/\{\{[\s\S]*?\}\}/)
  // `{{ playbook_dir }}/x`: the first value may be the folder itself.
  const start = parts[0] === '' && parts[1]?.startsWith('/') === true ? '(.*/)?' : ''
  const rest = start === '' ? parts : [(parts[1] ?? '').slice(1), ...parts.slice(2)]
  const pattern = new RegExp(`^${start}${rest.map(escaped).join('.*')}(/.*)?$`, 's')
  return (relative) => pattern.test(relative)
}

function globMatcher(name: string): (relative: string) => boolean {
  if (name.includes('{{')) return madeMatcher(name.replaceAll(/[*?]|\[[^\]]*\]/g, '{{ any }}'))
  const pattern = new RegExp(
    `^${name
      .split(/(\*|\?|\[[^\]]*\])/)
      .map((part) => (part === '*' ? '[^/]*' : part === '?' || part.startsWith('[') ? '[^/]' : escaped(part)))
      .join('')}$`,
    's',
  )
  return (relative) => pattern.test(relative)
}
