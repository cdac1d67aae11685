import type { ApplyInput, Finding } from '../plan.ts'
import { accessFindings } from '../access.ts'
import type { NetworkDecision } from '../networks/decide.ts'
import { conflictFindings, networkFindings } from './addresses.ts'
import { customiseFindings } from './customise.ts'
import { finding } from './finding.ts'
import { capabilityFindings, capacityFindings } from './host.ts'
import type { VmPlan } from '../vm-plan.ts'
import { ownNetworkFindings } from './own-networks.ts'
import { poolFindings } from './pools.ts'
import { templateFindings } from './templates.ts'

export interface PreflightScope {
  /** Instances that do not exist yet, or are made anew. */
  readonly toCreate: readonly VmPlan[]
  /** Instances that get a new seed: those to create, and those to reseed. */
  readonly toSeed: readonly VmPlan[]
  /** What is done about own networks, by host. */
  readonly networks: ReadonlyMap<string, readonly NetworkDecision[]>
}

/** Looks at everything that can be known to fail before anything is done (C13, C15). All findings, not the first. */
export function preflight(
  input: ApplyInput,
  { toCreate, toSeed, networks }: PreflightScope,
): readonly Finding[] {
  const findings: Finding[] = []
  for (const [name, facts] of input.hosts) {
    const mine = input.instances.filter((instance) => instance.host === name)
    const creating = toCreate.filter(({ instance }) => instance.host === name)
    findings.push(
      ...networkFindings(input, facts, mine),
      ...ownNetworkFindings(facts, networks.get(name) ?? []),
      ...poolFindings(input, facts, mine),
      ...capabilityFindings(facts, creating),
      ...capacityFindings(facts, creating),
      ...conflictFindings(facts, mine),
      ...templateFindings(input, facts, creating),
      ...customiseFindings(facts, creating),
      ...(facts.access === undefined
        ? []
        : accessFindings(facts.spec, facts.access, { repair: facts.spec.repairAccess })),
    )
  }
  return [...findings, ...secretFindings(input, toSeed)]
}

const secretFindings = ({ missingSecrets }: ApplyInput, toSeed: readonly VmPlan[]): readonly Finding[] =>
  toSeed.flatMap(({ seed, source, instance: { name } }) =>
    (seed === undefined && source.kind === 'template' ? [] : (missingSecrets.get(name) ?? [])).map(
      ({ message, hint }) => finding('error', 'secret.unavailable', `instance ${name}`, message, hint),
    ),
  )
