import * as z from 'zod'
import { fault, field, required, secret, text } from './field.ts'

const account = () =>
  z
    .string({ error: () => fault('must be a text') })
    .regex(/^[^\0\n\r]{1,256}$/, { error: () => fault('is not the name of an account') })

export const loginDocument = z.strictObject({
  user: required(account(), 'Account, of the host (`Administrator`) or of a domain (`vms@example.org`).', {
    example: 'vms@example.org',
  }),
  password: required(secret(), 'Its password.', { example: { env: 'HYPERV_PASSWORD' } }),
})

export const domainJoinDocument = z
  .strictObject({
    domain: required(
      z
        .string({ error: () => fault('must be a text') })
        .regex(/^[A-Za-z0-9]([A-Za-z0-9.-]{0,253}[A-Za-z0-9])?$/, {
          error: () => fault('is not the name of a domain', 'Write it as `ad.example.org`.'),
        }),
      'Name of the domain.',
      { example: 'ad.example.org' },
    ),
    user: required(account(), 'Account that may add computers to it.', { example: 'join@ad.example.org' }),
    password: required(secret(), 'Its password.', { example: { env: 'JOIN_PASSWORD' } }),
    ou: field(text(), 'Organisational unit for the computer.', {
      default: 'where the domain puts computers by default',
      example: 'OU=Servers,DC=ad,DC=example,DC=org',
    }),
  })
  .meta({ id: 'domainJoin' })
