import { stat } from 'node:fs/promises'
import type { Progress } from '../lib/progress.ts'
import { readJson, writeDurably } from './files.ts'
import type { Digest } from './layout.ts'

/** What is known of a verified image; lies beside it as JSON. */
export interface CacheRecord {
  readonly origin: 'download' | 'build' | 'file'
  /** URL, path, or what was built. */
  readonly from: string
  readonly version: string | undefined
  readonly digest: Digest
  readonly sha256: string
  readonly format: 'qcow2' | 'raw'
  readonly sizeBytes: number
  readonly virtualSizeBytes: number
  /** With the size: what the file looked like when it was verified. Decimal, because they exceed 2^53. */
  readonly mtimeNs: string
  readonly inode: string
  readonly verifiedAt: string
}

/** `undefined` when there is none, or none that can be understood: the image is then verified anew. */
export async function readRecord(path: string): Promise<CacheRecord | undefined> {
  const value = await readJson(path)
  return isRecord(value) ? value : undefined
}

export const writeRecord = (progress: Progress, path: string, record: CacheRecord): Promise<void> =>
  writeDurably(progress, path, `${JSON.stringify(record, undefined, 2)}\n`)

export interface FileStamp {
  readonly sizeBytes: number
  readonly mtimeNs: string
  readonly inode: string
}

/** Size, mtime and inode of a file; `undefined` when it is not there or not a regular file. */
export async function stampOf(path: string): Promise<FileStamp | undefined> {
  const facts = await stat(path, { bigint: true }).catch(() => undefined)
  if (facts === undefined || !facts.isFile()) return undefined
  return { sizeBytes: Number(facts.size), mtimeNs: String(facts.mtimeNs), inode: String(facts.ino) }
}

export const isUnchanged = (record: CacheRecord, stamp: FileStamp): boolean =>
  record.sizeBytes === stamp.sizeBytes && record.mtimeNs === stamp.mtimeNs && record.inode === stamp.inode

function isRecord(value: unknown): value is CacheRecord {
  if (value === null || typeof value !== 'object') return false
  const record = value as Partial<Record<keyof CacheRecord, unknown>>
  const digest = record.digest as Partial<Digest> | undefined | null
  return (
    ['download', 'build', 'file'].includes(String(record.origin)) &&
    ['qcow2', 'raw'].includes(String(record.format)) &&
    ['from', 'sha256', 'mtimeNs', 'inode', 'verifiedAt'].every(
      (key) => typeof record[key as keyof CacheRecord] === 'string',
    ) &&
    typeof record.sizeBytes === 'number' &&
    typeof record.virtualSizeBytes === 'number' &&
    (digest?.algorithm === 'sha256' || digest?.algorithm === 'sha512') &&
    typeof digest.hex === 'string'
  )
}
