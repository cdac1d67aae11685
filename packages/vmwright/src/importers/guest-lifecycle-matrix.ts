import type { Carrier } from './carrier.ts'
import type { DraftPath } from './draft.ts'
import type { Pair } from './guest-lifecycle-definitions.ts'
import { idOf } from './guest-lifecycle-machine.ts'

export interface Paired {
  /** Of the instance, which stands under `instances` in the draft. */
  readonly name: string
  readonly pair: Pair
}

/** What the architecture of a machine decides: it is the same for all platforms on a target. */
const ofTargets = ['architecture', 'cpu', 'emulator', 'machine', 'firmware']
const ofEntries = ['platform', 'target', 'name']
const builtIn = ['amd64', 'arm', 'arm64']

/**
 * Makes a matrix of the instances that were made of pairs. What all entries of a target or of a platform have in common
 * goes there, what all platforms have to the platform `default`; only what differs stays with an entry.
 */
export function arrangeMatrix(carrier: Carrier, machines: readonly Paired[]): void {
  const { draft } = carrier
  if (machines.length === 0) return
  const entries = machines.map(({ name, pair }, index) => {
    const platform = idOf(pair.platform)
    const target = idOf(pair.target)
    for (const [old, now] of [
      [pair.platform, platform],
      [pair.target, target],
    ] as const)
      if (old !== now)
        carrier.warn(pair.place, `a platform or target is called ${now}: rename the folder of its phases`)
    const path: DraftPath = ['matrix', 'list', index]
    return { name, platform, target, path, isCombined: pair.isCombined }
  })
  const platforms = [...new Set(entries.map(({ platform }) => platform))]
  const targets = [...new Set(entries.map(({ target }) => target))]
  for (const platform of platforms) draft.open(['matrix', 'platforms', platform])
  for (const target of targets.filter((name) => !builtIn.includes(name)))
    draft.open(['matrix', 'targets', target])
  draft.open(['matrix', 'targets'])
  const combined = combinedOf(entries)
  if (combined !== undefined) {
    draft.set(['matrix', 'combine', 'platforms'], combined.platforms)
    draft.set(['matrix', 'combine', 'targets'], combined.targets)
  }
  for (const { name, platform, target, path } of entries) {
    draft.set([...path, 'platform'], platform)
    draft.set([...path, 'target'], target)
    if (name !== usualName({ platform, target })) draft.set([...path, 'name'], name)
    draft.moveFields(['instances', name], path)
  }
  draft.set(['matrix', 'name'], 'VM-{platform}-{target}')
  const pathsOf = (field: 'platform' | 'target', name: string): readonly DraftPath[] =>
    entries.filter((entry) => entry[field] === name).map(({ path }) => path)
  for (const target of targets)
    draft.hoist(pathsOf('target', target), ['matrix', 'targets', target], (field) =>
      ofTargets.includes(field),
    )
  for (const platform of platforms)
    draft.hoist(
      pathsOf('platform', platform),
      ['matrix', 'platforms', platform],
      (field) => ![...ofEntries, 'address'].includes(field),
    )
  if (platforms.length > 1 && !platforms.includes('default'))
    draft.hoist(
      platforms.map((platform) => ['matrix', 'platforms', platform]),
      ['matrix', 'platforms', 'default'],
    )
  if (draft.isEmpty(['matrix', 'targets'])) draft.remove(['matrix', 'targets'])
  if (combined === undefined) return
  const bare = entries.filter(({ isCombined, path }) => isCombined && draft.hasOnly(path, ofEntries))
  for (const { path } of bare) draft.remove(path)
  if (bare.length === entries.length) draft.remove(['matrix', 'list'])
}

interface Entry {
  readonly name: string
  readonly platform: string
  readonly target: string
  readonly isCombined: boolean
}

const usualName = ({ platform, target }: Pick<Entry, 'platform' | 'target'>): string =>
  `VM-${platform}-${target}`.replaceAll(/[._]/g, '-')

/** The platforms and targets whose combinations are all there under their usual names. */
function combinedOf(
  entries: readonly Entry[],
): { readonly platforms: readonly string[]; readonly targets: readonly string[] } | undefined {
  const combined = entries.filter(({ isCombined }) => isCombined)
  const platforms = [...new Set(combined.map(({ platform }) => platform))]
  const targets = [...new Set(combined.map(({ target }) => target))]
  const isWhole = combined.length > 1 && combined.length === platforms.length * targets.length
  return isWhole && combined.every((entry) => entry.name === usualName(entry))
    ? { platforms, targets }
    : undefined
}
