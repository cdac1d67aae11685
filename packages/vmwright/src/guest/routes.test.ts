import { expect, it, test } from 'vitest'
import type { OwnNetworkSpec } from '../spec/resolved-places.ts'
import { ownNetwork } from '../testing/specs.ts'
import { renderRoutes, routeAdvice } from './routes.ts'

const forwarding = { outside: undefined, masquerade: true, to: [], from: ['192.168.1.0/24', '2001:db8::/48'] }
const dual: Partial<OwnNetworkSpec> = {
  mode: 'open',
  ipv4: { address: '10.10.0.1', prefix: 20, dhcp: undefined },
  ipv6: { address: 'fd00:10::1', prefix: 64, dhcp: undefined },
  forwarding,
}
const adviceOf = (overrides: Partial<OwnNetworkSpec>) => {
  const advice = routeAdvice(ownNetwork('lan', overrides), 'rack1')
  return advice === undefined ? [] : [advice]
}

it('K9: has the commands of Linux, macOS and Windows for both families', () => {
  expect(renderRoutes(adviceOf(dual), ['192.168.1.10', '2001:db8::10'])).toBe(`\
# Network lab-lan (10.10.0.0/20, fd00:10::/64) behind rack1: on a client in 192.168.1.0/24 or 2001:db8::/48:
# Linux
sudo ip route add 10.10.0.0/20 via 192.168.1.10
sudo ip -6 route add fd00:10::/64 via 2001:db8::10
# macOS
sudo route -n add -net 10.10.0.0/20 192.168.1.10
sudo route -n add -inet6 -prefixlen 64 fd00:10:: 2001:db8::10
# Windows, as an administrator
route ADD 10.10.0.0 MASK 255.255.240.0 192.168.1.10
route -6 ADD fd00:10::/64 2001:db8::10
`)
})

it('K9: has no command by way of an address that nobody knows', () => {
  const text = renderRoutes(adviceOf(dual), ['192.168.1.10'])
  expect(text).toContain('# no IPv6 address of rack1 is known that clients could use for fd00:10::/64')
  expect(text).not.toMatch(/^(sudo|route).*fd00/m)
})

test.each([
  ['a closed nat network', { mode: 'nat' }, /^# .* closed to others, it is behind NAT: give it `forwarding`/],
  [
    'nat with rules that let nobody in',
    { mode: 'nat', forwarding: { ...forwarding, from: [] } },
    /no `from`\.\n$/,
  ],
  ['nat with rules that let some in', { mode: 'nat', forwarding }, /on a client in 192/],
  ['an isolated network', { mode: 'isolated' }, /closed to others, it is isolated\.\n$/],
  ['a routed network', { mode: 'routed' }, /: on a client:\n# Linux\n/],
  ['a bridge of the host', { mode: 'bridge' }, /^$/],
] as const)('K9: tells whether clients get into %s', (_, overrides, want) => {
  expect(renderRoutes(adviceOf(overrides), ['192.168.1.10'])).toMatch(want)
})

it('K9: promises nothing about networks of others', () => {
  const advice = {
    network: 'default',
    host: 'rack1',
    blocks: ['192.168.122.0/24'],
    entry: { kind: 'unknown' },
  } as const
  const text = renderRoutes([advice], ['192.168.1.10'])
  expect(text).toContain('if the host lets them in, which vmwright does not see to')
  expect(text).toContain('sudo ip route add 192.168.122.0/24 via 192.168.1.10\n')
})
