import { type Carrier, found } from './carrier.ts'
import { isConfig, type Pair, type Variables, variablesOf } from './guest-lifecycle-definitions.ts'
import { asText } from './readers.ts'
import { type Scope, scopeOf } from '../spec/ansible/scope.ts'
import type { SourceFiles } from '../spec/ansible/source.ts'
import { entriesOf, itemsOf, type Place, placeText, type Value } from '../spec/ansible/value.ts'

export interface Config {
  readonly name: string
  readonly value: Value
  /** The hypervisor whose variable it is. */
  readonly host: string | undefined
  readonly variables: Variables
}

/** Wherever platforms and targets are listed: variables of all, of hosts, and of plays. Each once, by its place. */
export function configsOf(source: SourceFiles): readonly Config[] {
  const configs = new Map<string, Config>()
  const look = (scope: Scope, host: string | undefined): void => {
    for (const name of scope.names) {
      if (!isConfig(scope.written(name))) continue
      const value = scope.get(name)
      const place = value === undefined ? '' : placeText(value.place)
      if (value !== undefined && isConfig(value) && !configs.has(place))
        configs.set(place, { name, value, host, variables: variablesOf(scope) })
    }
  }
  look(source.scope, undefined)
  const hypervisors = hypervisorsOf(source)
  for (const host of source.inventory.hosts.keys())
    look(source.scopeOfHost(host), hypervisors.includes(host) ? host : undefined)
  for (const { root, role } of source.files) {
    if (role.kind !== 'list') continue
    for (const play of itemsOf(root))
      look(
        scopeOf(new Map([...variablesOf(source.scope), ...entriesOf(entriesOf(play).get('vars'))])),
        undefined,
      )
  }
  return [...configs.values()]
}

/** The hosts of the group `hypervisors`, also by its children. */
export const hypervisorsOf = ({ inventory }: SourceFiles): readonly string[] => {
  const below = (group: string): readonly string[] => {
    const found = inventory.groups.get(group)
    return found === undefined ? [] : [...found.hosts, ...found.children.flatMap(below)]
  }
  return [...new Set(below('hypervisors'))]
}

/** All pairs that a config asks for, each once. */
export function pairsOf(carrier: Carrier, config: Value): readonly Pair[] {
  const entries = entriesOf(config)
  const permutations = entriesOf(entries.get('permutations'))
  const names = (key: string): readonly { readonly name: string; readonly place: Place }[] =>
    itemsOf(permutations.get(key) ?? entries.get(key)).flatMap((item) => {
      const name = carrier.read(['instances'], found(`permutations.${key}`, item), asText)
      return name === undefined ? [] : [{ name, place: item.place }]
    })
  const pairs = names('platforms').flatMap((platform) =>
    names('targets').map((target): Pair => ({
      platform: platform.name,
      target: target.name,
      place: platform.place,
      isCombined: true,
    })),
  )
  const listed = itemsOf(entries.get('list')).flatMap((item): readonly Pair[] => {
    const own = entriesOf(item)
    const template = own.get('template')
    if (template !== undefined)
      carrier.warn(
        template.place,
        'the template of an entry of the list never took effect, because a wrong variable was read; it is left out here too',
      )
    const platform = carrier.read(['instances'], found('list.platform', own.get('platform')), asText)
    const target = carrier.read(['instances'], found('list.target', own.get('target')), asText)
    return platform === undefined || target === undefined
      ? []
      : [{ platform, target, place: item.place, isCombined: false }]
  })
  const once = new Map<string, Pair>()
  for (const pair of [...pairs, ...listed]) {
    const key = JSON.stringify([pair.platform, pair.target])
    if (once.has(key))
      carrier.notes.add(
        'taken',
        pair.place,
        'a pair of platform and target that is there twice is taken once',
      )
    else once.set(key, pair)
  }
  return [...once.values()]
}
