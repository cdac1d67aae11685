import { acquireExclusive } from '../lib/exclusive.ts'
import { ProvisionError } from '../lib/errors.ts'
import { canonicalJson } from '../lib/hash.ts'
import type { Progress } from '../lib/progress.ts'
import { readFile } from 'node:fs/promises'
import { writeDurably } from './files.ts'
import { type Digest, parseDigest } from './layout.ts'

/** What an image was when it was first used. */
export interface Pin {
  readonly digest: Digest
  /** The version directory asked for. */
  readonly version: string
}

/**
 * `vmwright.lock.json` beside the spec: which content each image had, so that another machine, or next year, gets
 * the same. Keep it under version control. Form, keys sorted:
 *
 * ```json
 * { "version": 1,
 *   "images": { "debian-12": { "https://…/debian-12.qcow2": { "digest": "sha512:…", "version": "20240717-1811" } } } }
 * ```
 */
export interface LockFile {
  get(id: string, url: string): Pin | undefined
  /** Writes at once, if anything changes. What other processes wrote meanwhile stays. */
  set(progress: Progress, id: string, url: string, pin: Pin): Promise<void>
}

type Pins = ReadonlyMap<string, ReadonlyMap<string, Pin>>

/** Reads the lock file; a missing one is empty. Throws `image.pin-conflict` when it cannot be understood. */
export async function openLockFile(path: string): Promise<LockFile> {
  let pins = await readPins(path)
  return {
    get: (id, url) => pins.get(id)?.get(url),
    async set(progress, id, url, pin) {
      const known = pins.get(id)?.get(url)
      if (known !== undefined && canonicalJson(known) === canonicalJson(pin)) return
      await using _lock = await acquireExclusive(progress, `lock file ${path}`, `recording image ${id}`)
      const fresh = await readPins(path)
      pins = new Map([...fresh, [id, new Map([...(fresh.get(id) ?? []), [url, pin]])]])
      await writeDurably(progress, path, format(pins))
    },
  }
}

/** For specs that are not kept: pins live as long as the object. */
export function lockInMemory(): LockFile {
  const pins = new Map<string, Pin>()
  return {
    get: (id, url) => pins.get(`${id} ${url}`),
    async set(_progress, id, url, pin) {
      pins.set(`${id} ${url}`, pin)
    },
  }
}

function format(pins: Pins): string {
  const images = Object.fromEntries(
    [...pins]
      .toSorted(byKey)
      .map(([id, urls]) => [
        id,
        Object.fromEntries(
          [...urls]
            .toSorted(byKey)
            .map(([url, { digest, version }]) => [
              url,
              { digest: `${digest.algorithm}:${digest.hex}`, version },
            ]),
        ),
      ]),
  )
  return `${JSON.stringify({ version: 1, images }, undefined, 2)}\n`
}

const byKey = (a: readonly [string, unknown], b: readonly [string, unknown]): number => (a[0] < b[0] ? -1 : 1)

async function readPins(path: string): Promise<Pins> {
  const text = await readFile(path, 'utf8').catch(() => undefined)
  if (text === undefined) return new Map()
  try {
    return parsePins(JSON.parse(text))
  } catch (cause) {
    throw new ProvisionError('image.pin-conflict', {
      message: `The lock file ${path} cannot be understood.`,
      hint: 'Restore it from version control, or remove it to pin anew.',
      details: { path },
      cause,
    })
  }
}

function parsePins(document: unknown): Pins {
  const { version, images } = objectOf(document)
  if (version !== 1) throw new Error('version is not 1')
  return new Map(
    Object.entries(objectOf(images)).map(([id, urls]) => [
      id,
      new Map(Object.entries(objectOf(urls)).map(([url, pin]) => [url, parsePin(objectOf(pin))])),
    ]),
  )
}

function parsePin(pin: Readonly<Record<string, unknown>>): Pin {
  const digest = typeof pin['digest'] === 'string' ? parseDigest(pin['digest']) : undefined
  if (digest === undefined || typeof pin['version'] !== 'string')
    throw new Error('a pin has no digest or version')
  return { digest, version: pin['version'] }
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) throw new Error('not an object')
  return value as Readonly<Record<string, unknown>>
}
