import { generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto'
import { Secret } from '../lib/secret.ts'
import { concat } from './iso9660-records.ts'

export interface HostKey {
  readonly type: 'ed25519' | 'ecdsa'
  /** OpenSSH private key file (`openssh-key-v1`, not encrypted), ending with a line feed. */
  readonly privateKey: Secret
  /** `ssh-ed25519 AAAA… comment`, as in an `authorized_keys` or, after a host name, a `known_hosts` line. */
  readonly publicKey: string
}

/**
 * New host keys for one guest, made before it first boots so that the first connection is already verified. No RSA:
 * every client that trusts the guest knows these keys, and RSA costs seconds in an emulated guest.
 */
export const generateHostKeys = (comment = 'vmwright'): HostKey[] => [
  generateKey('ed25519', comment),
  generateKey('ecdsa', comment),
]

/** A new ed25519 key pair for a person or a program that logs in to guests. */
export const generateUserKey = (comment: string): HostKey => generateKey('ed25519', comment)

function generateKey(type: HostKey['type'], comment: string): HostKey {
  const fields = type === 'ed25519' ? ed25519Fields() : ecdsaFields()
  const publicBlob = concat(...fields.publicFields)
  const algorithm = type === 'ed25519' ? 'ssh-ed25519' : 'ecdsa-sha2-nistp256'
  return {
    type,
    privateKey: new Secret(privateKeyFile(publicBlob, fields.privateFields, comment)),
    publicKey: `${algorithm} ${toBase64(publicBlob)} ${comment}`,
  }
}

interface KeyFields {
  /** The public key blob of RFC 4253 6.6, in parts. */
  readonly publicFields: readonly Uint8Array[]
  /** What the private section holds between the check numbers and the comment (PROTOCOL.key). */
  readonly privateFields: readonly Uint8Array[]
}

/** RFC 8709 4: `string "ssh-ed25519"`, `string key`. The private section ends with seed and public key as one string. */
function ed25519Fields(): KeyFields {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const publicBytes = jwkBytes(publicKey, 'x')
  const publicFields = [sshString(utf8('ssh-ed25519')), sshString(publicBytes)]
  return {
    publicFields,
    privateFields: [...publicFields, sshString(concat(jwkBytes(privateKey, 'd'), publicBytes))],
  }
}

/** RFC 5656 3.1: `string "ecdsa-sha2-nistp256"`, `string "nistp256"`, `string Q` with Q as an uncompressed point. */
function ecdsaFields(): KeyFields {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const point = concat(Uint8Array.of(4), jwkBytes(publicKey, 'x'), jwkBytes(publicKey, 'y'))
  const publicFields = [sshString(utf8('ecdsa-sha2-nistp256')), sshString(utf8('nistp256')), sshString(point)]
  return { publicFields, privateFields: [...publicFields, mpint(jwkBytes(privateKey, 'd'))] }
}

/**
 * OpenSSH's PROTOCOL.key, `openssh-key-v1` without encryption:
 *
 * ```
 * "openssh-key-v1\0"  string "none" (cipher)  string "none" (kdf)  string "" (kdf options)  uint32 1 (keys)
 * string public blob  string { uint32 check  uint32 check  private fields  string comment  padding 1, 2, 3… to 8 }
 * ```
 */
function privateKeyFile(
  publicBlob: Uint8Array,
  privateFields: readonly Uint8Array[],
  comment: string,
): string {
  const check = randomBytes(4)
  const section = concat(check, check, ...privateFields, sshString(utf8(comment)))
  const padding = Uint8Array.from({ length: (8 - (section.length % 8)) % 8 }, (_, index) => index + 1)
  const none = sshString(utf8('none'))
  const file = concat(
    utf8('openssh-key-v1\0'),
    none,
    none,
    sshString(new Uint8Array()),
    uint32(1),
    sshString(publicBlob),
    sshString(concat(section, padding)),
  )
  const lines = toBase64(file).match(/.{1,70}/g) ?? []
  return ['-----BEGIN OPENSSH PRIVATE KEY-----', ...lines, '-----END OPENSSH PRIVATE KEY-----', ''].join('\n')
}

const jwkBytes = (key: KeyObject, member: 'd' | 'x' | 'y'): Uint8Array =>
  Buffer.from(key.export({ format: 'jwk' })[member] ?? '', 'base64url')

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)

const toBase64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')

/** RFC 4251 5: `uint32`. */
function uint32(value: number): Uint8Array {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, value)
  return bytes
}

/** RFC 4251 5: `string`. */
const sshString = (bytes: Uint8Array): Uint8Array => concat(uint32(bytes.length), bytes)

/** RFC 4251 5: `mpint` of a positive number: no leading zeros but one where the first bit would be set. */
function mpint(bytes: Uint8Array): Uint8Array {
  const first = bytes.findIndex((byte) => byte !== 0)
  const digits = first < 0 ? new Uint8Array() : bytes.subarray(first)
  return sshString((digits[0] ?? 0) >= 0x80 ? concat(Uint8Array.of(0), digits) : digits)
}
