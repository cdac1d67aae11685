import type { Inventory } from './inventory.ts'
import { mergeVariables, type Scope, scopeOf } from './scope.ts'
import type { MapValue, Value } from './value.ts'

/**
 * What a file is for, by its place and content. `vars` is any mapping that is nothing else; `list` any document that
 * is a list (playbooks, tasks).
 */
export type FileRole =
  | { readonly kind: 'vars' }
  | { readonly kind: 'inventory'; readonly inventory: Inventory }
  | { readonly kind: 'host-vars'; readonly host: string }
  | { readonly kind: 'group-vars'; readonly group: string }
  | { readonly kind: 'list' }
  /** Empty, or encrypted as a whole. */
  | { readonly kind: 'nothing'; readonly why: string }

export interface SourceFile {
  /** As shown to the reader, with its folder as it was named: `setup_vm/targets/amd64.yaml`. */
  readonly name: string
  readonly role: FileRole
  /** Absent for INI inventories and for nothing. */
  readonly root: Value | undefined
}

/** All files of one reading, in the order of merging: a later one wins. */
export interface SourceFiles {
  readonly files: readonly SourceFile[]
  /** All inventories in one. */
  readonly inventory: Inventory
  /** Variables of all vars files, over those of the group `all`. */
  readonly scope: Scope
  /** As a play on that host would see them: group `all` < its groups < host < vars files. */
  scopeOfHost(host: string): Scope
}

/** Puts read files together. */
export function sourceOf(files: readonly SourceFile[], inventory: Inventory): SourceFiles {
  const vars = files.filter(({ role }) => role.kind === 'vars').map(({ root }) => root)
  const groupVars = (group: string): readonly (Value | undefined)[] => [
    inventory.groups.get(group)?.vars,
    ...files.filter(({ role }) => role.kind === 'group-vars' && role.group === group).map(({ root }) => root),
  ]
  const scopes = new Map<string, Scope>()
  return {
    files,
    inventory,
    scope: scopeOf(mergeVariables([...groupVars('all'), ...vars])),
    scopeOfHost(host) {
      const known = scopes.get(host)
      if (known !== undefined) return known
      const own = files
        .filter(({ role }) => role.kind === 'host-vars' && role.host === host)
        .map(({ root }) => root)
      const declared = inventory.hosts.get(host)
      const place = declared?.place ?? { file: files[0]?.name ?? '', line: 1 }
      const named: MapValue = {
        kind: 'map',
        place,
        entries: new Map([['inventory_hostname', { kind: 'scalar', value: host, literal: true, place }]]),
      }
      const groups = groupsOf(inventory, host)
      const layers = [
        named,
        ...groupVars('all'),
        ...groups.flatMap(groupVars),
        declared?.vars,
        ...own,
        ...vars,
      ]
      const scope = scopeOf(mergeVariables(layers))
      scopes.set(host, scope)
      return scope
    },
  }
}

/** The groups that a host is in, a parent before its child; without `all`. */
export function groupsOf(inventory: Inventory, host: string): readonly string[] {
  const parents = (group: string, seen: ReadonlySet<string>): readonly string[] =>
    [...inventory.groups]
      .filter(([name, { children }]) => children.includes(group) && !seen.has(name))
      .flatMap(([name]) => [...parents(name, new Set([...seen, name])), name])
  const direct = [...inventory.groups].filter(([, { hosts }]) => hosts.includes(host)).map(([name]) => name)
  const all = direct.flatMap((group) => [...parents(group, new Set([group])), group])
  return [...new Set(all)].filter((group) => group !== 'all')
}
