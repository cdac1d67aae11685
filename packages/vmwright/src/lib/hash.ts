import { createHash } from 'node:crypto'

/** Hashing is deterministic, so pure modules may use this file although it imports `node:crypto`. */
export const sha256Hex = (data: string | Uint8Array): string =>
  createHash('sha256').update(data).digest('hex')

/** For what others have derived by it; nothing of ours. */
export const sha1Hex = (data: string | Uint8Array): string => createHash('sha1').update(data).digest('hex')

/** A UUID (version 8, RFC 9562: own content) derived from names: same names, same UUID. */
export function uuidFromNames(...names: readonly string[]): string {
  const hex = sha256Hex(names.join('\0'))
  const variant = ((Number.parseInt(hex[16] ?? '0', 16) & 0x3) | 0x8).toString(16)
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `${variant}${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join('-')
}

/** JSON with sorted keys, so that equal data has equal text. `undefined` members are left out. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, member: unknown) =>
    member !== null && typeof member === 'object' && !Array.isArray(member) && !('toJSON' in member)
      ? Object.fromEntries(Object.entries(member).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : member,
  )
}
