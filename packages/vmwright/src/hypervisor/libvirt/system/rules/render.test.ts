import { describe, expect, it } from 'vitest'
import { ownChain, ownTable } from '../../../host/rule-names.ts'
import type { RuleSet } from '../../../host/rules.ts'
import { checkRules } from './check.ts'
import { iptablesFacts, renderIptables } from './iptables.ts'
import { nftablesFacts, renderNftables } from './nftables.ts'

const plain: RuleSet = {
  project: 'demo',
  network: 'demo-lab',
  bridge: 'vw-lab',
  subnets: ['10.7.1.0/24'],
  outside: undefined,
  masquerade: true,
  to: [],
  from: [],
}
const routed: RuleSet = {
  ...plain,
  subnets: ['10.7.1.0/24', 'fd07:1::/64'],
  outside: 'eth0',
  masquerade: false,
  to: ['192.0.2.0/24', '2001:db8::/32'],
  from: ['198.51.100.0/24', 'fd00::/8'],
}

describe('K6: rules as text', () => {
  it.each([
    ['plain.nft', renderNftables(plain)],
    ['routed.nft', renderNftables(routed)],
    ['plain.iptables', renderIptables(plain, 4)],
    ['plain.ip6tables', renderIptables(plain, 6)],
    ['routed.ip6tables', renderIptables(routed, 6)],
  ])('K6: are %s', async (file, text) => {
    await expect(text).toMatchFileSnapshot(`golden/${file}`)
  })

  it('K6: go nowhere in a family for which only blocks of the other one are named', () => {
    const text = renderNftables({ ...routed, to: ['192.0.2.0/24'] })
    expect(text).not.toContain('ip6 saddr fd07:1::/64 accept')
    expect(renderIptables({ ...routed, to: ['192.0.2.0/24'] }, 6)).not.toMatch(
      /-A VW-OUT-\S+ .*-s fd07:1::\/64/,
    )
  })

  it('K6: stand in chains and tables that no other owner has, however long the names are', () => {
    const owners = [
      plain,
      { ...plain, project: 'demo-demo', network: 'lab' },
      { ...plain, network: 'x'.repeat(100) },
    ]
    expect(new Set(owners.map((owner) => ownTable(owner))).size).toBe(owners.length)
    for (const owner of owners) {
      expect(ownChain(owner, 'HOST').length).toBeLessThanOrEqual(28)
      for (const fact of nftablesFacts(owner).trim().split('\n'))
        expect(renderNftables(owner)).toContain(fact)
      for (const fact of iptablesFacts(owner).trim().split('\n'))
        expect(renderIptables(owner, 4)).toContain(fact)
    }
  })

  it.each<[string, Partial<RuleSet>]>([
    ['a quote in a name', { network: 'a"b' }],
    ['a line break in a name', { project: 'a\nflush ruleset' }],
    ['a name that is too long for a comment', { network: '網'.repeat(40) }],
    ['a bridge that is a pattern of nftables', { bridge: 'vw*' }],
    ['an interface that is a pattern of iptables', { outside: 'eth+' }],
    ['an interface with a space', { outside: 'eth0 accept' }],
    ['an address without a length', { subnets: ['10.7.1.0'] }],
    ['a length that is too long', { to: ['10.7.1.0/33'] }],
    ['an address with a zone', { from: ['fe80::1%eth0/64'] }],
    ['no address', { from: ['0.0.0.0/0 accept'] }],
  ])('K6: are not made of %s', (_, change) => {
    expect(() => checkRules({ ...plain, ...change })).toThrow(
      expect.objectContaining({ code: 'network.rules-failed' }),
    )
  })

  it('K6: are made of what is well-formed', () => {
    expect(() => checkRules({ ...routed, network: 'Über lab.2', outside: 'br0.5@eth0' })).not.toThrow()
  })
})
