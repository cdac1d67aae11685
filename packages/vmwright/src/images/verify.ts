import { isProvisionError, type ProvisionError } from '../lib/errors.ts'
import type { Progress } from '../lib/progress.ts'
import { checkEntry } from './cache-entry.ts'
import { type CacheFile, scanCache } from './scan.ts'

export type Verification =
  | { readonly kind: 'good'; readonly file: CacheFile }
  | { readonly kind: 'wrong'; readonly file: CacheFile; readonly error: ProvisionError }
  /** No record: nobody knows what it should be. */
  | { readonly kind: 'unknown'; readonly file: CacheFile }

/** Reads every image of the cache in full and compares it with its record. Changes nothing but times in records. */
export async function verifyCache(progress: Progress, cacheDir: string): Promise<readonly Verification[]> {
  const results: Verification[] = []
  for (const file of await scanCache(cacheDir)) {
    if (file.kind === 'image') results.push(await verifyFile(progress, file))
  }
  return results
}

/** One image of the cache, as `verifyCache` does. */
export async function verifyFile(progress: Progress, file: CacheFile): Promise<Verification> {
  const { record } = file
  if (record === undefined) return { kind: 'unknown', file }
  try {
    await checkEntry(progress, file.path, {
      expected: record.digest,
      name: file.fileName,
      provenance: record,
      depth: 'full',
      onMismatch: 'fail',
    })
    return { kind: 'good', file }
  } catch (error) {
    if (!isProvisionError(error)) throw error
    return { kind: 'wrong', file, error }
  }
}
