import type { FileHandle } from 'node:fs/promises'

/**
 * The part of tar that a bundle of images needs: regular files with short names, one after the other (POSIX ustar;
 * sizes from 8 GiB on in base 256, as GNU tar writes them). Anything else in an archive is an error, so that there
 * is no link, no folder and no path to be led astray by. Header fields, as (offset, length): name (0, 100), mode
 * (100, 8), uid (108, 8), gid (116, 8), size (124, 12), mtime (136, 12), checksum (148, 8), type (156, 1), magic
 * and version (257, 8), prefix (345, 155).
 */
export const tarBlock = 512

export interface TarMember {
  readonly name: string
  readonly sizeBytes: number
}

/** The header of a file; without owner and date, so that equal files give equal archives. */
export function tarHeader({ name, sizeBytes }: TarMember): Buffer {
  const header = Buffer.alloc(tarBlock)
  if (!isPlainName(name)) throw new Error(`${JSON.stringify(name)} cannot be a name in a tar archive`)
  header.write(name, 0, 'latin1')
  header.write('0000644\0', 100, 'latin1')
  header.write('0000000\0'.repeat(2), 108, 'latin1')
  if (sizeBytes < 8 ** 11) header.write(`${octal(sizeBytes, 11)}\0`, 124, 'latin1')
  else {
    header[124] = 0x80
    header.writeBigUInt64BE(BigInt(sizeBytes), 128)
  }
  header.write(`${octal(0, 11)}\0`, 136, 'latin1')
  header.write('0', 156, 'latin1')
  header.write('ustar\x0000', 257, 'latin1')
  header.write(`${octal(checksumOf(header), 6)}\0 `, 148, 'latin1')
  return header
}

/** Zeros from the end of a file to the next block. */
export const tarPadding = (sizeBytes: number): Buffer =>
  Buffer.alloc((tarBlock - (sizeBytes % tarBlock)) % tarBlock)

export const tarEnd = Buffer.alloc(2 * tarBlock)

/** More than any bundle has. */
const maxMembers = 10_000

/** Where the content of each member is, by its name. Throws for anything that `tarHeader` would not write. */
export async function tarMembers(
  archive: FileHandle,
): Promise<ReadonlyMap<string, TarMember & { readonly offset: number }>> {
  const { size } = await archive.stat()
  const members = new Map<string, TarMember & { readonly offset: number }>()
  const block = Buffer.alloc(tarBlock)
  for (let at = 0; ;) {
    const { bytesRead } = await archive.read(block, 0, tarBlock, at)
    if (bytesRead < tarBlock) throw new Error('it ends too early')
    if (block.every((byte) => byte === 0)) return members
    const member = parseHeader(block)
    const offset = at + tarBlock
    if (offset + member.sizeBytes > size) throw new Error(`it ends within ${member.name}`)
    if (members.has(member.name)) throw new Error(`it has ${member.name} twice`)
    if (members.size === maxMembers) throw new Error(`it has more than ${maxMembers} files`)
    members.set(member.name, { ...member, offset })
    at = offset + member.sizeBytes + tarPadding(member.sizeBytes).length
  }
}

function parseHeader(block: Buffer): TarMember {
  if (Number.parseInt(text(block, 148, 8), 8) !== checksumOf(block))
    throw new Error('it is not a tar archive')
  const name = text(block, 0, 100)
  const type = text(block, 156, 1)
  if ((type !== '0' && type !== '') || text(block, 345, 155) !== '' || !isPlainName(name))
    throw new Error(`it has ${JSON.stringify(name)}, which is not a file in its top folder`)
  const sizeBytes = sizeOf(block)
  if (!Number.isSafeInteger(sizeBytes) || sizeBytes < 0) throw new Error(`${name} has no size`)
  return { name, sizeBytes }
}

function sizeOf(block: Buffer): number {
  if (block[124] === 0x80) return Number(block.readBigUInt64BE(128))
  const digits = text(block, 124, 12).trim()
  return /^[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : Number.NaN
}

/** The sum of all bytes, those of the checksum taken as blanks. */
function checksumOf(block: Buffer): number {
  let sum = 8 * 0x20
  for (const [at, byte] of block.entries()) if (at < 148 || at >= 156) sum += byte
  return sum
}

const isPlainName = (name: string): boolean => /^[A-Za-z0-9][A-Za-z0-9._+~-]{0,98}$/.test(name)

const text = (block: Buffer, offset: number, length: number): string =>
  block.toString('latin1', offset, offset + length).split('\0', 1)[0] ?? ''

const octal = (value: number, digits: number): string => value.toString(8).padStart(digits, '0')
