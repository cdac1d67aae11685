import {
  headerBytes,
  maxPacketBytes,
  packetStatus,
  packetType,
  readHeader,
  type PacketHeader,
} from './packet.ts'
import { XdrError } from '../xdr/writer.ts'

export interface PacketSink {
  /** A complete packet; `body` is only the payload and must not be kept. */
  onPacket(header: PacketHeader, body: Buffer): void
  /** A piece of a stream's payload, in order; `left` bytes of the same packet are still to come. */
  onStreamData(header: PacketHeader, piece: Buffer, left: number): void
}

/**
 * Cuts a byte stream into packets, whatever the pieces it arrives in. Keeps a list of chunks and joins them only
 * where a packet spans several; stream payload is passed on as it comes, never copied. Throws `XdrError` at the
 * first header that cannot be: after that nothing in the byte stream means anything.
 */
export class Framer {
  readonly #sink: PacketSink
  #chunks: Buffer[] = []
  #available = 0
  #header: PacketHeader | undefined
  #streamLeft = 0

  constructor(sink: PacketSink) {
    this.#sink = sink
  }

  push(chunk: Buffer): void {
    if (chunk.length === 0) return
    this.#chunks.push(chunk)
    this.#available += chunk.length
    while (this.#step());
  }

  /** True in the middle of a packet: an end of the byte stream here is a cut. */
  get isMidPacket(): boolean {
    return this.#available > 0 || this.#header !== undefined
  }

  #step(): boolean {
    const header = this.#header
    if (header === undefined) {
      if (this.#available < headerBytes) return false
      const next = readHeader(this.#take(headerBytes))
      if (next.length < headerBytes || next.length > maxPacketBytes) {
        throw new XdrError(`a packet of ${next.length} bytes`)
      }
      this.#header = next
      this.#streamLeft = isStreamData(next) ? next.length - headerBytes : 0
      return true
    }
    if (this.#streamLeft > 0) return this.#passOn(header)
    const bodyBytes = header.length - headerBytes
    if (!isStreamData(header) && this.#available < bodyBytes) return false
    this.#header = undefined
    if (!isStreamData(header) || bodyBytes === 0)
      this.#sink.onPacket(header, this.#take(isStreamData(header) ? 0 : bodyBytes))
    return true
  }

  #passOn(header: PacketHeader): boolean {
    const first = this.#chunks[0]
    if (first === undefined) return false
    const piece = this.#take(Math.min(first.length, this.#streamLeft))
    this.#streamLeft -= piece.length
    this.#sink.onStreamData(header, piece, this.#streamLeft)
    return true
  }

  #take(size: number): Buffer {
    this.#available -= size
    const first = this.#chunks[0]
    if (first === undefined || size === 0) return Buffer.alloc(0)
    if (first.length > size) {
      this.#chunks[0] = first.subarray(size)
      return first.subarray(0, size)
    }
    if (first.length === size) {
      this.#chunks.shift()
      return first
    }
    return this.#join(size)
  }

  #join(size: number): Buffer {
    const joined = Buffer.allocUnsafe(size)
    let filled = 0
    let used = 0
    for (const chunk of this.#chunks) {
      const part = Math.min(chunk.length, size - filled)
      chunk.copy(joined, filled, 0, part)
      filled += part
      if (part < chunk.length) {
        this.#chunks[used] = chunk.subarray(part)
        break
      }
      used += 1
      if (filled === size) break
    }
    this.#chunks.splice(0, used)
    return joined
  }
}

function isStreamData(header: PacketHeader): boolean {
  return header.type === packetType.stream && header.status === packetStatus.continue
}
