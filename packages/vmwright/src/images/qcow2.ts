import type { Inspection } from './inspect.ts'
import { GiB } from '../lib/units.ts'

/** The beginning of a qcow, qcow2 or qcow3 file. */
export const isQcow = (head: Uint8Array): boolean =>
  head[0] === 0x51 && head[1] === 0x46 && head[2] === 0x49 && head[3] === 0xfb

/** Limits of QEMU's own (block/qcow2.h), and our bound on what a guest may be told that it has. */
const maxVirtualBytes = 64n * 1024n * BigInt(GiB)
const maxL1Bytes = 32n * 1024n * 1024n
const maxRefcountTableBytes = 8n * 1024n * 1024n
const maxSnapshots = 65_536
const smallestV3Header = 104

/** Incompatible features, by bit; the others are unknown to us. */
const incompatible = {
  dirty: 1n << 0n,
  corrupt: 1n << 1n,
  externalData: 1n << 2n,
  compression: 1n << 3n,
  extendedL2: 1n << 4n,
}
const known =
  incompatible.dirty |
  incompatible.corrupt |
  incompatible.externalData |
  incompatible.compression |
  incompatible.extendedL2

/** Header extensions that make an image reach outside itself, or unreadable to us. */
const refusedExtensions: ReadonlyMap<number, string> = new Map([
  [0xe2792aca, 'it has a backing file'],
  [0x44415441, 'it keeps its data in another file'],
  [0x0537be77, 'it is encrypted'],
])

const standalone = 'Make it stand alone on a machine you trust: qemu-img convert -f qcow2 -O qcow2 IN OUT.'

/**
 * Checks a qcow2 header (versions 2 and 3, layout in QEMU's docs/interop/qcow2) against everything that reaches
 * outside the file, that QEMU would have to repair, or that points beyond the file's end.
 */
export function inspectQcow2(head: Uint8Array, fileBytes: number): Inspection {
  const reason = reasonAgainst(head, BigInt(fileBytes))
  if (reason !== undefined) return { kind: 'refused', ...reason }
  return { kind: 'accepted', format: 'qcow2', virtualSizeBytes: Number(view(head).getBigUint64(24)) }
}

interface Reason {
  readonly reason: string
  readonly hint: string | undefined
}

const because = (reason: string, hint?: string): Reason => ({ reason, hint })

function reasonAgainst(head: Uint8Array, fileBytes: bigint): Reason | undefined {
  if (head.length < 72) return because('its header is cut')
  const header = view(head)
  const version = header.getUint32(4)
  if (version === 1)
    return because('it is a qcow image of version 1', 'Convert it: qemu-img convert -f qcow -O qcow2 IN OUT.')
  if (version !== 2 && version !== 3) return because(`its header has the unknown version ${version}`)
  if (header.getBigUint64(8) !== 0n || header.getUint32(16) !== 0)
    return because('it has a backing file', standalone)
  if (header.getUint32(32) !== 0) return because('it is encrypted', standalone)
  return (
    reasonAgainstFeatures(head, version) ??
    reasonAgainstTables(header, version, fileBytes) ??
    reasonAgainstExtensions(head, version)
  )
}

function reasonAgainstFeatures(head: Uint8Array, version: number): Reason | undefined {
  if (version === 2) return undefined
  if (head.length < smallestV3Header) return because('its header is cut')
  const header = view(head)
  const features = header.getBigUint64(72)
  if ((features & incompatible.externalData) !== 0n)
    return because('it keeps its data in another file', standalone)
  if ((features & incompatible.corrupt) !== 0n)
    return because('it is marked as corrupt', 'Check it with qemu-img check, or get it anew.')
  if ((features & incompatible.dirty) !== 0n) {
    return because(
      'it was not closed properly, or is in use',
      'Stop its user, then run: qemu-img check -r all FILE.',
    )
  }
  if ((features & ~known) !== 0n)
    return because('it needs features of qcow2 that are not known here', standalone)
  const length = header.getUint32(100)
  const clusterBytes = 2 ** header.getUint32(20)
  if (length < smallestV3Header || length % 8 !== 0 || length > clusterBytes) {
    return because(`its header has the impossible length ${length}`)
  }
  if (header.getUint32(96) > 6) return because('its reference counts are too wide')
  const compression = length > smallestV3Header ? (head[smallestV3Header] ?? 0) : 0
  const isMarked = (features & incompatible.compression) !== 0n
  if (compression > 1 || isMarked !== (compression !== 0))
    return because('its compression is not known here', standalone)
  return undefined
}

/** Every table that the header names lies on a cluster, inside the file, and has a size that makes sense. */
function reasonAgainstTables(header: DataView, version: number, fileBytes: bigint): Reason | undefined {
  const clusterBits = header.getUint32(20)
  if (clusterBits < 9 || clusterBits > 21) return because('its cluster size is impossible')
  const cluster = 1n << BigInt(clusterBits)
  const virtualBytes = header.getBigUint64(24)
  if (virtualBytes === 0n) return because('its disk has no bytes')
  if (virtualBytes > maxVirtualBytes) return because('its disk is larger than 64 TiB')

  const hasExtendedL2 = version === 3 && (header.getBigUint64(72) & incompatible.extendedL2) !== 0n
  if (hasExtendedL2 && clusterBits < 14) return because('its clusters are too small for its extended tables')
  const perTable = cluster / (hasExtendedL2 ? 16n : 8n)
  const l1Entries = BigInt(header.getUint32(36))
  if (l1Entries * 8n > maxL1Bytes) return because('its L1 table is too large')
  if (l1Entries * perTable * cluster < virtualBytes) return because('its L1 table is too small for its disk')

  const refcountBytes = BigInt(header.getUint32(56)) * cluster
  if (refcountBytes === 0n || refcountBytes > maxRefcountTableBytes)
    return because('its refcount table has an impossible size')
  const snapshots = header.getUint32(60)
  if (snapshots > maxSnapshots) return because('it has too many snapshots')
  // A snapshot's entry has 40 bytes at least.
  const tables: readonly (readonly [string, bigint, bigint])[] = [
    ['L1 table', header.getBigUint64(40), l1Entries * 8n],
    ['refcount table', header.getBigUint64(48), refcountBytes],
    ...(snapshots > 0 ? [['snapshot table', header.getBigUint64(64), BigInt(snapshots) * 40n] as const] : []),
  ]
  for (const [name, offset, bytes] of tables) {
    if (offset < cluster || offset % cluster !== 0n) return because(`its ${name} is at an impossible place`)
    if (offset + bytes > fileBytes)
      return because(`its ${name} lies beyond the end of the file; it may be cut`)
  }
  return undefined
}

/** Extensions follow the header: type, length, data padded to 8 bytes; they end with type 0 or the first cluster. */
function reasonAgainstExtensions(head: Uint8Array, version: number): Reason | undefined {
  const header = view(head)
  const end = Math.min(head.length, 2 ** header.getUint32(20))
  let offset = version === 2 ? 72 : header.getUint32(100)
  while (offset + 8 <= end) {
    const type = header.getUint32(offset)
    const length = header.getUint32(offset + 4)
    if (type === 0) return undefined
    const refusal = refusedExtensions.get(type)
    if (refusal !== undefined) return because(refusal, standalone)
    offset += 8 + Math.ceil(length / 8) * 8
    if (offset > end) return because('it has a header extension that lies beyond the header')
  }
  return offset >= 2 ** header.getUint32(20) ? undefined : because('its header extensions have no end')
}

const view = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
