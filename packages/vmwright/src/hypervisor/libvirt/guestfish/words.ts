/** guestfish reads lines into a buffer of 8 KiB; an escaped byte takes four. */
const longestWordBytes = 1024

/**
 * One argument of a guestfish command in double quotes, where `\xHH` is a byte and nothing else is expanded
 * (guestfish(1), "COMMANDS"). Holds any bytes but NUL.
 */
export function quoted(value: string | Uint8Array): string {
  const bytes = typeof value === 'string' ? Buffer.from(value) : value
  return `"${Array.from(bytes, quotedByte).join('')}"`
}

function quotedByte(byte: number): string {
  const isPlain = byte >= 0x20 && byte < 0x7f && byte !== 0x22 && byte !== 0x5c
  return isPlain ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, '0')}`
}

/** A content in parts that each fit into one command; at least one part. */
export function parts(content: string): readonly Uint8Array[] {
  const bytes = Buffer.from(content)
  const count = Math.max(1, Math.ceil(bytes.length / longestWordBytes))
  return Array.from({ length: count }, (_, index) =>
    bytes.subarray(index * longestWordBytes, (index + 1) * longestWordBytes),
  )
}
