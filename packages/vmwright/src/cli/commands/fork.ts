import { composeServices } from '../../compose.ts'
import { forkMachines, type ForkReport, type ForkResult } from '../../engine/fork.ts'
import { asFork, forkNames } from '../../engine/fork-plan.ts'
import { type ForkList, type KnownFork, listForks, removeForks } from '../../engine/fork-remove.ts'
import { apply } from '../../engine/operations.ts'
import { reportOf } from '../../lib/error-report.ts'
import { ProvisionError } from '../../lib/errors.ts'
import { formatBytes, formatDuration } from '../../lib/units.ts'
import { plainRequest } from '../../plan/plain-request.ts'
import { attempt, show, withView } from '../attempt.ts'
import { confirm, mayAsk } from '../confirm.ts'
import type { CliContext } from '../context.ts'
import { exitCode, exitCodeOfError } from '../exit-codes.ts'
import { fail, renderError } from '../fail.ts'
import { load, requireInstance } from '../load.ts'
import { operate } from '../operate.ts'
import { type SpecOptions, sshCommand } from '../options.ts'
import { formatTable } from '../output/table.ts'

export interface ForkCommandOptions extends SpecOptions {
  readonly count: number
  readonly name?: string
  readonly snapshot?: string
  readonly cold: boolean
  readonly list: boolean
  readonly remove: boolean
  readonly yes: boolean
  /** Milliseconds. */
  readonly lockTimeout: number
}

/** X9: distinct machines from one that runs; or those that there are, or their end. */
export async function fork(
  context: CliContext,
  names: readonly string[],
  options: ForkCommandOptions,
): Promise<number> {
  if (options.list) return list(context, options)
  if (options.remove) return remove(context, names, options)
  const [name, ...others] = names
  if (name === undefined || others.length > 0)
    return fail(
      context,
      new ProvisionError('usage.invalid', { message: 'Name the one instance that is to be forked.' }),
      options.json,
    )
  return options.cold ? cold(context, name, options) : make(context, name, options)
}

function make(context: CliContext, name: string, options: ForkCommandOptions): Promise<number> {
  return attempt(context, options, async () => {
    const { spec } = await load(context, options, [name])
    const result = await withView(context, {}, (progress) =>
      forkMachines(progress, {
        spec,
        instance: requireInstance(spec, name),
        services: composeServices(spec, context),
        count: options.count,
        pattern: options.name,
        snapshot: options.snapshot,
        holder: context.holder('fork'),
        lockTimeoutMs: options.lockTimeout,
      }),
    )
    const failures = [...result.failures].map(([fork, error]) => ({ name: fork, error: reportOf(error) }))
    show(context, options.json, { kind: 'forked', ...result, failures }, () =>
      renderForked(result, sshCommand(context.environment, options)),
    )
    if (!options.json) for (const { error } of failures) context.stderr.write(renderError(error))
    const [first] = failures
    return first === undefined ? exitCode.done : exitCodeOfError(first.error.code)
  })
}

/** Machines of their own from the same image or template, by all that `apply` does. */
function cold(context: CliContext, name: string, options: ForkCommandOptions): Promise<number> {
  return attempt(context, options, async () => {
    const { spec } = await load(context, options, [name])
    const instance = requireInstance(spec, name)
    if (options.snapshot !== undefined)
      throw new ProvisionError('usage.invalid', {
        message: 'A snapshot is of a booted machine: it goes with `fork`, and not with `--cold`.',
      })
    const services = composeServices(spec, context)
    const { forks } = await withView(context, {}, (progress) => listForks(progress, { spec, services }))
    const taken = new Set(forks.map((each) => each.name))
    const request = { spec, instance, count: options.count, pattern: options.name }
    const instances = forkNames(request, taken).map((each) => asFork(spec, instance, each))
    const whole = { ...spec, instances: [...spec.instances, ...instances] }
    return operate(context, [], { ...options, yes: true }, 'fork --cold', {
      work: (progress, operation) => apply(progress, operation, plainRequest),
      needsConfirmation: () => false,
      loaded: { spec: whole, instances },
    })
  })
}

function list(context: CliContext, options: ForkCommandOptions): Promise<number> {
  return attempt(context, options, async () => {
    const { spec } = await load(context, options)
    const services = composeServices(spec, context)
    const found = await withView(context, {}, (progress) => listForks(progress, { spec, services }))
    show(context, options.json, found, () =>
      renderForks(found, sshCommand(context.environment, options), context.seam.nowMs()),
    )
    return exitCode.done
  })
}

function remove(context: CliContext, names: readonly string[], options: ForkCommandOptions): Promise<number> {
  return attempt(context, options, async () => {
    const { spec } = await load(context, options)
    const removed = await withView(context, {}, (progress, sink) =>
      removeForks(progress, {
        spec,
        services: composeServices(spec, context),
        names,
        holder: context.holder('fork --remove'),
        lockTimeoutMs: options.lockTimeout,
        async confirm(forks) {
          if (options.yes) return true
          sink.pause()
          if (!options.json) context.stdout.write(renderRemoval(forks))
          return mayAsk(context, options) && confirm(context)
        },
      }),
    )
    if (removed === undefined) {
      context.stderr.write('Nothing was done. Run it again with --yes to do this.\n')
      return exitCode.unconfirmed
    }
    show(context, options.json, { kind: 'removed', forks: removed.map(({ name }) => name) }, () =>
      removed.length === 0
        ? 'There are no forks.\n'
        : `Removed ${removed.map(({ name }) => name).join(', ')}.\n`,
    )
    return exitCode.done
  })
}

const renderRemoval = (forks: readonly KnownFork[]): string =>
  `These forks would be removed, with their disks:\n${forks.map(({ name, host }) => `  ${name} on ${host}\n`).join('')}`

/** Pure. */
export function renderForked({ forks, freezeMs }: ForkResult, ssh: string): string {
  if (forks.length === 0) return ''
  const row = ({ name, host, address, readyMs }: ForkReport): readonly string[] => [
    name,
    host,
    address,
    formatDuration(readyMs),
    `${ssh} ${name}`,
  ]
  const table = formatTable(['NAME', 'HOST', 'ADDRESS', 'READY AFTER', 'LOG IN WITH'], forks.map(row))
  return `${table}Frozen in ${formatDuration(freezeMs)}.\n`
}

/** Pure. */
export function renderForks({ forks, sources }: ForkList, ssh: string, nowMs: number): string {
  if (sources.length === 0) return 'There are no forks.\n'
  const machines = forks.map((each) => [
    each.name,
    each.host,
    each.complete ? each.state : 'incomplete',
    each.addresses[0] ?? '-',
    each.of,
    each.state === 'running' ? `${ssh} ${each.name}` : '-',
  ])
  const files = sources.map((each) => [
    each.name,
    each.host,
    each.snapshot ?? '-',
    formatBytes(each.sizeBytes),
    formatDuration(Math.max(0, nowMs - each.createdAtMs)),
    String(each.dependents.length),
  ])
  return [
    formatTable(['NAME', 'HOST', 'STATE', 'ADDRESS', 'FORKED FROM', 'LOG IN WITH'], machines),
    '\n',
    formatTable(['SOURCE', 'HOST', 'SNAPSHOT', 'SIZE', 'AGE', 'FORKS'], files),
  ].join('')
}
