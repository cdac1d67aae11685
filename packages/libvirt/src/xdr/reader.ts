import { padded, XdrError } from './writer.ts'

/** Reads XDR from one complete packet body. Every length is checked against what is there before anything is made. */
export class XdrReader {
  /** The field being read, for error messages. */
  field = ''
  readonly #bytes: Buffer
  #offset: number

  constructor(bytes: Buffer, offset = 0) {
    this.#bytes = bytes
    this.#offset = offset
  }

  get remaining(): number {
    return this.#bytes.length - this.#offset
  }

  int(): number {
    return this.#bytes.readInt32BE(this.#take(4))
  }

  uint(): number {
    return this.#bytes.readUInt32BE(this.#take(4))
  }

  hyper(): bigint {
    return this.#bytes.readBigInt64BE(this.#take(8))
  }

  uhyper(): bigint {
    return this.#bytes.readBigUInt64BE(this.#take(8))
  }

  double(): number {
    return this.#bytes.readDoubleBE(this.#take(8))
  }

  text(maxBytes: number): string {
    const length = this.count(maxBytes, 1)
    const start = this.#take(padded(length))
    return this.#bytes.toString('utf8', start, start + length)
  }

  /** A copy, because the packet's buffer is shared with other packets and would stay alive. */
  opaque(length: number): Uint8Array {
    const start = this.#take(padded(length))
    return new Uint8Array(this.#bytes.subarray(start, start + length))
  }

  hex(length: number): string {
    const start = this.#take(length)
    return this.#bytes.toString('hex', start, start + length)
  }

  /** An element count, refused when above `max` or when that many elements cannot fit into what is left. */
  count(max: number, minBytesEach: number): number {
    const count = this.uint()
    if (count > max) throw new XdrError(`${this.field}: ${count} exceeds the limit of ${max}`)
    if (count * minBytesEach > this.remaining) {
      throw new XdrError(`${this.field}: ${count} elements announced, ${this.remaining} bytes left`)
    }
    return count
  }

  /** Refuses bytes after the end of the value: a structure that we do not know. */
  end(): void {
    if (this.remaining > 0)
      throw new XdrError(`${this.remaining} bytes more than expected after ${this.field}`)
  }

  #take(size: number): number {
    const start = this.#offset
    if (size > this.#bytes.length - start) {
      throw new XdrError(`${this.field}: ${size} bytes needed, ${this.#bytes.length - start} left`)
    }
    this.#offset = start + size
    return start
  }
}
