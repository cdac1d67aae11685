import type { GroupDocument, InstanceDocument, SpecDocument } from '@vmwright/contract'
import { mergeDeep } from './merge.ts'
import { hintForUnknown } from './nearest.ts'
import type { Path } from './node.ts'
import type { Layers, Report } from './report.ts'

/** One instance of a group, with the settings of all layers of the file merged. */
export interface Member {
  readonly name: string
  readonly group: string
  /** Position in the group, from 0. */
  readonly index: number
  readonly settings: InstanceDocument
  /** Group and override without `defaults`: what is asked for here beats what the image says. */
  readonly own: InstanceDocument
  /** Static addresses of the first interface, as written at `path`, to be counted up by `plus`. */
  readonly addresses: readonly WrittenAddress[]
  readonly layers: Layers
  /** Where its name is written. */
  readonly namePath: Path
}

export interface WrittenAddress {
  readonly text: string
  readonly plus: number
  readonly path: Path
}

/** Makes the instances of all groups. */
export function expandGroups(document: SpecDocument, report: Report): readonly Member[] {
  return Object.entries(document.instances ?? {}).flatMap(([key, group]) =>
    expandGroup(key, group, document.defaults ?? {}, report),
  )
}

function expandGroup(
  key: string,
  group: GroupDocument,
  defaults: InstanceDocument,
  report: Report,
): readonly Member[] {
  const { count: _count, name, names, addresses, overrides = {}, ...settings } = group
  const at = ['instances', key]
  const instanceNames = namesOf(key, group, report)
  checkGroup(key, group, instanceNames, report)
  const shared = mergeDeep(defaults, settings)
  return instanceNames.map((instanceName, index) => {
    const override = Object.hasOwn(overrides, instanceName) ? overrides[instanceName] : undefined
    const own: InstanceDocument = override === undefined ? settings : mergeDeep(settings, override)
    const groupLayers: Layers = [at, ['defaults']]
    return {
      name: instanceName,
      group: key,
      index,
      own,
      settings: override === undefined ? shared : mergeDeep(defaults, own),
      addresses:
        override?.address !== undefined
          ? written(override.address, [...at, 'overrides', instanceName, 'address'])
          : addresses?.[index] !== undefined
            ? written(addresses[index], [...at, 'addresses', index])
            : written(group.address ?? [], [...at, 'address'], index),
      layers: override === undefined ? groupLayers : [[...at, 'overrides', instanceName], ...groupLayers],
      namePath: names === undefined ? (name === undefined ? at : [...at, 'name']) : [...at, 'names', index],
    }
  })
}

const written = (addresses: string | readonly string[], path: Path, plus = 0): readonly WrittenAddress[] =>
  typeof addresses === 'string'
    ? [{ text: addresses, plus, path }]
    : addresses.map((text, index) => ({ text, plus, path: [...path, index] }))

function namesOf(key: string, group: GroupDocument, report: Report): readonly string[] {
  if (group.names !== undefined) return group.names
  // A faulty list of names has been told; its instances cannot be.
  if (report.isWritten(['instances', key, 'names'])) return []
  if (group.count === undefined) {
    return report.isWritten(['instances', key, 'count']) ? [] : [fillIndex(group.name ?? key, 1)]
  }
  const pattern = group.name ?? `${key}-{index}`
  const count = isNumbered(pattern) ? group.count : Math.min(group.count, 1)
  return Array.from({ length: count }, (_, index) => fillIndex(pattern, index + 1))
}

const indexPattern = /\{index(?::0?(\d))?\}/g

const isNumbered = (pattern: string): boolean => pattern.search(indexPattern) !== -1

const fillIndex = (pattern: string, index: number): string =>
  pattern.replaceAll(indexPattern, (_all, width: string | undefined) =>
    String(index).padStart(Number(width ?? 0), '0'),
  )

function checkGroup(key: string, group: GroupDocument, names: readonly string[], report: Report): void {
  const at = ['instances', key]
  if (group.names !== undefined) {
    for (const other of ['count', 'name'] as const) {
      if (group[other] !== undefined)
        report.at([...at, other], 'cannot stand beside `names`', 'Remove one of the two.')
    }
  } else if (group.name !== undefined) {
    const numbered = isNumbered(group.name)
    if (numbered && group.count === undefined)
      report.at([...at, 'name'], 'has `{index}` but the group has no `count`', 'Add `count`.')
    if (!numbered && (group.count ?? 1) > 1) {
      report.at(
        [...at, 'name'],
        'gives all instances the same name',
        'Put `{index}` into it: `name: "web-{index}"`.',
      )
    }
  }
  if (group.addresses !== undefined && group.address !== undefined) {
    report.at([...at, 'address'], 'cannot stand beside `addresses`', 'Remove one of the two.')
  }
  if (group.addresses !== undefined && group.addresses.length !== names.length) {
    report.at(
      [...at, 'addresses'],
      `has ${group.addresses.length} entries for ${names.length} instances`,
      'Give one entry for each instance.',
    )
  }
  for (const name of Object.keys(group.overrides ?? {})) {
    if (!names.includes(name)) {
      report.atKey(
        [...at, 'overrides', name],
        'is not an instance of this group',
        hintForUnknown(name, names),
      )
    }
  }
}
