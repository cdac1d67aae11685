import { describe, expect, it } from 'vitest'
import { blockOf, blocksOverlap, canonicalAddress, compareAddresses, toNumber } from './addresses.ts'

describe('addresses', () => {
  it.each([
    ['10.1.2.3', 24, '10.1.2.0/24'],
    ['10.1.2.3', 8, '10.0.0.0/8'],
    ['192.168.1.200', 26, '192.168.1.192/26'],
    ['1.2.3.4', 0, '0.0.0.0/0'],
    ['1.2.3.4', 32, '1.2.3.4/32'],
    ['fd00:1:2::5', 64, 'fd00:1:2::/64'],
    ['FD00::1:5', 112, 'fd00::1:0/112'],
    ['::1', 128, '::1/128'],
    ['::ffff:10.0.0.1', 96, '::ffff:0.0.0.0/96'],
  ])('%s/%i is in the block %s', (address, prefix, block) => {
    expect(blockOf(address, prefix)).toBe(block)
  })

  it.each([
    ['10.1.0.0/16', '10.1.2.0/24', true],
    ['10.1.2.0/24', '10.1.0.0/16', true],
    ['10.1.2.0/24', '10.1.3.0/24', false],
    ['fd00::/48', 'fd00:0:0:5::/64', true],
    ['fd00::/64', 'fd01::/64', false],
    ['0.0.0.0/0', 'fd00::/64', false],
  ])('%s and %s have addresses in common: %s', (a, b, common) => {
    expect(blocksOverlap(a, b)).toBe(common)
  })

  it('writes addresses as everybody does, IPv4 first', () => {
    const written = ['FD00:0::1', 'fd00:0:0:0::1:0', '10.0.0.1'].map(canonicalAddress)
    expect(written.toSorted(compareAddresses)).toEqual(['10.0.0.1', 'fd00::1', 'fd00::1:0'])
  })

  it('orders addresses by their number', () => {
    const sorted = ['10.0.0.10', '10.0.0.9', '9.255.0.0'].toSorted((a, b) =>
      toNumber(a) < toNumber(b) ? -1 : 1,
    )
    expect(sorted).toEqual(['9.255.0.0', '10.0.0.9', '10.0.0.10'])
  })
})
