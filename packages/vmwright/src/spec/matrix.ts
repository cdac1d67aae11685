import type { InstanceDocument, MatrixDocument, SpecDocument } from '@vmwright/contract'
import { type Member, sharedSettings } from './groups.ts'
import { builtInTargets } from './matrix-targets.ts'
import { mergeSettings } from './merge-settings.ts'
import { hintForUnknown } from './nearest.ts'
import type { Path } from './node.ts'
import type { Layers, Report } from './report.ts'
import type { MatrixPlace } from './resolved-lifecycle.ts'
import { writtenAt } from './written-address.ts'

type Entry = NonNullable<MatrixDocument['list']>[number]

/** A pair of platform and target, and where that is said. */
interface Pair extends MatrixPlace {
  readonly name: string
  readonly namePath: Path
  /** Of `list`. */
  readonly entry: { readonly settings: Entry; readonly path: Path } | undefined
}

/** G7. The instances of the matrix: all combinations, and the pairs of the list with settings of their own. */
export function expandMatrix(document: SpecDocument, report: Report): readonly Member[] {
  const { matrix } = document
  if (matrix === undefined) return []
  const known = { platforms: keysOf('platforms', report), targets: keysOf('targets', report) }
  const pairs = pairsOf(matrix, known, report)
  if (pairs.length === 0) tellEmpty(matrix, report)
  const shared = sharedSettings(document)
  return pairs.map((pair, index) => memberOf(pair, index, { matrix, shared }))
}

type Known = Readonly<Record<'platforms' | 'targets', readonly string[]>>

/** Names that may be used; those of faulty entries too, since their fault is told where they stand. */
const keysOf = (kind: 'platforms' | 'targets', report: Report): readonly string[] => [
  ...new Set([
    ...report.keys(['matrix', kind]).filter((name) => kind === 'targets' || name !== 'default'),
    ...(kind === 'targets' ? Object.keys(builtInTargets) : []),
  ]),
]

function pairsOf(matrix: MatrixDocument, known: Known, report: Report): readonly Pair[] {
  const pattern = matrix.name ?? '{platform}-{target}'
  const pairs = new Map<string, Pair>()
  for (const pair of combinations(matrix, known, report)) {
    const name = fill(pattern, pair)
    const other = pairs.get(name)
    if (other === undefined) pairs.set(name, { ...pair, name, entry: undefined })
    else if (other.platform !== pair.platform || other.target !== pair.target)
      tellSameName(name, other, pair.namePath, report)
  }
  for (const [index, settings] of (matrix.list ?? []).entries()) {
    const path: Path = ['matrix', 'list', index]
    const { platform, target } = settings
    const isKnown =
      checkKnown('platform', platform, { path: [...path, 'platform'], known: known.platforms, report }) &&
      checkKnown('target', target, { path: [...path, 'target'], known: known.targets, report })
    if (!isKnown) continue
    const name = fill(settings.name ?? pattern, settings)
    const namePath = settings.name === undefined ? path : [...path, 'name']
    const other = pairs.get(name)
    if (other !== undefined && (other.platform !== platform || other.target !== target))
      tellSameName(name, other, namePath, report)
    else if (other?.entry === undefined)
      pairs.set(name, { platform, target, name, namePath, entry: { settings, path } })
    else if (JSON.stringify(other.entry.settings) !== JSON.stringify(settings))
      report.at(
        path,
        `is ${name} once more, with other settings`,
        'Remove one of the two, or give this one a `name` of its own.',
      )
  }
  return [...pairs.values()]
}

function combinations(
  { combine, exclude = [] }: MatrixDocument,
  known: Known,
  report: Report,
): readonly Pick<Pair, 'platform' | 'target' | 'namePath'>[] {
  const checked = (kind: 'platform' | 'target') =>
    (combine?.[`${kind}s`] ?? []).flatMap((name, index, all) => {
      const path = ['matrix', 'combine', `${kind}s`, index]
      const isKnown = checkKnown(kind, name, { path, known: known[`${kind}s`], report })
      return isKnown && all.indexOf(name) === index ? [{ name, path }] : []
    })
  const platforms = checked('platform')
  const targets = checked('target')
  for (const [index, { platform, target }] of exclude.entries()) {
    const path: Path = ['matrix', 'exclude', index]
    if (platform === undefined && target === undefined)
      report.at(path, 'leaves out everything', 'Write a `platform`, a `target` or both.')
    tellNotCombined('platform', platform, { path, combined: combine?.platforms ?? [], report })
    tellNotCombined('target', target, { path, combined: combine?.targets ?? [], report })
  }
  return platforms.flatMap(({ name: platform, path: namePath }) =>
    targets
      .filter(
        ({ name: target }) =>
          !exclude.some(
            (left) =>
              (left.platform !== undefined || left.target !== undefined) &&
              (left.platform ?? platform) === platform &&
              (left.target ?? target) === target,
          ),
      )
      .map(({ name: target }) => ({ platform, target, namePath })),
  )
}

function checkKnown(
  kind: 'platform' | 'target',
  name: string,
  {
    path,
    known,
    report,
  }: { readonly path: Path; readonly known: readonly string[]; readonly report: Report },
): boolean {
  if (known.includes(name)) return true
  report.at(path, `there is no ${kind} of this name`, hintForUnknown(name, known))
  return false
}

function tellNotCombined(
  kind: 'platform' | 'target',
  name: string | undefined,
  {
    path,
    combined,
    report,
  }: { readonly path: Path; readonly combined: readonly string[]; readonly report: Report },
): void {
  if (name !== undefined && !combined.includes(name))
    report.at([...path, kind], `is not a ${kind} of \`combine\``, hintForUnknown(name, combined))
}

/** Signs that no name of an instance has become `-`. */
const fill = (pattern: string, { platform, target }: MatrixPlace): string =>
  pattern
    .replaceAll('{platform}', () => platform)
    .replaceAll('{target}', () => target)
    .replaceAll(/[._]/g, '-')

const tellSameName = (name: string, other: MatrixPlace, path: Path, report: Report): void =>
  report.at(
    path,
    `gives the name ${name}, which ${other.platform} on ${other.target} has`,
    'Use both `{platform}` and `{target}` in `name`, or choose other names.',
  )

function tellEmpty({ combine, list = [] }: MatrixDocument, report: Report): void {
  // Whatever is wrong with a pair has been told.
  if (combine !== undefined || list.length > 0) return
  if (['combine', 'list'].some((field) => report.isWritten(['matrix', field]))) return
  report.atKey(
    ['matrix'],
    'has no instances',
    'Add `combine: { platforms: […], targets: […] }`, or a `list` of pairs.',
  )
}

function memberOf(
  { platform, target, name, namePath, entry }: Pair,
  index: number,
  { matrix, shared }: { readonly matrix: MatrixDocument; readonly shared: InstanceDocument },
): Member {
  const listed = settingsOf(entry?.settings)
  const own = [
    builtInTargets[target],
    ownOf(matrix.targets, target),
    ownOf(matrix.platforms, 'default'),
    ownOf(matrix.platforms, platform),
    listed,
  ].reduce<InstanceDocument>((under, over) => mergeSettings(under, over ?? {}), {})
  const home = ['matrix', 'platforms', platform]
  const layers: Layers = [
    home,
    ['matrix', 'platforms', 'default'],
    ['matrix', 'targets', target],
    ['defaults'],
  ]
  return {
    name,
    group: platform,
    index,
    own,
    settings: mergeSettings(shared, own),
    addresses: writtenAt(listed.address ?? [], [...(entry?.path ?? []), 'address']),
    layers: entry === undefined ? layers : [entry.path, ...layers],
    namePath,
    home,
    matrix: { platform, target },
  }
}

/** An entry of the list without what says which it is. */
function settingsOf(entry: Entry | undefined): InstanceDocument {
  if (entry === undefined) return {}
  const { platform: _platform, target: _target, name: _name, ...settings } = entry
  return settings
}

const ownOf = (
  settings: Readonly<Record<string, InstanceDocument>> = {},
  name: string,
): InstanceDocument | undefined => (Object.hasOwn(settings, name) ? settings[name] : undefined)
