import type { InstanceSpec } from '../spec/resolved.ts'
import type { Change, Finding, PlanInput } from './plan.ts'

/** What the plan says of an instance that nothing can be done about; `undefined`: it can be worked on. */
export function blockedChange(
  { placement, unreachable }: Pick<PlanInput, 'placement' | 'unreachable'>,
  { name, host }: InstanceSpec,
): Change | undefined {
  const reason =
    placement.blocked.get(name) ?? (unreachable.has(host) ? `its host ${host} cannot be reached` : undefined)
  return reason === undefined ? undefined : { instance: name, host, action: 'blocked', reason, fields: [] }
}

/**
 * Hosts that do not answer, and what was found when the instances were placed. Hosts are warnings, because the others
 * go on; `all: 'warnings'` for an operation that makes nothing, which those findings must not stop.
 */
export function placementFindings(
  { placement, unreachable }: Pick<PlanInput, 'placement' | 'unreachable'>,
  all: 'as-found' | 'warnings' = 'as-found',
): readonly Finding[] {
  const hosts = [...unreachable].map(([host, { code, message, hint }]): Finding => ({
    severity: 'warning',
    code,
    object: `host ${host}`,
    message: `${message} The other hosts go on without it.`,
    hint,
  }))
  const found = placement.findings.filter(({ code }) => all === 'as-found' || code !== 'host.no-room')
  return [
    ...hosts,
    ...found.map((each) => (all === 'warnings' ? { ...each, severity: 'warning' as const } : each)),
  ]
}
