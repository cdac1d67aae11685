import type { ObservedHost } from '../hypervisor/contract.ts'
import type { HostCensus } from '../hypervisor/host/records.ts'
import { ownChain, ownChainPrefix, ownTable, ruleKey } from '../hypervisor/host/rule-names.ts'
import type { ObservedRules, RuleOwner } from '../hypervisor/host/rules.ts'
import { isNamedAfter } from '../plan/removal.ts'
import { keptBecause } from './verify-kept.ts'

export type CensusKind = Exclude<keyof HostCensus, 'atMs'>

/** One thing that is not as it was. */
export interface Difference {
  readonly kind: CensusKind
  readonly name: string
  readonly what: 'left' | 'missing' | 'changed'
  readonly before: string | undefined
  readonly now: string | undefined
  /** Why it is left on purpose; `undefined`: it should not be. */
  readonly kept: string | undefined
}

export interface HostNow {
  readonly census: HostCensus
  readonly observed: ObservedHost
  readonly rules: readonly ObservedRules[]
}

const kinds = [
  'domains',
  'volumes',
  'networks',
  'pools',
  'rules',
  'sysctls',
  'files',
  'interfaces',
] as const satisfies readonly CensusKind[]

/**
 * What differs between the record of before the project and now, without what belongs to other projects. Without a
 * record: what still bears the project's mark. Pure.
 */
export function compareHost(
  project: string,
  before: HostCensus | undefined,
  now: HostNow,
): readonly Difference[] {
  if (before === undefined) return marked(project, now)
  const isOthers = belongingToOthers(project, now)
  return kinds.flatMap((kind) => {
    const [was, is] = [before[kind], now.census[kind]]
    const names = [...new Set([...Object.keys(was), ...Object.keys(is)])].toSorted()
    return names.flatMap((name): readonly Difference[] => {
      if (was[name] === is[name] || isOthers(kind, name)) return []
      const what = was[name] === undefined ? 'left' : is[name] === undefined ? 'missing' : 'changed'
      const difference = { kind, name, what, before: was[name], now: is[name] } as const
      return [{ ...difference, kept: keptBecause(difference) }]
    })
  })
}

/** The host without what bears other projects' marks: they may be gone when this one goes. Pure. */
export function withoutOthers(project: string, now: HostNow): HostCensus {
  const isOthers = belongingToOthers(project, now)
  const own = kinds.map((kind) => [
    kind,
    Object.fromEntries(Object.entries(now.census[kind]).filter(([name]) => !isOthers(kind, name))),
  ])
  return { ...now.census, ...Object.fromEntries(own) }
}

function marked(project: string, { census, observed, rules }: HostNow): readonly Difference[] {
  const left = (kind: CensusKind, name: string): Difference => ({
    kind,
    name,
    what: 'left',
    before: undefined,
    now: census[kind][name],
    kept: undefined,
  })
  const isOurs = ({ mark }: { readonly mark: { readonly project: string } | undefined }): boolean =>
    mark?.project === project
  return [
    ...observed.vms.filter(isOurs).map(({ name }) => left('domains', name)),
    ...observed.networks.filter(isOurs).map(({ name }) => left('networks', name)),
    ...rules.filter((each) => each.project === project).map(({ network }) => left('rules', network)),
  ]
}

/** Machines, networks and rules that bear another project's mark, and what these use. */
function belongingToOthers(
  project: string,
  { observed, rules }: HostNow,
): (kind: CensusKind, name: string) => boolean {
  const theirVms = observed.vms.filter(({ mark }) => mark !== undefined && mark.project !== project)
  const paths = new Set(theirVms.flatMap(({ disks }) => disks.map(({ path }) => path)))
  const marked = new Set(
    theirVms.flatMap(({ mark }) => mark?.volumes.map(({ pool, name }) => `${pool}/${name}`) ?? []),
  )
  const volumes = observed.pools.map((pool) => ({
    ...pool,
    theirs: pool.volumes.filter(
      ({ name, path }) =>
        paths.has(path) ||
        marked.has(`${pool.name}/${name}`) ||
        theirVms.some(
          (vm) => isNamedAfter(name, vm.name) && vm.snapshots.some((each) => name.includes(each)),
        ),
    ),
  }))
  const owners = rules.filter((each) => each.project !== project)
  const names: Readonly<Record<CensusKind, ReadonlySet<string>>> = {
    domains: new Set(theirVms.map(({ name }) => name)),
    volumes: new Set(volumes.flatMap(({ name, theirs }) => theirs.map((each) => `${name}/${each.name}`))),
    networks: new Set(
      observed.networks.flatMap(({ name, mark }) =>
        mark !== undefined && mark.project !== project ? [name] : [],
      ),
    ),
    pools: new Set(
      volumes.flatMap(({ name, isOurs, theirs, volumes: all }) =>
        isOurs && theirs.length > 0 && theirs.length === all.length ? [name] : [],
      ),
    ),
    rules: new Set(),
    sysctls: new Set(),
    files: new Set(),
    // Each network is counted itself, and its device follows from it.
    interfaces: new Set(observed.networks.flatMap(({ bridge }) => bridge ?? [])),
  }
  return (kind, name) => {
    if (kind === 'rules') return owners.some((owner) => isRuleOf(owner, name))
    if (kind === 'files') return isFileOf(owners, name)
    return names[kind].has(name)
  }
}

const isRuleOf = (owner: RuleOwner, name: string): boolean => {
  const words = name.split(' ')
  const suffix = ownChain(owner, 'FWD').slice(`${ownChainPrefix}FWD`.length)
  return (
    words[1] === ownTable(owner) ||
    words.some((word) => word.startsWith(ownChainPrefix) && word.endsWith(suffix))
  )
}

/** What all owners share is there as long as there is one. */
const isFileOf = (owners: readonly RuleOwner[], path: string): boolean => {
  const inRules = /^\/etc\/vmwright\/rules\/\.?([^./]+)\.[a-z0-9]+$/.exec(path)?.[1]
  if (inRules !== undefined) return owners.some((owner) => ruleKey(owner) === inRules)
  return owners.length > 0 && sharedFiles.test(path)
}

const sharedFiles =
  /^(\/etc\/vmwright(\/rules(\/\.(folders|chains))?)?|\/etc\/libvirt\/hooks(\/network\.d(\/vmwright)?)?)$/
