import { type FileHandle, open, stat, writeFile } from 'node:fs/promises'
import type { Progress } from '../lib/progress.ts'
import { type Digests, hashFile, makeHasher } from './digest.ts'
import { changeFile, readJson, removeFile, writeDurably } from './files.ts'
import { type Digest, partialNotePath, partialPath } from './layout.ts'

/** What a partial file is a part of. */
export interface PartialNote {
  readonly url: string
  readonly digest: Digest
  /** A strong ETag, else Last-Modified: the condition under which the server may continue (RFC 9110, If-Range). */
  readonly validator: string | undefined
}

/**
 * The file that a download grows, with the hash over what is there. A beginning that an earlier run left is taken
 * over if its note says that it belongs to `wanted`. Close it after use.
 */
export async function openPartial(
  progress: Progress,
  imagePath: string,
  wanted: Pick<PartialNote, 'url' | 'digest'>,
): Promise<Partial> {
  const path = partialPath(imagePath)
  const isThere = (await stat(path).catch(() => undefined)) !== undefined
  const note = isThere ? await readNote(partialNotePath(imagePath), wanted) : undefined
  if (note === undefined) await changeFile(progress, 'create', path, () => writeFile(path, ''))
  const handle = await open(path, 'r+')
  const partial = new Partial(imagePath, handle, wanted, note?.validator)
  try {
    await partial.readBeginning(progress)
    return partial
  } catch (error) {
    await handle.close()
    throw error
  }
}

/** Removes what an unfinished download left. */
export async function dropPartial(progress: Progress, imagePath: string): Promise<void> {
  for (const leftover of [partialPath(imagePath), partialNotePath(imagePath)]) {
    if ((await stat(leftover).catch(() => undefined)) !== undefined) await removeFile(progress, leftover)
  }
}

export class Partial {
  readonly path: string
  readonly #notePath: string
  readonly #handle: FileHandle
  readonly #wanted: Pick<PartialNote, 'url' | 'digest'>
  #validator: string | undefined
  #hasher
  #offset = 0

  constructor(
    imagePath: string,
    handle: FileHandle,
    wanted: Pick<PartialNote, 'url' | 'digest'>,
    validator: string | undefined,
  ) {
    this.path = partialPath(imagePath)
    this.#notePath = partialNotePath(imagePath)
    this.#handle = handle
    this.#wanted = wanted
    this.#validator = validator
    this.#hasher = makeHasher(wanted.digest.algorithm)
  }

  /** Bytes there. */
  get offset(): number {
    return this.#offset
  }

  get validator(): string | undefined {
    return this.#validator
  }

  async readBeginning(progress: Progress): Promise<void> {
    this.#offset = await hashFile(progress, this.path, this.#hasher)
  }

  /** Empties the file, then notes what will be written: in this order no beginning has the wrong note. */
  async startOver(progress: Progress, validator: string | undefined): Promise<void> {
    await changeFile(progress, 'truncate', this.path, () => this.#handle.truncate(0))
    this.#offset = 0
    this.#hasher = makeHasher(this.#wanted.digest.algorithm)
    this.#validator = validator
    const note: PartialNote = { url: this.#wanted.url, digest: this.#wanted.digest, validator }
    await writeDurably(progress, this.#notePath, `${JSON.stringify(note)}\n`)
  }

  /** Part of a `file.append` effect of the caller, which covers a whole response. */
  async append(chunk: Uint8Array): Promise<void> {
    for (let written = 0; written < chunk.length;) {
      const { bytesWritten } = await this.#handle.write(
        chunk,
        written,
        chunk.length - written,
        this.#offset + written,
      )
      written += bytesWritten
    }
    this.#hasher.update(chunk)
    this.#offset += chunk.length
  }

  /** Flushes the file and ends the hash: nothing can be appended afterwards, but it can be started over. */
  async finish(progress: Progress): Promise<Digests> {
    await changeFile(progress, 'sync', this.path, () => this.#handle.sync())
    return this.#hasher.finish()
  }

  async close(): Promise<void> {
    await this.#handle.close()
  }
}

async function readNote(
  path: string,
  wanted: Pick<PartialNote, 'url' | 'digest'>,
): Promise<Pick<PartialNote, 'validator'> | undefined> {
  const note = (await readJson(path)) as
    | { readonly url?: unknown; readonly digest?: { readonly hex?: unknown }; readonly validator?: unknown }
    | undefined
    | null
  if (note?.url !== wanted.url || note.digest?.hex !== wanted.digest.hex) return undefined
  return { validator: typeof note.validator === 'string' ? note.validator : undefined }
}
