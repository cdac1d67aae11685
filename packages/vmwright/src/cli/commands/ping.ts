import { composeServices } from '../../compose.ts'
import { ping as pingAll, type HostPing, type InstancePing, type PingReport } from '../../engine/ping.ts'
import { attempt, show, withView } from '../attempt.ts'
import type { CliContext } from '../context.ts'
import { exitCode } from '../exit-codes.ts'
import { load } from '../load.ts'
import type { SpecOptions } from '../options.ts'
import { formatTable } from '../output/table.ts'

export interface PingOptions extends SpecOptions {
  readonly hosts: boolean
  /** Milliseconds. */
  readonly timeout: number
}

/** T11: whether hosts and guests answer. Exit code 1 when something does not. */
export async function ping(
  context: CliContext,
  names: readonly string[],
  options: PingOptions,
): Promise<number> {
  return attempt(context, options, async () => {
    const { spec, instances } = await load(context, options, names)
    const hosts =
      names.length === 0
        ? spec.hosts
        : spec.hosts.filter((host) =>
            instances.some(({ host: own, placement }) => (placement?.hosts ?? [own]).includes(host.name)),
          )
    const report = await withView(context, options, (progress) =>
      pingAll(progress, {
        spec,
        hosts,
        instances: options.hosts ? [] : instances,
        services: composeServices(spec, context),
        timeoutMs: options.timeout,
      }),
    )
    show(context, options.json, report, () => renderPing(report))
    return report.ok ? exitCode.done : exitCode.failed
  })
}

/** Two tables, and below them what is wrong. Pure. */
export function renderPing({ hosts, instances }: PingReport): string {
  const problems = [
    ...hosts.flatMap(({ host, error }) =>
      error === undefined ? [] : [`  ${host}: ${error.message}\n    ${error.hint}\n`],
    ),
    ...instances.flatMap(({ name, problem }) => (problem === undefined ? [] : [`  ${name}: ${problem}\n`])),
  ]
  return [
    formatTable(
      ['HOST', 'ANSWERS', 'CONNECT', 'READ', 'CPUS', 'MEMORY', 'MACHINES', 'VERSION', 'URI'],
      hosts.map(hostRow),
    ),
    ...(instances.length > 0
      ? [
          '\n',
          formatTable(
            ['INSTANCE', 'HOST', 'STATE', 'ADDRESS', 'PORT', 'HOST KEY', 'AGENT'],
            instances.map(instanceRow),
          ),
        ]
      : []),
    ...(problems.length > 0 ? ['\nNot as it should be:\n', ...problems] : []),
  ].join('')
}

const hostRow = (host: HostPing): readonly string[] => [
  host.host,
  host.ok ? 'yes' : 'NO',
  ms(host.connectMs),
  ms(host.readMs),
  host.cpus === undefined ? '-' : `${host.cpus} ${host.architecture}`,
  host.memoryMib === undefined ? '-' : `${host.memoryMib} MiB`,
  String(host.machines ?? '-'),
  host.version ?? '-',
  host.uri,
]

const instanceRow = (instance: InstancePing): readonly string[] => [
  instance.name,
  instance.host,
  instance.state,
  instance.address ?? '-',
  instance.portAnswer === undefined
    ? '-'
    : `${instance.port} ${instance.portAnswer}${instance.portMs === undefined ? '' : ` ${ms(instance.portMs)}`}`,
  instance.hostKey === 'unknown' ? '-' : instance.hostKey,
  instance.agent === 'none' ? '-' : instance.agent,
]

const ms = (value: number | undefined): string => (value === undefined ? '-' : `${value} ms`)
