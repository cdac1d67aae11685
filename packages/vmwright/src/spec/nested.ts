import type { Path } from './node.ts'
import { hintForUnknown } from './nearest.ts'
import type { Member } from './groups.ts'
import { withFile } from './lifecycle.ts'
import type { Report } from './report.ts'
import type { HostSpec, InstanceSpec } from './resolved.ts'

/** G9. Hosts that are guests: the instance exists, and none of them is, by however many others, on itself. */
export function checkNested(
  hosts: readonly HostSpec[],
  instances: readonly InstanceSpec[],
  report: Report,
): void {
  const byName = new Map(instances.map((instance) => [instance.name, instance]))
  const guestOf = new Map(hosts.flatMap(({ name, guest }) => (guest === undefined ? [] : [[name, guest]])))
  /** The hosts that this one runs on, through the instance that it is. */
  const below = (host: string): readonly string[] => {
    const guest = byName.get(guestOf.get(host) ?? '')
    return guest === undefined ? [] : (guest.placement?.hosts ?? [guest.host])
  }
  for (const [host, guest] of guestOf) {
    const path: Path = ['hosts', host, 'guest']
    if (!byName.has(guest)) {
      report.at(path, 'there is no instance of this name', hintForUnknown(guest, byName.keys()))
      continue
    }
    const way = wayTo(host, below)
    if (way !== undefined)
      report.at(
        path,
        way.length === 1 ? `${guest} is on this host itself` : `runs on itself, by way of ${way.join(' → ')}`,
        'Give the instance a `host` that is none of these.',
      )
  }
}

/** The hosts from `host` down to itself again; `undefined` when it does not come to that. */
function wayTo(host: string, below: (host: string) => readonly string[]): readonly string[] | undefined {
  const seen = new Set<string>()
  const search = (at: string, way: readonly string[]): readonly string[] | undefined => {
    for (const next of below(at)) {
      if (next === host) return [...way, next]
      if (seen.has(next)) continue
      seen.add(next)
      const found = search(next, [...way, next])
      if (found !== undefined) return found
    }
    return undefined
  }
  return search(host, [])
}

/** G5. Guests that are reached through each other are reached by none. */
export function checkJumps(
  instances: readonly InstanceSpec[],
  members: readonly Member[],
  report: Report,
): void {
  const jumps = new Map(
    instances.map(({ name, lifecycle: { connection } }) => [
      name,
      connection.kind === 'ssh' ? connection.jump : [],
    ]),
  )
  for (const { name, layers } of members) {
    const way = wayTo(name, (at) => jumps.get(at) ?? [])
    // A jump over itself is told where it stands.
    if (way !== undefined && way.length > 1)
      report.within(
        withFile(layers),
        ['lifecycle', 'connection', 'jump'],
        `leads from ${name} to itself, by way of ${way.join(' → ')}`,
        'Take one of them out.',
      )
  }
}
