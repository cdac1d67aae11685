/**
 * The byte layouts of ECMA-119 (ISO 9660), SUSP 1.09 and RRIP 1.09. Byte positions in comments are the standards'
 * own, which count from 1; offsets in code count from 0. Numbers in brackets are section numbers of ECMA-119 unless
 * another standard is named.
 */

export const sectorSize = 2048
/** 6.8.2.1: at most eight levels, the root being the first; so many parts may a file's path have. */
export const isoDirectoryDepth = 8
/** Joliet Specification: a name has at most 64 characters. */
export const jolietNameUnits = 64
/** What fits beside the other fields into the 255 bytes of a directory record (9.1.1) without a continuation area. */
export const rockRidgeNameBytes = 160

export interface DirectoryRecord {
  /** The identifier as bytes; 0 for the directory itself and 1 for its parent (6.8.2.2). */
  readonly id: Uint8Array
  readonly lba: number
  readonly size: number
  readonly isDirectory: boolean
  readonly systemUse: Uint8Array
}

/** 9.1 Directory record. Its length is even (9.1.12 padding field; SUSP 4.1 wants the same of the system use area). */
export function directoryRecord(record: DirectoryRecord): Uint8Array {
  const bytes = new Uint8Array(directoryRecordLength(record.id.length, record.systemUse.length))
  bytes[0] = bytes.length // BP 1 (9.1.1); BP 2 extended attribute record length 0 (9.1.2)
  setBoth32(bytes, 2, record.lba) // BP 3-10 location of extent (9.1.3)
  setBoth32(bytes, 10, record.size) // BP 11-18 data length (9.1.4)
  bytes.set(recordingDate, 18) // BP 19-25 (9.1.5)
  bytes[25] = record.isDirectory ? 0x02 : 0 // BP 26 file flags, bit 1 directory (9.1.6)
  setBoth16(bytes, 28, 1) // BP 29-32 volume sequence number (9.1.9); BP 27, 28 not interleaved
  bytes[32] = record.id.length // BP 33 (9.1.10)
  bytes.set(record.id, 33) // BP 34… (9.1.11)
  bytes.set(record.systemUse, padToEven(33 + record.id.length)) // (9.1.13)
  return bytes
}

export const directoryRecordLength = (idLength: number, systemUseLength: number): number =>
  padToEven(padToEven(33 + idLength) + systemUseLength)

export interface PathTableRecord {
  readonly id: Uint8Array
  readonly lba: number
  /** Position of the parent in the path table, from 1; the root is its own parent. */
  readonly parent: number
}

/** 9.4 Path table record; `littleEndian` for the type L table (6.9.1), else type M (6.9.2). */
export function pathTableRecord(record: PathTableRecord, littleEndian: boolean): Uint8Array {
  const bytes = new Uint8Array(pathTableRecordLength(record.id.length))
  const view = new DataView(bytes.buffer)
  bytes[0] = record.id.length // BP 1 (9.4.1); BP 2 extended attribute record length 0 (9.4.2)
  view.setUint32(2, record.lba, littleEndian) // BP 3-6 (9.4.3)
  view.setUint16(6, record.parent, littleEndian) // BP 7-8 (9.4.4)
  bytes.set(record.id, 8) // BP 9… (9.4.5), padded to even (9.4.6)
  return bytes
}

export const pathTableRecordLength = (idLength: number): number => padToEven(8 + idLength)

export interface VolumeDescriptor {
  readonly joliet: boolean
  readonly label: Uint8Array
  readonly sectors: number
  readonly pathTableSize: number
  readonly littleTable: number
  readonly bigTable: number
  readonly rootRecord: Uint8Array
}

/** 8.4 Primary volume descriptor, or 8.5 supplementary volume descriptor when it is for Joliet. */
export function volumeDescriptor(volume: VolumeDescriptor): Uint8Array {
  const bytes = new Uint8Array(sectorSize)
  const view = new DataView(bytes.buffer)
  const space = volume.joliet ? [0x00, 0x20] : [0x20]
  const fillSpaces = (from: number, to: number): void => {
    for (let at = from; at < to; at++) bytes[at] = space[(at - from) % space.length] ?? 0
  }
  bytes[0] = volume.joliet ? 2 : 1 // BP 1 type (8.4.1, 8.5.1)
  bytes.set(standardIdentifier, 1) // BP 2-6 `CD001`, BP 7 version 1 (8.4.2, 8.4.3)
  fillSpaces(8, 40) // BP 9-40 system identifier (8.4.5)
  fillSpaces(40, 72) // BP 41-72 volume identifier (8.4.6)
  bytes.set(volume.label.subarray(0, 32), 40)
  setBoth32(bytes, 80, volume.sectors) // BP 81-88 volume space size (8.4.8)
  if (volume.joliet) bytes.set([0x25, 0x2f, 0x45], 88) // BP 89-120 escape sequence `%/E`: UCS-2 level 3 (8.5.6)
  setBoth16(bytes, 120, 1) // BP 121-124 volume set size (8.4.10)
  setBoth16(bytes, 124, 1) // BP 125-128 volume sequence number (8.4.11)
  setBoth16(bytes, 128, sectorSize) // BP 129-132 logical block size (8.4.12)
  setBoth32(bytes, 132, volume.pathTableSize) // BP 133-140 (8.4.13)
  view.setUint32(140, volume.littleTable, true) // BP 141-144 type L path table (8.4.14); BP 145-148 optional one: none
  view.setUint32(148, volume.bigTable, false) // BP 149-152 type M path table (8.4.16); BP 153-156 optional one: none
  bytes.set(volume.rootRecord, 156) // BP 157-190 directory record of the root (8.4.18)
  fillSpaces(190, 702) // BP 191-702 volume set, publisher, preparer, application identifiers (8.4.19-8.4.22)
  fillSpaces(702, 813) // BP 703-813 copyright, abstract and bibliographic files: none (8.4.23-8.4.25)
  for (const at of [813, 830]) bytes.set(volumeDate, at) // BP 814-847 creation and modification (8.4.26, 8.4.27)
  for (const at of [847, 864]) bytes.set(noDate, at) // BP 848-881 expiration and effective: not given (8.4.28, 8.4.29)
  bytes[881] = 1 // BP 882 file structure version (8.4.31)
  return bytes
}

/** 8.3 Volume descriptor set terminator. */
export function terminator(): Uint8Array {
  const bytes = new Uint8Array(sectorSize)
  bytes[0] = 255
  bytes.set(standardIdentifier, 1)
  return bytes
}

/** RRIP 4.1.1 PX and 4.1.4 NM for a named entry: read-only for all, owned by root. */
export function rockRidge(kind: 'file' | 'directory', name: string): Uint8Array {
  const bytes = new TextEncoder().encode(name)
  return concat(posixAttributes(kind), susp('NM', Uint8Array.of(0), bytes))
}

/**
 * System use fields of the root's record for itself: SUSP 5.3 SP (check bytes BE EF, nothing to skip), PX, and
 * SUSP 5.5 ER naming RRIP_1991A. The description and source of ER are left empty so that no continuation area is
 * needed.
 */
export const rockRidgeRoot = (): Uint8Array =>
  concat(
    susp('SP', Uint8Array.of(0xbe, 0xef, 0)),
    posixAttributes('directory'),
    susp('ER', Uint8Array.of(10, 0, 0, 1), new TextEncoder().encode('RRIP_1991A')),
  )

/** RRIP 4.1.1 PX: mode, links, user, group, each in both byte orders. */
export function posixAttributes(kind: 'file' | 'directory'): Uint8Array {
  const data = new Uint8Array(32)
  setBoth32(data, 0, kind === 'directory' ? 0o040555 : 0o100444)
  setBoth32(data, 8, kind === 'directory' ? 2 : 1)
  return susp('PX', data)
}

/** SUSP 4.1: signature, length, version 1, data. */
function susp(signature: string, ...data: readonly Uint8Array[]): Uint8Array {
  const body = concat(...data)
  return concat(Uint8Array.of(signature.charCodeAt(0), signature.charCodeAt(1), body.length + 4, 1), body)
}

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}

const padToEven = (length: number): number => length + (length % 2)

/** `CD001` and the version of the volume descriptor. */
const standardIdentifier = Uint8Array.of(0x43, 0x44, 0x30, 0x30, 0x31, 1)
/** 9.1.5: years since 1900, month, day, hour, minute, second, zone: 2000-01-01 00:00:00 UTC in every image. */
const recordingDate = Uint8Array.of(100, 1, 1, 0, 0, 0, 0)
/** 8.4.26.1: sixteen digits and the zone. */
const volumeDate = concat(new TextEncoder().encode('2000010100000000'), Uint8Array.of(0))
const noDate = concat(new TextEncoder().encode('0'.repeat(16)), Uint8Array.of(0))

/** 7.3.3: little endian, then big endian. */
function setBoth32(bytes: Uint8Array, offset: number, value: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset)
  view.setUint32(offset, value, true)
  view.setUint32(offset + 4, value, false)
}

/** 7.2.3: little endian, then big endian. */
function setBoth16(bytes: Uint8Array, offset: number, value: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset)
  view.setUint16(offset, value, true)
  view.setUint16(offset + 2, value, false)
}
