import type { InstanceStatus } from '@vmwright/contract'
import { Progress } from '../lib/progress.ts'
import { poolOf } from '../plan/naming.ts'
import { awayOf } from '../plan/nested.ts'
import type { PlanInput } from '../plan/plan.ts'
import { instanceStatus } from '../plan/status.ts'
import type { InstanceSpec } from '../spec/resolved.ts'
import type { RunState } from './context.ts'
import type { Session } from './session.ts'

/** How the instances were when the hosts were looked at. */
export const statusOf = (input: PlanInput): readonly InstanceStatus[] =>
  input.instances.map((instance) => {
    const facts = input.hosts.get(instance.host)
    const status = instanceStatus(input.spec, instance, facts?.observed, [], facts?.templates)
    return completed(status, instance, {
      ...input,
      observed: (host) => input.hosts.get(host)?.observed,
    })
  })

/** How they are now. After a cancelled run too, with a short limit of its own: it tells what remains. */
export async function finalStatus(
  seam: Progress['seam'],
  session: Session,
  input: PlanInput,
  state: RunState,
): Promise<readonly InstanceStatus[]> {
  const progress = new Progress(seam).child({ timeoutMs: 15_000 })
  const observed = await session.observeHosts(progress, poolsOf(input)).catch(() => undefined)
  if (observed === undefined) return []
  const later: Known = { ...input, unreachable: session.unreachable, observed: (host) => observed.get(host) }
  return input.instances.map((instance) => {
    const { name, host } = instance
    const addresses = state.ready.get(name)?.addresses
    const status = instanceStatus(input.spec, instance, observed.get(host), addresses)
    return completed(status, instance, later)
  })
}

/** Those that volumes of the instances are in; `undefined`, all, where these may rest on templates. */
function poolsOf({ spec, instances, hosts }: PlanInput): ReadonlySet<string> | undefined {
  if (spec.templates.length > 0) return undefined
  const vms = [...hosts.values()].flatMap(({ observed }) => observed.vms)
  return new Set([
    ...instances.map((instance) => poolOf(spec, instance).name),
    ...vms.flatMap(({ mark }) =>
      mark?.project === spec.project ? mark.volumes.map(({ pool }) => pool) : [],
    ),
  ])
}

type Known = Pick<PlanInput, 'spec' | 'placement' | 'unreachable'> & Parameters<typeof awayOf>[0]

/** With why its state is not known, where that is so. */
function completed(status: InstanceStatus, instance: InstanceSpec, known: Known): InstanceStatus {
  const away = awayOf(known, instance.host)
  if (away?.is === 'absent') return { ...status, state: 'absent' }
  const problem =
    away === undefined
      ? problemOf(known, instance)
      : `its host ${instance.host} is the guest ${away.guest}, which is off`
  return {
    ...status,
    ...(problem === undefined ? {} : { problem }),
    ...(away === undefined ? {} : { offWith: away.guest }),
  }
}

/** Why nobody knows how it is, or where else it is. */
function problemOf(
  { placement, unreachable }: Pick<PlanInput, 'placement' | 'unreachable'>,
  { name, host }: InstanceSpec,
): string | undefined {
  const lost = unreachable.get(host)
  if (lost !== undefined)
    return `${placement.blocked.get(name) ?? `its host ${host} cannot be reached`} (${lost.message})`
  return placement.findings.find(
    ({ code, object }) => code === 'vm.elsewhere' && object === `instance ${name}`,
  )?.message
}
