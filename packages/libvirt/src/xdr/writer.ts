/** A value that cannot be put on the wire or taken from it; `at` is the field, as far as it is known. */
export class XdrError extends Error {
  override readonly name = 'XdrError'
}

/**
 * Writes XDR (RFC 4506): big-endian, everything padded to four bytes. One buffer that doubles; `reserve` leaves
 * room for a packet header in front, so that header and body leave in one write.
 */
export class XdrWriter {
  /** The field being written, for error messages. */
  field = ''
  #bytes: Buffer
  #length: number

  constructor(reserve = 0, capacity = 256) {
    this.#bytes = Buffer.allocUnsafe(Math.max(capacity, reserve))
    this.#length = reserve
  }

  int(value: number): void {
    if (!Number.isInteger(value) || value < -0x8000_0000 || value > 0x7fff_ffff)
      this.#refuse('a 32-bit integer', value)
    const start = this.#room(4)
    this.#bytes.writeInt32BE(value, start)
  }

  uint(value: number): void {
    if (!Number.isInteger(value) || value < 0 || value > 0xffff_ffff)
      this.#refuse('an unsigned 32-bit integer', value)
    const start = this.#room(4)
    this.#bytes.writeUInt32BE(value, start)
  }

  hyper(value: bigint): void {
    if (BigInt.asIntN(64, value) !== value) this.#refuse('a 64-bit integer', value)
    const start = this.#room(8)
    this.#bytes.writeBigInt64BE(value, start)
  }

  uhyper(value: bigint): void {
    if (BigInt.asUintN(64, value) !== value) this.#refuse('an unsigned 64-bit integer', value)
    const start = this.#room(8)
    this.#bytes.writeBigUInt64BE(value, start)
  }

  double(value: number): void {
    const start = this.#room(8)
    this.#bytes.writeDoubleBE(value, start)
  }

  text(value: string, maxBytes: number): void {
    const length = Buffer.byteLength(value)
    if (length > maxBytes) this.#refuse(`at most ${maxBytes} bytes of text`, `${length} bytes`)
    if (value.includes('\0')) this.#refuse('text without NUL', 'text with NUL')
    this.uint(length)
    const start = this.#room(padded(length))
    this.#bytes.write(value, start)
    this.#bytes.fill(0, start + length, this.#length)
  }

  opaque(value: Uint8Array): void {
    const start = this.#room(padded(value.length))
    this.#bytes.set(value, start)
    this.#bytes.fill(0, start + value.length, this.#length)
  }

  hex(digits: string): void {
    const start = this.#room(digits.length / 2)
    this.#bytes.write(digits, start, 'hex')
  }

  /** What was written, reserved bytes included; the writer must not be used afterwards. */
  finish(): Buffer {
    return this.#bytes.subarray(0, this.#length)
  }

  /** Makes room and returns where it starts. May replace the buffer: look at `#bytes` only afterwards. */
  #room(size: number): number {
    const start = this.#length
    const end = start + size
    if (end > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(end, this.#bytes.length * 2))
      this.#bytes.copy(larger, 0, 0, start)
      this.#bytes = larger
    }
    this.#length = end
    return start
  }

  #refuse(expected: string, got: unknown): never {
    throw new XdrError(`${this.field}: expected ${expected}, got ${String(got)}`)
  }
}

export function padded(length: number): number {
  return (length + 3) & ~3
}
