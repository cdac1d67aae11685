/**
 * The beginning of a QEMU migration stream that was written with `x-ignore-shared`, that is without the memory that lies
 * in a shared file (`migration/savevm.c`, `migration/ram.c` of QEMU 7.2). Numbers are big-endian, `str8` is a byte of
 * length and that many characters:
 *
 * ```
 * "QEVM"  u32 3
 * u8 7 (configuration)  u32 length  machine type
 *   u8 5 (subsection)  str8 "configuration/capabilities"  u32 1  u32 count  count × str8      what both sides must have on
 * u8 1 (section start)  u32 id  str8 "ram"  u32 instance  u32 version
 *   u64 total | 4   then until all blocks together have the total size: str8 block  u64 size  u64 address
 *   u64 16 (end)
 * ```
 *
 * A fork maps that file privately, which is not shared memory to QEMU, and nobody can switch a capability on before
 * libvirt has QEMU read the stream. So the stream is made one without the capability: its name and the addresses are
 * taken out. The fork's memory has another name than the one that libvirt gives, since libvirt makes one of its own too.
 */
export interface SharedStream {
  /** What takes the place of the first `consumed` bytes. */
  readonly head: Uint8Array
  readonly consumed: number
  /** Of the memory that is in the file. */
  readonly sizeBytes: number
}

/** Throws an `Error` that says where the stream is not as it should be. */
export function asPrivateStream(
  stream: Uint8Array,
  block: { readonly from: string; readonly to: string },
): SharedStream {
  const reader = new Reader(stream)
  const kept: Uint8Array[] = []
  const keep = (from: number): void => void kept.push(stream.subarray(from, reader.at))

  reader.expect([0x51, 0x45, 0x56, 0x4d, 0, 0, 0, 3], 'its first bytes')
  reader.expect([7], 'its configuration')
  reader.skip(reader.u32())
  keep(0)
  while (reader.peek() === 5) takeSubsection(reader, keep)

  const ram = reader.at
  reader.expect([1], 'the section of the memory')
  reader.skip(4)
  if (reader.str8() !== 'ram') throw new Error('its first section is not that of the memory')
  reader.skip(8)
  const total = reader.u64()
  if ((total & 7n) !== 4n) throw new Error('the section of the memory does not begin with its size')
  keep(ram)

  let left = total & ~0xfffn
  let sizeBytes: number | undefined
  while (left > 0n) {
    const name = reader.str8()
    const size = reader.u64()
    reader.skip(8)
    if (size === 0n || size > left) throw new Error(`the size of its memory ${name} is wrong`)
    left -= size
    const isFile = name === block.from
    if (isFile) sizeBytes = Number(size)
    kept.push(blockEntry(isFile ? block.to : name, size))
  }
  if (sizeBytes === undefined) throw new Error(`it has no memory named ${block.from}`)
  const end = reader.at
  if (reader.u64() !== 16n) throw new Error('the list of its memory does not end where it should')
  keep(end)
  return { head: joined(kept), consumed: reader.at, sizeBytes }
}

/** Leaves the capabilities out, of which there may be none but the one that is taken away. */
function takeSubsection(reader: Reader, keep: (from: number) => void): void {
  const from = reader.at
  reader.expect([5], 'a part of its configuration')
  const name = reader.str8()
  if (reader.u32() !== 1) throw new Error(`its part ${name} is of an unknown version`)
  if (name === 'configuration/capabilities') {
    for (let count = reader.u32(); count > 0; count--) {
      const capability = reader.str8()
      if (capability !== 'x-ignore-shared') throw new Error(`it was written with ${capability}`)
    }
    return
  }
  if (name !== 'configuration/target-page-bits') throw new Error(`its part ${name} is not known`)
  reader.skip(4)
  keep(from)
}

function blockEntry(name: string, size: bigint): Uint8Array {
  const text = new TextEncoder().encode(name)
  const bytes = new Uint8Array(1 + text.length + 8)
  bytes[0] = text.length
  bytes.set(text, 1)
  new DataView(bytes.buffer).setBigUint64(1 + text.length, size)
  return bytes
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}

class Reader {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  peek(): number | undefined {
    return this.#bytes[this.at]
  }

  skip(count: number): number {
    const from = this.at
    if (from + count > this.#bytes.length) throw new Error('it ends too early')
    this.at += count
    return from
  }

  u32(): number {
    return this.#view.getUint32(this.skip(4))
  }

  u64(): bigint {
    return this.#view.getBigUint64(this.skip(8))
  }

  str8(): string {
    const length = this.#view.getUint8(this.skip(1))
    const from = this.skip(length)
    return new TextDecoder('latin1').decode(this.#bytes.subarray(from, from + length))
  }

  expect(bytes: readonly number[], what: string): void {
    const from = this.skip(bytes.length)
    if (bytes.some((byte, index) => this.#bytes[from + index] !== byte))
      throw new Error(`${what} are not those of a stream that is known`)
  }
}
