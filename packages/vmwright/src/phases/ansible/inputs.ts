import { readFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { parseDocument } from 'yaml'
import type { Progress } from '../../lib/progress.ts'
import type { InputFiles } from '../input-files.ts'
import { listTree } from '../tree.ts'
import { besides, loadedFolders, rolesPath } from './folders.ts'
import { type Reference, type References, referencesIn, referencesInData } from './references.ts'
import { Search, type Standing } from './search.ts'

/** How a file is read for what it refers to. */
type Reading = 'tasks' | 'vars' | 'template'

/**
 * Gathers all files of this machine that a file of tasks leads to. What a name made at run time may lead to counts
 * wholly, and a note says so.
 */
export async function collectAnsible(
  progress: Progress,
  path: string,
  files: InputFiles,
  phaseFolder: string | undefined,
): Promise<void> {
  const walk = new Walk(progress, path, files, phaseFolder)
  for (const folder of besides(path, phaseFolder))
    for (const name of loadedFolders)
      await files.add(progress, join(folder, name), `in ${name}, which Ansible loads`)
  if (phaseFolder !== undefined)
    await files.add(progress, join(phaseFolder, 'ansible.cfg'), 'configuration of Ansible')
  await walk.read(path, 'tasks', { folder: dirname(path), roles: [] })
}

/** What YAML that Ansible understands holds; nothing for what cannot be read, which Ansible will tell. */
export async function readYaml(path: string): Promise<unknown> {
  try {
    const text = await readFile(path, 'utf8')
    const document = parseDocument(text, {
      version: '1.1',
      merge: true,
      uniqueKeys: false,
      logLevel: 'silent',
    })
    return document.toJS() as unknown
  } catch {
    return undefined
  }
}

/** One use each. */
class Walk {
  readonly #progress: Progress
  readonly #files: InputFiles
  readonly #search: Search
  readonly #rolesPath: readonly string[]
  readonly #seen = new Set<string>()

  constructor(progress: Progress, path: string, files: InputFiles, phaseFolder: string | undefined) {
    this.#progress = progress
    this.#files = files
    this.#search = new Search(path, phaseFolder)
    this.#rolesPath = rolesPath(path, phaseFolder)
  }

  /** Follows what a file refers to. Each is read once for each place that it is used from, so loops end. */
  async read(path: string, as: Reading, at: Standing): Promise<void> {
    const key = JSON.stringify([path, as, at.roles, as === 'tasks' ? '' : at.folder])
    if (this.#seen.has(key)) return
    this.#seen.add(key)
    this.#progress.check()
    const content = as === 'template' ? await readFile(path, 'utf8').catch(() => '') : await readYaml(path)
    const found = as === 'tasks' ? referencesIn(content) : referencesInData(content)
    await this.#follow(found, path, as === 'tasks' ? { ...at, folder: dirname(path) } : at)
  }

  async #follow({ references, foreign }: References, by: string, at: Standing): Promise<void> {
    for (const lookup of foreign)
      this.#files.note(
        `${this.#files.shown(by)} asks the lookup \`${lookup}\` when it runs; what it answers does not count.`,
      )
    for (const reference of references)
      await (reference.kind === 'role' ? this.#role(reference, by, at) : this.#file(reference, by, at))
  }

  async #file(reference: Reference, by: string, at: Standing): Promise<void> {
    const { kind, name, within } = reference
    const made = /\{\{|\{%/.test(name)
    const shownBy = basename(by)
    if (!made && kind !== 'glob') {
      // Tasks are included from beside the file that includes them, variables from beside it too.
      const found = await this.#search.find(name, within, at)
      if (found === undefined) {
        this.#files.note(`${this.#files.shown(by)} names ${name}, which is not there.`)
        return
      }
      await this.#files.add(this.#progress, found, `${verbs[kind]} by ${shownBy}`)
      await this.#readAll(found, kind, at)
      return
    }
    const reached = await this.#search.reach(this.#progress, name, within, at, made ? 'made' : 'glob')
    if (made)
      this.#files.note(
        `${this.#files.shown(by)} names ${name}, which is made at run time: all that it may lead to below the folders in which Ansible looks counts, and nothing outside of them.`,
      )
    for (const entry of reached) {
      this.#files.addEntry(
        entry,
        made ? 'in a folder that a name made at run time may lead to' : `matched by ${shownBy}`,
      )
      if (entry.kind === 'file') await this.#readAll(entry.path, kind, at)
    }
  }

  /** A file, or what is in a folder. */
  async #readAll(path: string, kind: Reference['kind'], at: Standing): Promise<void> {
    const as: Reading | undefined =
      kind === 'tasks' || kind === 'vars' || kind === 'template' ? kind : undefined
    if (as === undefined) return
    for (const entry of await listTree(this.#progress, path))
      if (entry.kind === 'file') await this.read(entry.path, as, at)
  }

  async #role({ name }: Reference, by: string, at: Standing): Promise<void> {
    const places = [...this.#rolesPath, ...at.roles.map((role) => dirname(role))]
    if (/\{\{|\{%/.test(name)) {
      this.#files.note(
        `${this.#files.shown(by)} names the role ${name} at run time: all roles beside the phases count.`,
      )
      for (const place of places)
        for (const role of await foldersIn(this.#progress, place)) await this.#wholeRole(role, by, at)
      return
    }
    for (const role of name.startsWith('/') ? [name] : places.map((place) => join(place, name))) {
      if ((await listTree(this.#progress, role).catch(() => [])).length === 0) continue
      await this.#wholeRole(role, by, at)
      return
    }
    this.#files.note(`${this.#files.shown(by)} names the role ${name}, which is not beside the phases.`)
  }

  /** The folder as a whole; and what it leads to outside of it. */
  async #wholeRole(role: string, by: string, at: Standing): Promise<void> {
    if (at.roles.includes(role)) return
    await this.#files.add(this.#progress, role, `in a role that ${basename(by)} uses`)
    const roles = [role, ...at.roles]
    for (const { path, relative, kind } of await listTree(this.#progress, role)) {
      if (kind !== 'file') continue
      const [part = ''] = relative.split('/')
      const standing = { folder: join(role, 'tasks'), roles }
      if (part === 'tasks' || part === 'handlers') await this.read(path, 'tasks', standing)
      else if (part === 'templates') await this.read(path, 'template', standing)
      else if (part === 'vars' || part === 'defaults') await this.read(path, 'vars', standing)
      else if (/^meta\/main\.ya?ml$/.test(relative)) await this.#dependencies(path, standing)
    }
  }

  async #dependencies(path: string, at: Standing): Promise<void> {
    const meta = (await readYaml(path)) as { readonly dependencies?: unknown } | null | undefined
    const list = Array.isArray(meta?.dependencies) ? (meta.dependencies as unknown[]) : []
    for (const one of list) {
      const written = typeof one === 'string' ? one : (one as Readonly<Record<string, unknown>> | null)
      const name = typeof written === 'string' ? written : (written?.['role'] ?? written?.['name'])
      if (typeof name === 'string')
        await this.#role({ kind: 'role', name, within: 'roles', conditional: true }, path, at)
    }
  }
}

const verbs: Readonly<Record<Reference['kind'], string>> = {
  tasks: 'included',
  vars: 'included',
  role: 'used',
  file: 'used',
  template: 'filled in',
  glob: 'matched',
}

/** Folders right in a folder, absolute. */
async function foldersIn(progress: Progress, folder: string): Promise<readonly string[]> {
  const entries = await listTree(progress, folder).catch(() => [])
  const names = entries.map(({ relative }) => relative.split('/')[0] ?? '').filter((name) => name !== '')
  return [...new Set(names)].map((name) => join(folder, name))
}
