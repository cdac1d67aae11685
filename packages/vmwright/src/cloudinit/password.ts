import { createHash } from 'node:crypto'
import type { Secret } from '../lib/secret.ts'

/** crypt(3)'s own alphabet: six bits a character, lowest first. */
const alphabet = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const defaultRounds = 5000

/**
 * The crypt(3) form `$6$salt$hash` (SHA-512, 5000 rounds) of a password, so that no seed holds a password in the
 * clear. The salt's 16 characters are made from at least 12 random bytes; same password and bytes, same result.
 * Takes some milliseconds.
 */
export function hashPassword(password: Secret, saltBytes: Uint8Array): string {
  if (saltBytes.length < 12) throw new RangeError('a password salt needs at least 12 random bytes')
  const salt = Array.from({ length: 4 }, (_, index) =>
    encode24([saltBytes[index * 3] ?? 0, saltBytes[index * 3 + 1] ?? 0, saltBytes[index * 3 + 2] ?? 0], 4),
  ).join('')
  return sha512Crypt(password.reveal(), salt)
}

/**
 * "Unix crypt using SHA-256 and SHA-512" (Ulrich Drepper, version 0.6), SHA-512 variant; step numbers in comments
 * are those of its list. `rounds` appears in the result only when given.
 */
export function sha512Crypt(password: string, saltText: string, rounds?: number): string {
  const key = Buffer.from(password, 'utf8')
  const salt = Buffer.from(saltText, 'utf8').subarray(0, 16)

  const b = sha512(key, salt, key) // 4-8
  const forA: Uint8Array[] = [key, salt, repeatTo(b, key.length)] // 1-3, 9, 10
  for (let bits = key.length; bits > 0; bits >>= 1) forA.push((bits & 1) === 1 ? b : key) // 11
  let digest = sha512(...forA) // 12

  const p = repeatTo(sha512(...Array.from({ length: key.length }, () => key)), key.length) // 13-16
  const s = repeatTo(sha512(...Array.from({ length: 16 + (digest[0] ?? 0) }, () => salt)), salt.length) // 17-20

  for (let round = 0; round < (rounds ?? defaultRounds); round++) {
    const odd = round % 2 === 1
    const parts: Uint8Array[] = [odd ? p : digest] // 21 b, c
    if (round % 3 !== 0) parts.push(s) // 21 d
    if (round % 7 !== 0) parts.push(p) // 21 e
    parts.push(odd ? digest : p) // 21 f, g
    digest = sha512(...parts)
  }
  const prefix = rounds === undefined ? '$6$' : `$6$rounds=${rounds}$`
  return `${prefix}${salt.toString('utf8')}$${encodeDigest(digest)}`
}

/** 22 e: groups of three bytes, 21 apart and turned by one group after group; then byte 63 alone. */
function encodeDigest(digest: Uint8Array): string {
  let text = ''
  for (let group = 0; group < 21; group++) {
    const bytes = [group, group + 21, group + 42]
    const turned = [...bytes.slice(group % 3), ...bytes.slice(0, group % 3)]
    text += encode24(
      [digest[turned[2] ?? 0] ?? 0, digest[turned[1] ?? 0] ?? 0, digest[turned[0] ?? 0] ?? 0],
      4,
    )
  }
  return text + encode24([digest[63] ?? 0, 0, 0], 2)
}

/** Three bytes, the first being the lowest, as up to four characters. */
function encode24([low, middle, high]: readonly [number, number, number], characters: number): string {
  const value = low | (middle << 8) | (high << 16)
  return Array.from({ length: characters }, (_, index) => alphabet[(value >> (6 * index)) & 0x3f]).join('')
}

const sha512 = (...parts: readonly Uint8Array[]): Buffer => {
  const hash = createHash('sha512')
  for (const part of parts) hash.update(part)
  return hash.digest()
}

const repeatTo = (block: Uint8Array, length: number): Uint8Array =>
  Uint8Array.from({ length }, (_, index) => block[index % block.length] ?? 0)
