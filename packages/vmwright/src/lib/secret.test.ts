import { format, inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { ProvisionError } from './errors.ts'
import { Secret } from './secret.ts'

const canary = 'canary-7f3a9c'
const secret = new Secret(canary)

describe('Secret', () => {
  it.each<[string, () => string]>([
    ['a template', () => `${secret}`],
    ['String()', () => String(secret)],
    ['concatenation', () => `password: ${secret.toString()}`],
    ['JSON', () => JSON.stringify({ nested: [secret] })],
    ['inspect', () => inspect({ nested: { secret } }, { depth: 9, showHidden: true })],
    ['format', () => format('%s %o %j', secret, secret, secret)],
    [
      'the details of an error',
      () => inspect(new ProvisionError('internal.bug', { message: 'm', details: { secret } })),
    ],
    ['its own properties', () => JSON.stringify(Object.entries(secret)) + '***'],
    ['a clone', () => JSON.stringify({ ...secret }) + '***'],
  ])('does not show in %s', (_where, show) => {
    expect(show()).not.toContain(canary)
    expect(show()).toContain('***')
  })

  it('is given out on request', () => {
    expect(secret.reveal()).toBe(canary)
  })
})
