import ssh2 from 'ssh2'
import { expect, it } from 'vitest'
import { generateHostKeys, generateUserKey } from './host-keys.ts'

it('X6: host keys are ed25519 and ECDSA, readable by an SSH library, private and public parts belonging together', () => {
  for (let round = 0; round < 20; round++) {
    const keys = generateHostKeys('web-1')
    expect(keys.map((key) => key.type)).toEqual(['ed25519', 'ecdsa'])
    for (const key of keys) {
      const parsed = ssh2.utils.parseKey(key.privateKey.reveal())
      if (parsed instanceof Error) throw parsed
      const [algorithm, blob, comment] = key.publicKey.split(' ')
      expect(parsed).toMatchObject({ type: algorithm, comment: 'web-1' })
      expect(parsed.getPublicSSH().toString('base64')).toBe(blob)
      expect(comment).toBe('web-1')
      const message = Buffer.from('proof')
      expect(parsed.verify(message, parsed.sign(message) as Buffer)).toBe(true)
    }
  }
})

it('a user key is ed25519 and does not show itself', () => {
  const key = generateUserKey('me@desk')
  expect(key.publicKey).toMatch(/^ssh-ed25519 [A-Za-z0-9+/]{68} me@desk$/)
  expect(JSON.stringify(key)).not.toContain('PRIVATE')
})

it('no two keys are equal', () => {
  const keys = [...generateHostKeys(), ...generateHostKeys()].map((key) => key.publicKey)
  expect(new Set(keys).size).toBe(4)
})
