import type { FieldChange, Plan, ResourceChange } from '../../plan/plan.ts'
import { resourceOf } from '../../plan/resources.ts'

const symbols: Readonly<Record<ResourceChange['action'], string>> = {
  create: '+',
  start: '~',
  update: '~',
  restart: '±',
  remove: '-',
  restore: '-',
  blocked: '!',
}

const kinds: Readonly<Record<ResourceChange['kind'], string>> = {
  network: 'network',
  rules: 'rules of network',
  pool: 'pool',
  'host-item': 'host item',
  'host-bridge': 'bridge',
}

/** What happens to networks, rules, pools and the hosts themselves. `steps` adds what exactly is done. */
export function resourceLines(
  { resources, steps }: Pick<Plan, 'resources' | 'steps'>,
  detail: 'changes' | 'steps',
): readonly string[] {
  const titles = Map.groupBy(detail === 'steps' ? steps : [], (step) => keyOf(resourceOf(step)))
  return resources.flatMap((resource) => [
    `${symbols[resource.action]} ${kinds[resource.kind]} ${resource.name} on ${resource.host}: ${resource.action}: ${resource.reason}`,
    ...resource.fields.map(
      (field) => `    ${field.field}: ${field.from} → ${field.to}  (${howText(field, resource)})`,
    ),
    ...(titles.get(keyOf(resource)) ?? []).map(({ title }) => `      ${title}`),
  ])
}

/** Shared steps that no resource of the plan tells of. */
export function otherSteps({ resources, steps }: Plan): Plan['steps'] {
  const told = new Set(resources.map(keyOf))
  return steps.filter((step) => step.instance === undefined && !told.has(keyOf(resourceOf(step))))
}

const keyOf = (resource: Pick<ResourceChange, 'kind' | 'name' | 'host'> | undefined): string =>
  resource === undefined ? '' : `${resource.host}/${resource.kind}/${resource.name}`

function howText({ how }: FieldChange, { action, name, kind }: ResourceChange): string {
  if (how !== 'restart') return 'changed now'
  if (kind === 'network' && action === 'blocked') return `needs a restart: --restart-network ${name}`
  if (kind !== 'network' || action === 'restart') return 'by the restart'
  return `needs a restart: --restart-network ${name}`
}
