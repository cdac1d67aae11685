import type { ObservedHost } from '../hypervisor/contract.ts'
import type {
  AccessBlock,
  AccessNeed,
  AccessRepair,
  AccessReport,
  AccessRequest,
} from '../hypervisor/host-files.ts'
import type { HostSpec, InstanceSpec, ResolvedSpec } from '../spec/resolved.ts'
import { imagePoolName, poolOf } from './naming.ts'
import type { Finding } from './plan.ts'
import { finding } from './preflight/finding.ts'

/**
 * What the user that runs guests has to reach on a host, for these instances (T9). Disks that are to be made need the
 * folder only: libvirt writes them as root and gives them to that user. What they rest on is read as it is.
 */
export function accessNeeds(
  spec: ResolvedSpec,
  host: HostSpec,
  observed: ObservedHost,
  instances: readonly InstanceSpec[],
): AccessRequest['needs'] {
  const needs = new Map<string, AccessNeed>()
  const add = (path: string | undefined, need: AccessNeed): void => {
    const before = path === undefined ? undefined : needs.get(path)
    if (path !== undefined && (before === undefined || strength[before] < strength[need]))
      needs.set(path, need)
  }
  for (const instance of instances) {
    if (instance.host !== host.name) continue
    const pool = poolOf(spec, instance)
    const there = observed.pools.find((candidate) => candidate.name === pool.name)
    add(pool.kind === 'path' ? pool.path : there?.path, 'search')
    for (const path of basesOf(spec, host, observed, instance)) add(path.path, path.need)
    for (const disk of observed.vms.find((vm) => vm.name === instance.name)?.disks ?? [])
      add(disk.path, disk.kind === 'disk' ? 'write' : 'read')
  }
  return [...needs].map(([path, need]) => ({ path, need }))
}

const strength: Readonly<Record<AccessNeed, number>> = { search: 0, read: 1, write: 2 }

/** What the disks of an instance rest on: files of the image cache, or the disks of a template that stay its base. */
function basesOf(
  spec: ResolvedSpec,
  host: HostSpec,
  observed: ObservedHost,
  { source, rootDisk }: InstanceSpec,
): AccessRequest['needs'] {
  if (source.kind === 'image') {
    if (rootDisk.mode !== 'overlay') return []
    const cached = observed.pools
      .filter((pool) => pool.name === imagePoolName)
      .flatMap((pool) => pool.volumes)
      .filter(({ name }) => name.startsWith(`${source.id}-`))
    return [
      { path: host.imageCachePath, need: 'search' },
      ...cached.map(({ path }) => ({ path, need: 'read' as const })),
    ]
  }
  if (source.clone !== 'overlay') return []
  const template = spec.templates.find((candidate) => candidate.id === source.id)
  const machine = observed.vms.find((vm) => vm.name === template?.domain)
  const disks = machine?.disks.flatMap(({ kind, path }) =>
    kind === 'disk' && path !== undefined ? [path] : [],
  )
  return (template?.disks ?? disks ?? []).map((path) => ({ path, need: 'read' }))
}

/**
 * What a report says against a plan. With `repair`, what can be repaired is no finding (it is a step of the plan),
 * but a home folder that is opened is told.
 */
export function accessFindings(
  host: HostSpec,
  report: AccessReport,
  { repair }: { readonly repair: boolean },
): readonly Finding[] {
  const object = `host ${host.name}`
  const byFolder = Map.groupBy(report.blocked, ({ at }) => at)
  const denied = [...byFolder].flatMap(([at, blocks]): readonly Finding[] => {
    const noRepair = blocks.find((block) => block.noRepair !== undefined)?.noRepair
    const repairs = repairsOf(blocks)
    const homes = homesIn(repairs)
    if (repair && noRepair === undefined)
      return homes.length === 0
        ? []
        : [finding('warning', 'host.access-denied', object, homesSentence(report.user, homes))]
    const message = `${blockSentence(report, at, blocks)}${homes.length === 0 ? '' : ` ${homesSentence(report.user, homes)}`}`
    const hint =
      noRepair === undefined
        ? `On the host: ${repairs.map(setfaclCommand).join(' && ')}. Or let vmwright do it: \`vmwright host access --repair\`, or \`repairAccess: true\` for the host.`
        : `An ACL cannot help: ${noRepair}.`
    return [finding('error', 'host.access-denied', object, message, hint)]
  })
  const confined = report.confined.map(({ message, hint }) =>
    finding('warning', 'host.access-denied', object, message, hint),
  )
  return [...denied, ...confined]
}

/** Several needs may want the same of a folder: each entry once. */
export const repairsOf = (blocks: readonly AccessBlock[]): readonly AccessRepair[] => [
  ...new Map(
    blocks.flatMap(({ repairs }) => repairs).map((repair) => [setfaclCommand(repair), repair]),
  ).values(),
]

/** As one would type it. */
export const setfaclCommand = ({ path, user, permissions }: AccessRepair): string =>
  `setfacl -m u:${user}:${permissions} ${quoted(path)}`

const quoted = (path: string): string =>
  /^[\w./+:@%-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`

function blockSentence({ user, by }: AccessReport, at: string, blocks: readonly AccessBlock[]): string {
  const targets = blocks.filter(({ path }) => path !== at).map(({ path }) => path)
  const beyond = targets.length === 0 ? '' : `, and so does not reach ${targets.join(', ')}`
  const doing = targets.length === 0 && blocks.some(({ need }) => need !== 'search') ? 'open' : 'get into'
  const computed = by === 'computation' ? ' (computed: nobody may act as that user there)' : ''
  return `The user ${user}, who runs the guests, cannot ${doing} ${at}${beyond}${computed}.`
}

/** Home folders among what is opened. */
export const homesIn = (repairs: readonly AccessRepair[]): readonly string[] =>
  repairs.map(({ path }) => path).filter((path) => /^\/(?:root|home\/[^/]+)$/.test(path))

/** What opening homes means, told plainly. */
export const homesSentence = (user: string, homes: readonly string[]): string =>
  `${homes.join(', ')} ${homes.length === 1 ? 'is a home' : 'are homes'}: ${user} could then pass through, and open files below that everybody may read, if it knows their names; not list what is there.`

/**
 * Turns the "Permission denied" of a guest that did not start into its cause: the first folder or file that stops
 * the user, else the confinement, else what is left. `undefined` for texts that are about something else.
 */
export function explainDenied(
  text: string,
  report: AccessReport,
): { readonly message: string; readonly hint: string } | undefined {
  if (!/permission denied/i.test(text)) return undefined
  const named = /'(\/[^']+)'(?: \([^)]*\))?: Permission denied/i.exec(text)?.[1]
  const about = <T extends { readonly path: string }>(each: readonly T[]): T | undefined =>
    each.find(({ path }) => path === named || named?.startsWith(`${path}/`) === true) ?? each[0]
  const block = about(report.blocked)
  if (block !== undefined)
    return {
      message: blockSentence(report, block.at, [block]),
      hint:
        block.noRepair === undefined
          ? `On the host: ${block.repairs.map(setfaclCommand).join(' && ')}`
          : `An ACL cannot help: ${block.noRepair}.`,
    }
  const confined = about(report.confined)
  if (confined !== undefined) return { message: confined.message, hint: confined.hint }
  return {
    message: `Modes and ACLs let the user ${report.user} reach ${named ?? 'all paths that are known'}, so AppArmor or SELinux, or the server of a network file system, refused it.`,
    hint: "Look for what was refused, on the host: journalctl -k | grep -E 'DENIED|avc:'",
  }
}
