import { crc32 } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { encodePartitionTable, type PartitionTable, reservedSectors, sectorBytes } from './gpt.ts'

const table: PartitionTable = {
  diskGuid: '00112233-4455-8677-8899-aabbccddeeff',
  diskSectors: 8192,
  partitions: [
    {
      number: 15,
      typeGuid: 'c12a7328-f81f-11d2-ba4b-00a0c93ec93b',
      guid: '11111111-2222-8333-8444-555555555555',
      name: 'esp',
      firstSector: 2048,
      lastSector: 4095,
    },
  ],
}

/** The disk as a whole, as a reader of the table sees it. */
function disk(of: PartitionTable): Buffer {
  const bytes = Buffer.alloc(of.diskSectors * sectorBytes)
  for (const chunk of encodePartitionTable(of)) chunk.bytes.copy(bytes, chunk.sector * sectorBytes)
  return bytes
}

const sector = (bytes: Buffer, number: number, count = 1): Buffer =>
  bytes.subarray(number * sectorBytes, (number + count) * sectorBytes)

describe('a partition table', () => {
  it('X7: has a protective MBR over the whole disk', () => {
    const mbr = sector(disk(table), 0)
    expect(mbr[446 + 4]).toBe(0xee)
    expect([mbr.readUInt32LE(446 + 8), mbr.readUInt32LE(446 + 12)]).toEqual([1, 8191])
    expect(mbr.readUInt16LE(510)).toBe(0xaa55)
  })

  it.each([
    ['front', 1, 8191, 2],
    ['back', 8191, 1, 8191 - 32],
  ])(
    'X7: has a %s header that names itself, the other copy and its entries',
    (_name, own, other, entries) => {
      const bytes = disk(table)
      const header = sector(bytes, own)
      expect(header.toString('latin1', 0, 8)).toBe('EFI PART')
      expect(Number(header.readBigUInt64LE(24))).toBe(own)
      expect(Number(header.readBigUInt64LE(32))).toBe(other)
      expect(Number(header.readBigUInt64LE(72))).toBe(entries)
      expect(Number(header.readBigUInt64LE(40))).toBe(reservedSectors.front)
      expect(Number(header.readBigUInt64LE(48))).toBe(8191 - reservedSectors.back)
      expect(header.readUInt32LE(88)).toBe(crc32(sector(bytes, entries, 32)))
      const blank = Buffer.from(header.subarray(0, 92))
      blank.writeUInt32LE(0, 16)
      expect(header.readUInt32LE(16)).toBe(crc32(blank))
    },
  )

  it('X7: puts a partition in the slot of its number, with its GUIDs in the mixed byte order of the format', () => {
    const entry = sector(disk(table), 2, 32).subarray(14 * 128, 15 * 128)
    expect(entry.toString('hex', 0, 16)).toBe('28732ac11ff8d211ba4b00a0c93ec93b')
    expect(entry.toString('hex', 16, 32)).toBe('11111111222233838444555555555555')
    expect([entry.readBigUInt64LE(32), entry.readBigUInt64LE(40)]).toEqual([2048n, 4095n])
    expect(entry.toString('utf16le', 56, 62)).toBe('esp')
  })
})
