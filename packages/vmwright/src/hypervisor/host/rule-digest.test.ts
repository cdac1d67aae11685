import { expect, it } from 'vitest'
import { ruleDigest } from './rule-digest.ts'
import type { RuleSet } from './rules.ts'

const rules: RuleSet = {
  project: 'demo',
  network: 'demo-lab',
  bridge: 'vw-lab',
  subnets: ['10.7.0.0/24', 'fd07::/64'],
  outside: 'eth0',
  masquerade: true,
  to: ['192.0.2.0/24', '198.51.100.0/24'],
  from: [],
}

it('K6: is that of the same rules, in whatever order their addresses are', () => {
  const turned = { ...rules, subnets: rules.subnets.toReversed(), to: rules.to.toReversed() }
  expect(ruleDigest(turned)).toBe(ruleDigest(rules))
})

it.each<Partial<RuleSet>>([
  { project: 'other' },
  { network: 'other' },
  { bridge: 'other' },
  { subnets: ['10.7.0.0/24'] },
  { outside: undefined },
  { masquerade: false },
  { to: [] },
  { from: ['192.0.2.0/24'] },
])('K6: differs with %j', (change) => {
  expect(ruleDigest({ ...rules, ...change })).not.toBe(ruleDigest(rules))
})
