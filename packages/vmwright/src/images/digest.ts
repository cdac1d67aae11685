import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import type { Progress } from '../lib/progress.ts'
import { MiB } from '../lib/units.ts'
import type { Digest } from './layout.ts'

/** SHA-256 is always taken: hosts name images by it. The publisher's algorithm may be another. */
export interface Digests {
  readonly sha256: string
  readonly digest: Digest
}

export interface Hasher {
  update(data: Uint8Array): void
  finish(): Digests
}

export function makeHasher(algorithm: Digest['algorithm']): Hasher {
  const sha256 = createHash('sha256')
  const other = algorithm === 'sha256' ? undefined : createHash(algorithm)
  return {
    update(data) {
      sha256.update(data)
      other?.update(data)
    },
    finish() {
      const hex = sha256.digest('hex')
      return { sha256: hex, digest: { algorithm, hex: other?.digest('hex') ?? hex } }
    },
  }
}

/** Feeds the first `bytes` of a file (all of it by default) to a hasher. Returns how many there were. */
export async function hashFile(
  progress: Progress,
  path: string,
  hasher: Hasher,
  bytes = Number.POSITIVE_INFINITY,
): Promise<number> {
  await using handle = await open(path, 'r')
  const total = Math.min(bytes, (await handle.stat()).size)
  const buffer = Buffer.allocUnsafe(MiB)
  let done = 0
  for (;;) {
    progress.check()
    const { bytesRead } = await handle.read(buffer, 0, Math.min(buffer.length, bytes - done), done)
    if (bytesRead === 0) return done
    hasher.update(buffer.subarray(0, bytesRead))
    done += bytesRead
    if (done % (64 * MiB) === 0) progress.report({ what: `checking ${path}`, done, total, unit: 'bytes' })
  }
}
