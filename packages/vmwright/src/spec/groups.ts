import type { GroupDocument, InstanceDocument, SpecDocument } from '@vmwright/contract'
import { mergeSettings } from './merge-settings.ts'
import { hintForUnknown } from './nearest.ts'
import type { Path } from './node.ts'
import type { Layers, Report } from './report.ts'
import type { MatrixPlace } from './resolved-lifecycle.ts'
import { expandAddresses, isRange, rangeFault, type WrittenAddress, writtenAt } from './written-address.ts'

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
  /** Where settings that it lacks may be added: its group or platform. */
  readonly home: Path
  readonly matrix: MatrixPlace | undefined
}

/** Makes the instances of all groups. */
export function expandGroups(document: SpecDocument, report: Report): readonly Member[] {
  return Object.entries(document.instances ?? {}).flatMap(([key, group]) =>
    expandGroup(key, group, sharedSettings(document), report),
  )
}

/** `defaults`, with `lifecycle` of the file below that which they have. */
export const sharedSettings = ({ lifecycle, defaults = {} }: SpecDocument): InstanceDocument =>
  mergeSettings(lifecycle === undefined ? {} : { lifecycle }, defaults)

function expandGroup(
  key: string,
  group: GroupDocument,
  defaults: InstanceDocument,
  report: Report,
): readonly Member[] {
  const { count: _count, name, names, addresses, overrides = {}, ...settings } = group
  const at = ['instances', key]
  const instanceNames = namesOf(key, group, report)
  const listed = expandAddresses(addresses ?? [], [...at, 'addresses'])
  checkGroup(key, group, instanceNames, report)
  checkAddressList(addresses ?? [], { listed: listed.length, wanted: instanceNames.length, at }, report)
  const shared = mergeSettings(defaults, settings)
  return instanceNames.map((instanceName, index) => {
    const override = Object.hasOwn(overrides, instanceName) ? overrides[instanceName] : undefined
    const own: InstanceDocument = override === undefined ? settings : mergeSettings(settings, override)
    const groupLayers: Layers = [at, ['defaults']]
    return {
      name: instanceName,
      group: key,
      index,
      own,
      settings: override === undefined ? shared : mergeSettings(defaults, own),
      addresses:
        override?.address !== undefined
          ? writtenAt(override.address, [...at, 'overrides', instanceName, 'address'])
          : (listed[index] ?? writtenAt(group.address ?? [], [...at, 'address'], index)),
      layers: override === undefined ? groupLayers : [[...at, 'overrides', instanceName], ...groupLayers],
      namePath: names === undefined ? (name === undefined ? at : [...at, 'name']) : [...at, 'names', index],
      home: at,
      matrix: undefined,
    }
  })
}

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

/** A list has an entry for each instance; one with ranges may have more. */
function checkAddressList(
  entries: readonly (string | readonly string[])[],
  { listed, wanted, at }: { readonly listed: number; readonly wanted: number; readonly at: Path },
  report: Report,
): void {
  if (entries.length === 0) return
  const ranges = entries.flatMap((entry, index) => (isRange(entry) ? [{ entry, index }] : []))
  const faults = ranges.flatMap(({ entry, index }) => {
    const fault = rangeFault(entry)
    return fault === undefined ? [] : [{ index, fault }]
  })
  for (const { index, fault } of faults)
    report.at([...at, 'addresses', index], fault, 'Write it as `10.10.0.11-10.10.0.14/24`.')
  if (faults.length > 0 || (ranges.length > 0 ? listed >= wanted : listed === wanted)) return
  report.at(
    [...at, 'addresses'],
    `has ${listed} ${listed === 1 ? 'entry' : 'entries'} for ${wanted} instances`,
    'Give one entry for each instance.',
  )
}
