import { expect, it } from 'vitest'
import { type AuditedGuest, findDuplicates } from './audit-compare.ts'
import { parseFacts } from './audit-facts.ts'

const guest = (name: string, facts: Partial<AuditedGuest['facts']> = {}): AuditedGuest => ({
  name,
  host: 'local',
  facts: {
    mac: [`52:54:00:00:00:${name}`],
    address: [`10.0.0.${name}`],
    'machine-id': [`id-${name}`],
    'host-key': [`ssh-ed25519 ${name}`],
    hostname: [`guest-${name}`],
    ...facts,
  },
})

it('X9: distinct guests share nothing', () => {
  expect(findDuplicates([guest('1'), guest('2'), guest('3')])).toEqual([])
})

it.each([
  ['mac', { mac: ['52:54:00:AA:00:01', '52:54:00:00:00:1'] }],
  ['address', { address: ['10.0.0.1'] }],
  ['machine-id', { 'machine-id': ['ID-1'] }],
  ['host-key', { 'host-key': ['ssh-ed25519 1', 'ecdsa 9'] }],
  ['hostname', { hostname: ['Guest-1'] }],
] as const)('X9: two guests with the same %s are named, in whatever case it is written', (kind, facts) => {
  const found = findDuplicates([guest('1'), guest('2', facts), guest('3')])
  expect(found).toMatchObject([{ kind, guests: ['1', '2'] }])
})

it('X9: what a guest says is read, without addresses that every guest has', () => {
  const said = `hostname web-1
machine-id 0123456789abcdef0123456789abcdef
host-key ssh-ed25519 AAAA
host-key ecdsa-sha2-nistp256 BBBB
mac 52:54:00:00:00:01
address 192.168.122.5
address fe80::1
address fd00::5
`
  expect(parseFacts(said)).toEqual({
    hostname: ['web-1'],
    'machine-id': ['0123456789abcdef0123456789abcdef'],
    'host-key': ['ssh-ed25519 AAAA', 'ecdsa-sha2-nistp256 BBBB'],
    mac: ['52:54:00:00:00:01'],
    address: ['192.168.122.5', 'fd00::5'],
  })
})
