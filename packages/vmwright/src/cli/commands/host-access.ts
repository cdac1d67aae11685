import { isAbsolute } from 'node:path'
import { composeServices } from '../../compose.ts'
import {
  type AccessOptions,
  checkHosts,
  grantedOnHosts,
  type HostAccess,
  type HostRepairs,
  repairHosts,
  undoHosts,
} from '../../engine/host-access.ts'
import { ProvisionError } from '../../lib/errors.ts'
import { homesIn, homesSentence, repairsOf, setfaclCommand } from '../../plan/access.ts'
import { attempt, show, withView } from '../attempt.ts'
import { confirm, mayAsk } from '../confirm.ts'
import type { CliContext } from '../context.ts'
import { exitCode } from '../exit-codes.ts'
import { hostsNamed } from '../host-target.ts'
import { load } from '../load.ts'
import type { SpecOptions } from '../options.ts'
import { formatTable } from '../output/table.ts'

export interface HostAccessOptions extends SpecOptions {
  readonly repair: boolean
  readonly undo: boolean
  readonly user?: string
  readonly path: readonly string[]
  readonly yes: boolean
}

/**
 * T9: whether the user that runs guests reaches what the spec needs; repairs it, or takes all repairs back. Exit code
 * 5 when something is blocked, 3 when a repair or an undo was not confirmed.
 */
export async function hostAccess(
  context: CliContext,
  names: readonly string[],
  options: HostAccessOptions,
): Promise<number> {
  return attempt(context, options, async () => {
    const relative = options.path.find((path) => !isAbsolute(path))
    if (relative !== undefined || (options.repair && options.undo))
      throw new ProvisionError('usage.invalid', {
        message:
          relative === undefined
            ? '`--repair` and `--undo` exclude each other.'
            : `The path ${relative} is not absolute; it is one of the host.`,
      })
    const { spec } = await load(context, options)
    const services = composeServices(spec, context)
    const access = { spec, hosts: hostsNamed(spec, names), services }
    return options.undo ? undo(context, options, access) : check(context, options, access)
  })
}

async function check(
  context: CliContext,
  options: HostAccessOptions,
  access: AccessOptions,
): Promise<number> {
  const look = () =>
    withView(context, {}, (progress) =>
      checkHosts(progress, { ...access, user: options.user, paths: options.path }),
    )
  let hosts = await look()
  const wanted = repairsIn(hosts)
  const isAsked = options.repair && wanted.length > 0
  if (isAsked && !options.json)
    context.stdout.write(renderRepairs(options.yes ? 'Set' : 'It would be set', wanted))
  const isConfirmed = isAsked && (options.yes || (mayAsk(context, options) && (await confirm(context))))
  if (isConfirmed) {
    const done = await withView(context, {}, (progress) => repairHosts(progress, access, wanted))
    for (const line of outcomeLines(done)) context.stderr.write(`${line}\n`)
    hosts = await look()
  }
  show(context, options.json, { repaired: isConfirmed, hosts: hosts.map(jsonOf) }, () => renderAccess(hosts))
  if (isAsked && !isConfirmed) return declined(context, options)
  return hosts.some(({ report }) => report.blocked.length > 0) ? exitCode.blocked : exitCode.done
}

async function undo(context: CliContext, options: HostAccessOptions, access: AccessOptions): Promise<number> {
  const granted = await withView(context, {}, (progress) => grantedOnHosts(progress, access))
  const isNothing = granted.every(({ repairs }) => repairs.length === 0)
  if (!isNothing && !options.json)
    context.stdout.write(renderRepairs(options.yes ? 'Taken back' : 'It would be taken back', granted))
  const isConfirmed = !isNothing && (options.yes || (mayAsk(context, options) && (await confirm(context))))
  const done = isConfirmed
    ? await withView(context, {}, (progress) => undoHosts(progress, access))
    : undefined
  show(context, options.json, { undone: isConfirmed, hosts: done ?? granted }, () =>
    isNothing
      ? 'Nothing was ever given here, or it was taken back.\n'
      : outcomeLines(done ?? [])
          .map((line) => `${line}\n`)
          .join(''),
  )
  return isNothing || isConfirmed ? exitCode.done : declined(context, options)
}

function declined(context: CliContext, { json }: HostAccessOptions): number {
  if (!json) context.stderr.write('Nothing was changed. Run it again with --yes to do this.\n')
  return exitCode.unconfirmed
}

const repairsIn = (hosts: readonly HostAccess[]): readonly HostRepairs[] =>
  hosts
    .map(({ host, report }) => ({ host, repairs: repairsOf(report.blocked) }))
    .filter(({ repairs }) => repairs.length > 0)

const verdicts = ({ needs, report }: HostAccess) =>
  needs.map(({ path, need }) => {
    const block = report.blocked.find((each) => each.path === path)
    const confined = report.confined.find((each) => each.path === path)
    const verdict =
      block !== undefined
        ? ('blocked' as const)
        : report.missing.includes(path)
          ? ('missing' as const)
          : confined !== undefined
            ? ('confined' as const)
            : ('reachable' as const)
    return { path, need, verdict, at: block?.at, block, confined }
  })

const jsonOf = (access: HostAccess) => ({
  host: access.host,
  user: access.report.user,
  by: access.report.by,
  paths: verdicts(access).map(({ path, need, verdict, at, block, confined }) => ({
    path,
    need,
    verdict,
    at,
    repairs: block?.repairs ?? [],
    noRepair: block?.noRepair,
    confined: confined === undefined ? undefined : { by: confined.by, message: confined.message },
  })),
})

/** A line for each path, and below what is wrong. Pure. */
export function renderAccess(hosts: readonly HostAccess[]): string {
  const rows = hosts.flatMap((access) =>
    verdicts(access).map(({ path, need, verdict, at }) => [
      access.host,
      access.report.user,
      need,
      { reachable: 'yes', missing: 'not there', confined: 'REFUSED', blocked: `NO, at ${at}` }[verdict],
      path,
    ]),
  )
  const findings = hosts
    .flatMap((access) => access.findings)
    .map(({ severity, object, message, hint }) => `${severity}: ${object}: ${message}\n  ${hint ?? ''}\n`)
  const computed = hosts
    .filter(({ report }) => report.by === 'computation')
    .map(({ host }) => `Computed from modes and ACLs on ${host}: nobody may act as another user there.\n`)
  return [
    rows.length === 0 ? 'No paths to look at.\n' : formatTable(['HOST', 'USER', 'TO', 'MAY', 'PATH'], rows),
    ...(computed.length + findings.length > 0 ? ['\n'] : []),
    ...computed,
    ...findings,
  ].join('')
}

/** The commands, as one would type them on each host. Pure. */
export function renderRepairs(verb: string, wanted: readonly HostRepairs[]): string {
  return wanted
    .filter(({ repairs }) => repairs.length > 0)
    .map(({ host, repairs }) => {
      const homes = homesIn(repairs)
      const note = homes.length === 0 ? '' : `  ${homesSentence(repairs[0]?.user ?? '', homes)}\n`
      return `${verb} on ${host}:\n${repairs.map((repair) => `  ${setfaclCommand(repair)}\n`).join('')}${note}`
    })
    .join('')
}

/** What became of each, where it is not simply done. */
const outcomeLines = (done: Awaited<ReturnType<typeof undoHosts>>): readonly string[] =>
  done.flatMap(({ host, repairs }) =>
    repairs.flatMap(({ path, outcome }) => {
      if (outcome === 'vanished') return [`${path} on ${host} is gone, or another one by now: left alone.`]
      if (outcome === 'kept')
        return [`The entry of ${path} on ${host} was changed by somebody else: left alone.`]
      return []
    }),
  )
