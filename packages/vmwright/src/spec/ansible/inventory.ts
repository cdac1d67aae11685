import { emptyMap, entriesOf, type MapValue, mergeValues, type Place, type Value } from './value.ts'

export interface Inventory {
  readonly groups: ReadonlyMap<string, InventoryGroup>
  readonly hosts: ReadonlyMap<string, InventoryHost>
}

export interface InventoryGroup {
  readonly place: Place
  readonly hosts: readonly string[]
  readonly children: readonly string[]
  readonly vars: MapValue
}

export interface InventoryHost {
  readonly place: Place
  readonly vars: MapValue
}

export const noInventory: Inventory = { groups: new Map(), hosts: new Map() }

const groupKeys = new Set(['hosts', 'children', 'vars'])

/** Whether a mapping reads as a YAML inventory: groups that have nothing but `hosts`, `children` and `vars`. */
export function isYamlInventory(root: Value): boolean {
  const groups = [...entriesOf(root).values()]
  return (
    groups.some((group) => entriesOf(group).has('hosts') || entriesOf(group).has('children')) &&
    groups.every(
      (group) =>
        (group.kind === 'scalar' && group.value === null) ||
        (group.kind === 'map' && [...group.entries.keys()].every((key) => groupKeys.has(key))),
    )
  )
}

export function yamlInventory(root: Value): Inventory {
  const building = new InventoryBuilder()
  const walk = (name: string, group: Value): void => {
    const entries = entriesOf(group)
    building.group(name, group.place)
    building.groupVars(name, entries.get('vars'))
    for (const [host, vars] of entriesOf(entries.get('hosts'))) {
      for (const each of expandRange(host)) building.host(name, each, vars)
    }
    for (const [child, inner] of entriesOf(entries.get('children'))) {
      building.child(name, child)
      walk(child, inner)
    }
  }
  for (const [name, group] of entriesOf(root)) walk(name, group)
  return building.done()
}

/** Collects an inventory from either form. */
export class InventoryBuilder {
  readonly #groups = new Map<
    string,
    { place: Place; hosts: Set<string>; children: Set<string>; vars: MapValue }
  >()
  readonly #hosts = new Map<string, { place: Place; vars: MapValue }>()

  group(name: string, place: Place): void {
    if (!this.#groups.has(name))
      this.#groups.set(name, { place, hosts: new Set(), children: new Set(), vars: emptyMap(place) })
  }

  groupVars(name: string, vars: Value | undefined): void {
    const group = this.#groups.get(name)
    if (group !== undefined && vars?.kind === 'map') group.vars = mergeValues(group.vars, vars) as MapValue
  }

  child(name: string, child: string): void {
    this.#groups.get(name)?.children.add(child)
  }

  host(group: string, name: string, vars: Value): void {
    this.#groups.get(group)?.hosts.add(name)
    const known = this.#hosts.get(name) ?? { place: vars.place, vars: emptyMap(vars.place) }
    if (vars.kind === 'map') known.vars = mergeValues(known.vars, vars) as MapValue
    this.#hosts.set(name, known)
  }

  done(): Inventory {
    return {
      groups: new Map(
        [...this.#groups].map(([name, group]) => [
          name,
          { ...group, hosts: [...group.hosts], children: [...group.children] },
        ]),
      ),
      hosts: this.#hosts,
    }
  }
}

export function mergeInventories(inventories: readonly Inventory[]): Inventory {
  const building = new InventoryBuilder()
  for (const { groups, hosts } of inventories) {
    for (const [name, { place, vars, children, hosts: members }] of groups) {
      building.group(name, place)
      building.groupVars(name, vars)
      for (const child of children) building.child(name, child)
      for (const host of members) {
        const known = hosts.get(host)
        if (known !== undefined) building.host(name, host, known.vars)
      }
    }
  }
  return building.done()
}

/** The hosts of a group and of those in it, in the order of the files. `undefined`: there is no such group. */
export function hostsOfGroup({ groups, hosts }: Inventory, name: string): readonly string[] | undefined {
  if (name === 'all') return [...hosts.keys()]
  if (!groups.has(name)) return undefined
  const reached = new Set<string>()
  const walk = (group: string): void => {
    if (reached.has(group)) return
    reached.add(group)
    groups.get(group)?.children.forEach(walk)
  }
  walk(name)
  const members = new Set([...reached].flatMap((group) => groups.get(group)?.hosts ?? []))
  return [...hosts.keys()].filter((host) => members.has(host))
}

const maxRange = 1000

/** `web[01:03]` → `web01`, `web02`, `web03`; anything else is a name. */
export function expandRange(pattern: string): readonly string[] {
  const match = /^(.*?)\[(\d{1,6}):(\d{1,6})\](.*)$/.exec(pattern)
  if (match === null) return [pattern]
  const [, before = '', first = '', last = '', after = ''] = match
  const count = Number(last) - Number(first) + 1
  if (count < 1 || count > maxRange) return [pattern]
  return Array.from({ length: count }, (_, index) => {
    const number = String(Number(first) + index).padStart(first.startsWith('0') ? first.length : 1, '0')
    return `${before}${number}${after}`
  })
}
