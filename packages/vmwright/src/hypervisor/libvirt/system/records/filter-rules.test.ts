import { expect, it } from 'vitest'
import { iptablesRules, nftRules } from './filter-rules.ts'

const nft = (...rules: readonly string[]): readonly string[] => [
  'table ip filter {',
  '\tchain FORWARD {',
  '\t\ttype filter hook forward priority filter; policy accept;',
  ...rules.map((rule) => `\t\t${rule}`),
  '\t}',
  '}',
]

it.each([
  ['an empty chain', nft()],
  [
    'jumps to chains of libvirt, of Docker, and of ours',
    nft(
      'counter packets 9 bytes 9 jump LIBVIRT_FWX',
      'counter jump DOCKER-USER',
      'counter jump VW-LET-0123456789ab',
    ),
  ],
  [
    'a chain of libvirt',
    ['table ip filter {', '\tchain LIBVIRT_FWX {', '\t\tiifname "virbr0" accept', '\t}', '}'],
  ],
  ['a table of libvirt', ['table ip libvirt_network {', '\tchain forward {', '\t\taccept', '\t}', '}']],
])('K11: what changes by itself does not count: %s', (_, lines) => {
  expect(nftRules(lines)).toEqual({})
})

it('K11: counters do not count, and rules do', () => {
  const one = nftRules(nft('counter packets 9 bytes 9 accept'))
  expect(Object.keys(one)).toEqual(['ip filter chain FORWARD'])
  expect(nftRules(nft('counter packets 10 bytes 11 accept'))).toEqual(one)
  expect(nftRules(nft('counter packets 10 bytes 11 drop'))).not.toEqual(one)
})

const save = (...lines: readonly string[]): readonly string[] => ['*filter', ...lines, 'COMMIT']

it('K11: iptables of before nf_tables is read from what iptables-save writes', () => {
  const plain = save(
    ':INPUT ACCEPT [1:2]',
    ':FORWARD DROP [0:0]',
    ':OWN - [0:0]',
    '-A FORWARD -j LIBVIRT_FWX',
  )
  expect(Object.keys(iptablesRules('iptables', plain))).toEqual(['iptables filter chain FORWARD'])
  const more = iptablesRules('iptables', save(':OWN - [0:0]', '-A OWN -i eth0 -j DROP'))
  expect(Object.keys(more)).toEqual(['iptables filter chain OWN'])
  expect(iptablesRules('iptables', save(':OWN - [0:0]', '-A OWN -i eth1 -j DROP'))).not.toEqual(more)
  expect(iptablesRules('iptables', save(':INPUT ACCEPT [5:6]', '-A INPUT -j VW-HOST-0123456789ab'))).toEqual(
    {},
  )
})
