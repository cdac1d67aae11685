import { crc32 } from 'node:zlib'

/** Cloud images have 512-byte sectors: what BIOS, UEFI and every virtual disk agree on. */
export const sectorBytes = 512

export interface Partition {
  /** The slot in the table, counted from 1. It decides the device name (`vda15`), not the place on the disk. */
  readonly number: number
  readonly typeGuid: string
  readonly guid: string
  readonly name: string
  readonly firstSector: number
  readonly lastSector: number
}

export interface PartitionTable {
  readonly diskGuid: string
  readonly diskSectors: number
  readonly partitions: readonly Partition[]
}

/** Bytes to write, and where: `sector` counts from the start of the disk. */
export interface DiskChunk {
  readonly sector: number
  readonly bytes: Buffer
}

const entryBytes = 128
const entryCount = 128
const arraySectors = (entryBytes * entryCount) / sectorBytes

/** First sector that a partition may use, and how many at the end of the disk it may not. */
export const reservedSectors = { front: 2 + arraySectors, back: 1 + arraySectors } as const

/**
 * A GUID partition table with its protective MBR: the front copy and the back copy, as UEFI 2.10 chapter 5
 * lays them out. Written here rather than with `sfdisk`, because seventy lines need no program on the host and
 * the same table gives the same bytes whatever version of util-linux is there.
 */
export function encodePartitionTable(table: PartitionTable): readonly DiskChunk[] {
  const lastSector = table.diskSectors - 1
  const entries = encodeEntries(table.partitions)
  const back = lastSector - arraySectors
  const header = (own: number, other: number, arraySector: number): Buffer =>
    encodeHeader(table, { own, other, arraySector, entries })
  return [
    {
      sector: 0,
      bytes: Buffer.concat([protectiveMbr(table.diskSectors), header(1, lastSector, 2), entries]),
    },
    { sector: back, bytes: Buffer.concat([entries, header(lastSector, 1, back)]) },
  ]
}

/** UEFI 2.10, 5.2.3: one partition of type 0xEE over the whole disk, so that old tools keep their hands off. */
function protectiveMbr(diskSectors: number): Buffer {
  const mbr = Buffer.alloc(sectorBytes)
  mbr.set([0x00, 0x00, 0x02, 0x00, 0xee, 0xff, 0xff, 0xff], 446)
  mbr.writeUInt32LE(1, 446 + 8)
  mbr.writeUInt32LE(Math.min(diskSectors - 1, 0xffff_ffff), 446 + 12)
  mbr.writeUInt16LE(0xaa55, 510)
  return mbr
}

interface HeaderPlace {
  readonly own: number
  readonly other: number
  readonly arraySector: number
  readonly entries: Buffer
}

/** UEFI 2.10, 5.3.2, table 5.5. The header's own checksum is taken with its field at zero. */
function encodeHeader(table: PartitionTable, place: HeaderPlace): Buffer {
  const headerBytes = 92
  const header = Buffer.alloc(sectorBytes)
  header.write('EFI PART', 0, 'latin1')
  header.writeUInt32LE(0x0001_0000, 8)
  header.writeUInt32LE(headerBytes, 12)
  header.writeBigUInt64LE(BigInt(place.own), 24)
  header.writeBigUInt64LE(BigInt(place.other), 32)
  header.writeBigUInt64LE(BigInt(reservedSectors.front), 40)
  header.writeBigUInt64LE(BigInt(table.diskSectors - 1 - reservedSectors.back), 48)
  encodeGuid(table.diskGuid).copy(header, 56)
  header.writeBigUInt64LE(BigInt(place.arraySector), 72)
  header.writeUInt32LE(entryCount, 80)
  header.writeUInt32LE(entryBytes, 84)
  header.writeUInt32LE(crc32(place.entries), 88)
  header.writeUInt32LE(crc32(header.subarray(0, headerBytes)), 16)
  return header
}

/** UEFI 2.10, 5.3.3, table 5.6. */
function encodeEntries(partitions: readonly Partition[]): Buffer {
  const array = Buffer.alloc(entryBytes * entryCount)
  for (const partition of partitions) {
    const entry = array.subarray((partition.number - 1) * entryBytes, partition.number * entryBytes)
    encodeGuid(partition.typeGuid).copy(entry, 0)
    encodeGuid(partition.guid).copy(entry, 16)
    entry.writeBigUInt64LE(BigInt(partition.firstSector), 32)
    entry.writeBigUInt64LE(BigInt(partition.lastSector), 40)
    entry.write(partition.name.slice(0, 36), 56, 'utf16le')
  }
  return array
}

/** GUIDs on disk have their first three groups little-endian and the last two as written. */
function encodeGuid(guid: string): Buffer {
  const bytes = Buffer.from(guid.replaceAll('-', ''), 'hex')
  bytes.subarray(0, 4).reverse()
  bytes.subarray(4, 6).reverse()
  bytes.subarray(6, 8).reverse()
  return bytes
}
