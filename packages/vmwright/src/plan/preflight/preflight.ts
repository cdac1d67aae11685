import type { InstanceSpec } from '../../spec/resolved.ts'
import type { ApplyInput, Finding } from '../plan.ts'
import { conflictFindings, networkFindings } from './addresses.ts'
import { finding } from './finding.ts'
import { capabilityFindings, capacityFindings } from './host.ts'
import { poolFindings } from './pools.ts'

export interface PreflightScope {
  /** Instances that do not exist yet, or are made anew. */
  readonly toCreate: readonly InstanceSpec[]
  /** Instances that get a new seed: those to create, and those to reseed. */
  readonly toSeed: readonly InstanceSpec[]
}

/** Looks at everything that can be known to fail before anything is done (C13, C15). All findings, not the first. */
export function preflight(input: ApplyInput, { toCreate, toSeed }: PreflightScope): readonly Finding[] {
  const findings: Finding[] = []
  for (const [name, facts] of input.hosts) {
    const mine = input.instances.filter((instance) => instance.host === name)
    const creating = toCreate.filter((instance) => instance.host === name)
    findings.push(
      ...networkFindings(input, facts, mine),
      ...poolFindings(input, facts, mine),
      ...capabilityFindings(facts, creating),
      ...capacityFindings(input, facts, creating),
      ...conflictFindings(facts, mine),
    )
  }
  return [...findings, ...secretFindings(input, toSeed)]
}

const secretFindings = (
  { missingSecrets }: ApplyInput,
  toSeed: readonly InstanceSpec[],
): readonly Finding[] =>
  toSeed.flatMap(({ name }) =>
    (missingSecrets.get(name) ?? []).map(({ message, hint }) =>
      finding('error', 'secret.unavailable', `instance ${name}`, message, hint),
    ),
  )
