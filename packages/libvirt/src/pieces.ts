/** A packet's payload: consecutive pieces of the source, not copied. */
export interface Batch {
  readonly pieces: readonly Uint8Array[]
  readonly bytes: number
}

/** Groups a source's chunks into payloads of `size` bytes; only the last one is smaller. Copies nothing. */
export async function* batches(chunks: AsyncIterable<Uint8Array>, size: number): AsyncGenerator<Batch> {
  let pieces: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of chunks) {
    let rest = chunk
    while (bytes + rest.length >= size) {
      const room = size - bytes
      yield { pieces: [...pieces, rest.subarray(0, room)], bytes: size }
      rest = rest.subarray(room)
      pieces = []
      bytes = 0
    }
    if (rest.length > 0) pieces.push(rest)
    bytes += rest.length
  }
  if (bytes > 0) yield { pieces, bytes }
}

/** A single chunk as a source. */
export async function* once(chunk: Uint8Array): AsyncGenerator<Uint8Array> {
  yield chunk
}
