import type { Change, Plan, ResourceChange } from '../../plan/plan.ts'

const verbs: Readonly<Record<Change['action'], string | undefined>> = {
  none: undefined,
  create: 'create',
  continue: 'create',
  update: 'update',
  start: 'start',
  restart: 'restart',
  finish: 'finish',
  replace: 'replace',
  reseed: 'reseed',
  adopt: 'adopt',
  destroy: 'destroy',
  'remove-leftovers': 'remove leftovers of',
  'keep-foreign': undefined,
  blocked: undefined,
}

const nouns: Readonly<Record<ResourceChange['kind'], string>> = {
  network: 'network',
  rules: 'rule set',
  pool: 'pool',
  'host-item': 'host item',
  'host-bridge': 'bridge',
}

/** `create 4 instances, 1 network; update 1 rule set`: what a plan does, by what is done. Empty where that is nothing. */
export function tally({ changes, resources }: Pick<Plan, 'changes' | 'resources'>): string {
  const counts = new Map<string, Map<string, number>>()
  const count = (verb: string | undefined, noun: string): void => {
    if (verb === undefined) return
    const ofVerb = counts.get(verb) ?? new Map<string, number>()
    counts.set(verb, ofVerb.set(noun, (ofVerb.get(noun) ?? 0) + 1))
  }
  for (const { action } of changes) count(verbs[action], 'instance')
  for (const { action, kind } of resources) count(action === 'blocked' ? undefined : action, nouns[kind])
  return [...counts]
    .map(([verb, ofVerb]) => {
      const each = [...ofVerb].map(([noun, number]) => `${number} ${noun}${number === 1 ? '' : 's'}`)
      return `${verb} ${each.join(', ')}`
    })
    .join('; ')
}
