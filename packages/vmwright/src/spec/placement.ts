import { choose, type Choice } from './choice.ts'
import type { Member } from './groups.ts'
import { isHyperv } from './hosts.ts'
import { hintForUnknown } from './nearest.ts'
import type { Report } from './report.ts'
import type { HostSpec, InstanceSpec } from './resolved.ts'
import type { PlacementSpec } from './resolved-places.ts'

interface PlacementContext {
  readonly hosts: Choice
  readonly resolvedHosts: ReadonlyMap<string, HostSpec>
  readonly report: Report
}

/** K12. The host of an instance, or those that it may go to: the nearest level that names one of the two decides. */
export function resolvePlace(
  member: Member,
  context: PlacementContext,
): Pick<InstanceSpec, 'host' | 'placement'> {
  const { settings, layers } = member
  const { report, hosts } = context
  const level = layers.find((layer) =>
    ['host', 'placement'].some((field) => report.isWritten([...layer, field])),
  )
  const [host, places] = ['host', 'placement'].map((field) =>
    level === undefined ? undefined : report.find([level], [field]),
  )
  if (host !== undefined && places !== undefined)
    report.atKey(places, 'cannot stand beside `host`', 'Remove one of the two.')
  if (places === undefined || settings.placement === undefined)
    return { host: choose(hosts, settings.host, member, ['host'], report), placement: undefined }
  const [first, ...others] = candidates(member, context)
  return first === undefined
    ? { host: '', placement: undefined }
    : {
        host: first,
        placement: {
          hosts: [first, ...others],
          by: settings.placement.by ?? 'spread',
          group: settings.placement.group ?? 'prefer-apart',
        },
      }
}

/** The hosts to choose from; tells those that do not exist, and kinds of hosts that do not go together. */
function candidates(
  { settings, layers }: Member,
  { resolvedHosts, hosts: { known }, report }: PlacementContext,
): readonly string[] {
  const written = settings.placement?.hosts ?? 'all'
  const at = ['placement', 'hosts']
  const names = written === 'all' ? [...resolvedHosts.keys()] : written
  for (const [index, name] of names.entries()) {
    if (!known.includes(name))
      report.within(layers, [...at, index], 'there is no host of this name', hintForUnknown(name, known))
    else if (names.indexOf(name) < index)
      report.within(layers, [...at, index], 'is named twice', 'Remove one of the two.')
  }
  const found = names.flatMap((name) => resolvedHosts.get(name) ?? [])
  if (new Set(found.map(isHyperv)).size > 1)
    report.within(
      layers,
      written === 'all' ? ['placement'] : at,
      'has libvirt and Hyper-V hosts, and an instance is made for one kind',
      'Name the hosts of one kind in `hosts`.',
    )
  return [...new Set(found.map(({ name }) => name))]
}

/** K12. Instances that must be apart have a host each. */
export function checkApart(
  instances: readonly InstanceSpec[],
  members: readonly Member[],
  report: Report,
): void {
  const groups = Map.groupBy(
    instances.flatMap((instance, index) => {
      const member = members[index]
      return instance.placement?.group === 'apart' && member !== undefined ? [{ instance, member }] : []
    }),
    ({ instance }) => instance.group,
  )
  for (const [group, all] of groups) {
    const hosts = new Set(all.flatMap(({ instance }) => hostsOf(instance.placement)))
    const [first] = all
    if (first === undefined || all.length <= hosts.size) continue
    report.within(
      [first.member.home, ['defaults']],
      ['placement', 'group'],
      `keeps the ${all.length} instances of \`${group}\` apart, but there are ${hosts.size} hosts for them`,
      'Add hosts, make the group smaller, or write `prefer-apart`.',
    )
  }
}

const hostsOf = (placement: PlacementSpec | undefined): readonly string[] => placement?.hosts ?? []
