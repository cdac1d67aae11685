import { expect, test } from 'vitest'
import { addressPlus, formatCidr, formatIp, isInSubnet, parseCidr, parseIp } from './ip.ts'

test.each([
  ['10.0.0.1', '10.0.0.1'],
  ['FD00:0:0:0:0:0:0:1', 'fd00::1'],
  ['::', '::'],
  ['::1', '::1'],
  ['1::', '1::'],
  ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
  ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
  ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
  ['::ffff:10.0.0.1', '::ffff:a00:1'],
  ['256.0.0.1', undefined],
  ['010.0.0.1', undefined],
  ['1.2.3', undefined],
  ['1::2::3', undefined],
  ['1:2:3:4:5:6:7:8:9', undefined],
  ['1:2:3:4:5:6:7', undefined],
  ['12345::', undefined],
  ['', undefined],
])('the canonical form of %j is %j', (text, canonical) => {
  const ip = parseIp(text)
  expect(ip === undefined ? undefined : formatIp(ip)).toBe(canonical)
})

test.each([
  ['10.0.0.254/24', 1, '10.0.0.255/24'],
  ['10.0.0.255/24', 1, undefined],
  ['fd00::ffff/64', 1, 'fd00::1:0/64'],
])('%s and %i more is %s', (text, count, sum) => {
  const cidr = parseCidr(text)
  const next = cidr && addressPlus(cidr, count)
  expect(next && formatCidr(next)).toBe(sum)
})

test.each([
  ['10.0.1.1', '10.0.0.5/23', true],
  ['10.0.2.1', '10.0.0.5/23', false],
  ['fe80::1', '10.0.0.5/0', false],
])('%s in the subnet of %s: %s', (text, subnet, inside) => {
  const ip = parseIp(text)
  const cidr = parseCidr(subnet)
  expect(ip && cidr && isInSubnet(ip, cidr)).toBe(inside)
})

test.each(['10.0.0.1', '10.0.0.1/33', '10.0.0.1/-1', 'fd00::1/129', '10.0.0.1/24/8', '/24'])(
  '%j is no CIDR',
  (text) => {
    expect(parseCidr(text)).toBeUndefined()
  },
)
