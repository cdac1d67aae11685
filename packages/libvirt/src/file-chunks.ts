import { open } from 'node:fs/promises'

/** Four stream packets of the largest size. */
const chunkBytes = 4 * 262_120

/** More than an upload has under way (1 MiB, the packet being made, the read ahead), so that none is overwritten. */
const bufferCount = 6

/**
 * A file as the source of an upload, read one chunk ahead through six buffers that are used again and again:
 * about half the processor time of `createReadStream`, whose every chunk is new memory. So a chunk is valid only
 * until five more have been taken: `upload` honours that; whoever keeps chunks copies them.
 */
export async function* fileChunks(path: string | URL): AsyncGenerator<Uint8Array> {
  const file = await open(path)
  const buffers = Array.from({ length: bufferCount }, () => Buffer.allocUnsafeSlow(chunkBytes))
  const read = (index: number) => file.read(buffers[index % bufferCount]!, 0, chunkBytes)
  let ahead = read(0)
  try {
    for (let index = 1; ; index++) {
      const { bytesRead, buffer } = await ahead
      if (bytesRead === 0) return
      ahead = read(index)
      yield buffer.subarray(0, bytesRead)
    }
  } finally {
    // A failed read has been thrown above, or nobody asks for it any more; the file must not be closed under it.
    await ahead.catch(() => undefined)
    await file.close()
  }
}
