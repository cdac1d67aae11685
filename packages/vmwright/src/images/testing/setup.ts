import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ErrorCode } from '@vmwright/contract'
import { isProvisionError } from '../../lib/errors.ts'
import { Progress, type ProgressReport } from '../../lib/progress.ts'
import { realSeam, type Seam } from '../../lib/seam.ts'
import type { ImagePolicy, ImageSource, ImageSpec } from '../../spec/resolved.ts'
import type { BuildImage, ImageContext } from '../ensure.ts'
import { lockInMemory } from '../lockfile.ts'

export interface TestFolder extends AsyncDisposable {
  readonly path: string
  /** All files and links below, sorted. */
  list(): Promise<readonly string[]>
}

export async function makeTestFolder(): Promise<TestFolder> {
  const path = await mkdtemp(join(tmpdir(), 'vmwright-images-'))
  return {
    path,
    async list() {
      const entries = await readdir(path, { recursive: true, withFileTypes: true })
      return entries
        .filter((entry) => !entry.isDirectory())
        .map((entry) => join(entry.parentPath, entry.name).slice(path.length + 1))
        .toSorted()
    },
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  }
}

/** The real world with a hand-driven clock: pauses between tries take no time, and idle limits only when told. */
export function quickSeam(overrides: Partial<Seam> = {}): Seam & { readonly clock: { nowMs: number } } {
  const real = realSeam()
  const clock = { nowMs: Date.UTC(2026, 0, 1) }
  return {
    ...real,
    clock,
    nowMs: () => clock.nowMs,
    monotonicMs: () => clock.nowMs,
    async sleep(ms, signal) {
      signal?.throwIfAborted()
      if (ms < idleWatchMs) {
        clock.nowMs += ms
        return new Promise((resolve) => void setImmediate(resolve))
      }
      return new Promise((_resolve, reject) => {
        signal?.addEventListener('abort', () => reject(signal.reason as Error), { once: true })
      })
    },
    ...overrides,
  }
}

/** Sleeps of this length or more belong to those who watch something else; the pauses between tries are shorter. */
const idleWatchMs = 5_000

export const quietProgress = (
  seam: Seam = quickSeam(),
  report?: (report: ProgressReport) => void,
): Progress => new Progress(seam, report === undefined ? {} : { report })

export const defaultPolicy: ImagePolicy = {
  refresh: { kind: 'older-than', maxAgeMs: 3_600_000 },
  verifyCached: true,
  repair: false,
  allowNocloud: false,
}

export const noBuild: BuildImage = Object.assign(() => Promise.reject(new Error('nothing is to be built')), {
  inputsDigest: () => Promise.resolve('0'.repeat(64)),
})

export const contextIn = (cacheDir: string, changes: Partial<ImageContext> = {}): ImageContext => ({
  cacheDir,
  policy: defaultPolicy,
  force: false,
  lock: lockInMemory(),
  build: noBuild,
  ...changes,
})

export const imageOf = (...sources: [ImageSource, ...ImageSource[]]): ImageSpec => ({
  id: 'debian-12',
  sources,
  firmware: 'bios',
  secureBoot: false,
  machine: 'q35',
  seedBus: 'scsi',
  user: 'debian',
})

type UrlSourceSpec = Extract<ImageSource, { kind: 'url' }>

export const urlSource = (base: string, changes: Partial<UrlSourceSpec> = {}): UrlSourceSpec => ({
  kind: 'url',
  url: `${base}/{version}/disk.raw`,
  fileName: 'disk.raw',
  version: 'latest',
  checksums: { url: `${base}/{version}/SHA512SUMS`, algorithm: 'sha512' },
  pinnedDigest: undefined,
  signature: undefined,
  ...changes,
})

/** The code of the error that a promise rejects with. */
export async function codeOf(promise: Promise<unknown>): Promise<ErrorCode | 'no error' | string> {
  return promise.then(
    () => 'no error',
    (error: unknown) => (isProvisionError(error) ? error.code : String(error)),
  )
}
