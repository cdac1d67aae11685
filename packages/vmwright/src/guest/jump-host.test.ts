import { describe, expect, it } from 'vitest'
import { knownKeys, parseJump } from './jump-host.ts'

describe('jump hosts', () => {
  it.each([
    ['bastion', { user: undefined, address: 'bastion', port: 22 }],
    ['me@bastion.example.org:2222', { user: 'me', address: 'bastion.example.org', port: 2222 }],
    ['me@[2001:db8::1]:2222', { user: 'me', address: '2001:db8::1', port: 2222 }],
    ['[::1]', { user: undefined, address: '::1', port: 22 }],
  ])('G5: reads %s', (text, want) => expect(parseJump(text)).toEqual(want))

  it.each(['', 'a b', '@x', 'x:0', 'x:99999', 'x:', '::1', 'a@b@c'])('G5: refuses %j', (text) => {
    expect(() => parseJump(text)).toThrow(expect.objectContaining({ code: 'guest.connection-unsupported' }))
  })
})

describe('known hosts', () => {
  const file = [
    '# comment',
    'bastion,10.0.0.1 ssh-ed25519 AAAA1 me@here',
    '[Bastion]:2222 ssh-ed25519 AAAA2',
    '|1|F1E1KeoE/eEWhi10WpGv4OdiO6Y=|3988QV0VE8wmZL7suNrYQLITLCg= ssh-rsa AAAA3',
    '@revoked bastion ssh-ed25519 AAAA4',
    'broken',
  ].join('\n')

  it.each([
    ['bastion', 22, ['ssh-ed25519 AAAA1']],
    ['BASTION', 2222, ['ssh-ed25519 AAAA2']],
    ['10.0.0.1', 22, ['ssh-ed25519 AAAA1']],
    // The example of a hashed name in OpenSSH's own documentation.
    ['192.168.1.61', 22, ['ssh-rsa AAAA3']],
    ['other', 22, []],
  ])('G5: finds the keys of %s port %i', (address, port, want) =>
    expect(knownKeys(file, { address, port })).toEqual(want),
  )
})
