import { createHmac } from 'node:crypto'
import { ProvisionError } from '../lib/errors.ts'
import type { SshTarget } from './ssh-client.ts'

export type JumpPlace = Pick<SshTarget, 'address' | 'port'> & { readonly user: string | undefined }

/**
 * `user@host:port` of a jump host that is no guest, with `host`, `user@host`, `[IPv6]:port`. Pure. Throws `guest.connection-unsupported`
 * for what is none of these.
 */
export function parseJump(text: string): JumpPlace {
  const match = /^(?:([^@\s]+)@)?(?:\[([^\]\s]+)\]|([^:@\s[\]]+))(?::(\d{1,5}))?$/.exec(text)
  const address = match?.[2] ?? match?.[3]
  const port = Number(match?.[4] ?? 22)
  if (address !== undefined && port >= 1 && port <= 65_535) return { user: match?.[1], address, port }
  throw new ProvisionError('guest.connection-unsupported', {
    message: `${JSON.stringify(text)} is no jump host.`,
    hint: 'Write the name of an instance, or user@host:port, in `lifecycle.connection.jump`.',
    details: { jump: text },
  })
}

/**
 * The keys that a `known_hosts` has of a host, hashed names too (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT). Patterns are
 * not looked at, and neither are keys that are revoked or of certificate authorities. Pure.
 */
export function knownKeys(
  knownHosts: string,
  { address, port }: Pick<SshTarget, 'address' | 'port'>,
): readonly string[] {
  const name = port === 22 ? address.toLowerCase() : `[${address.toLowerCase()}]:${port}`
  return knownHosts.split('\n').flatMap((line) => {
    const [hosts = '', type, blob] = line.trim().split(/\s+/)
    if (type === undefined || blob === undefined || /^[#@]/.test(hosts)) return []
    return hosts.split(',').some((host) => isName(host, name)) ? [`${type} ${blob}`] : []
  })
}

function isName(host: string, name: string): boolean {
  const [, kind, salt, hash] = host.split('|')
  if (kind !== '1' || salt === undefined) return host.toLowerCase() === name
  return createHmac('sha1', Buffer.from(salt, 'base64')).update(name).digest('base64') === hash
}
