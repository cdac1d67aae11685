import type { XdrReader } from './reader.ts'
import { XdrError, type XdrWriter } from './writer.ts'

/**
 * One XDR type: how to write and read it, and (by inference) its TypeScript type.
 * `minBytes` is the least it takes on the wire, so that a list's length can be refused before it is read.
 */
export interface Codec<T> {
  readonly minBytes: number
  encode(writer: XdrWriter, value: T): void
  decode(reader: XdrReader): T
}

export type ValueOf<C> = C extends Codec<infer T> ? T : never
export type Fields = Readonly<Record<string, Codec<unknown>>>
export type StructOf<F extends Fields> = { readonly [K in keyof F]: ValueOf<F[K]> }

export const int: Codec<number> = {
  minBytes: 4,
  encode: (writer, value) => writer.int(value),
  decode: (reader) => reader.int(),
}

export const uint: Codec<number> = {
  minBytes: 4,
  encode: (writer, value) => writer.uint(value),
  decode: (reader) => reader.uint(),
}

/** Bit flags; may be left out by the caller, then 0. */
export const flags: Codec<number | undefined> = {
  minBytes: 4,
  encode: (writer, value) => writer.uint(value ?? 0),
  decode: (reader) => reader.uint(),
}

/** An `int` that means yes or no. */
export const bool: Codec<boolean> = {
  minBytes: 4,
  encode: (writer, value) => writer.int(value ? 1 : 0),
  decode: (reader) => reader.int() !== 0,
}

export const hyper: Codec<bigint> = {
  minBytes: 8,
  encode: (writer, value) => writer.hyper(value),
  decode: (reader) => reader.hyper(),
}

export const uhyper: Codec<bigint> = {
  minBytes: 8,
  encode: (writer, value) => writer.uhyper(value),
  decode: (reader) => reader.uhyper(),
}

export const double: Codec<number> = {
  minBytes: 8,
  encode: (writer, value) => writer.double(value),
  decode: (reader) => reader.double(),
}

/** `REMOTE_STRING_MAX` in libvirt's protocol. */
const maxTextBytes = 4 * 1024 * 1024

export const text: Codec<string> = {
  minBytes: 4,
  encode: (writer, value) => writer.text(value, maxTextBytes),
  decode: (reader) => reader.text(maxTextBytes),
}

const uuidPattern = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** Sixteen bytes on the wire, canonical lower-case text here. */
export const uuid: Codec<string> = {
  minBytes: 16,
  encode: (writer, value) => {
    if (!uuidPattern.test(value)) throw new XdrError(`${writer.field}: not a UUID: ${JSON.stringify(value)}`)
    writer.hex(value.replaceAll('-', ''))
  },
  decode: (reader) => {
    const digits = reader.hex(16)
    return `${digits.slice(0, 8)}-${digits.slice(8, 12)}-${digits.slice(12, 16)}-${digits.slice(16, 20)}-${digits.slice(20)}`
  },
}

/** C's `char name[length]`: XDR spends four bytes on each character. Text up to the first NUL. */
export function charArray(length: number): Codec<string> {
  return {
    minBytes: length * 4,
    encode: (writer, value) => {
      const bytes = Buffer.from(value)
      if (bytes.length >= length) throw new XdrError(`${writer.field}: longer than ${length - 1} bytes`)
      for (let index = 0; index < length; index++) writer.int(bytes[index] ?? 0)
    },
    decode: (reader) => {
      const bytes = Buffer.alloc(length)
      for (let index = 0; index < length; index++) bytes[index] = reader.int() & 0xff
      const end = bytes.indexOf(0)
      return bytes.toString('utf8', 0, end === -1 ? length : end)
    },
  }
}

/** A C pointer that may be NULL: `undefined`. */
export function optional<T>(inner: Codec<T>): Codec<T | undefined> {
  return {
    minBytes: 4,
    encode: (writer, value) => {
      writer.uint(value === undefined ? 0 : 1)
      if (value !== undefined) inner.encode(writer, value)
    },
    decode: (reader) => {
      const present = reader.uint()
      if (present > 1) throw new XdrError(`${reader.field}: a pointer is 0 or 1, not ${present}`)
      return present === 1 ? inner.decode(reader) : undefined
    },
  }
}

/** A counted list. libvirt's longest list has 16384 elements (domains, volumes). */
export function list<T>(inner: Codec<T>, max = 16_384): Codec<readonly T[]> {
  return {
    minBytes: 4,
    encode: (writer, values) => {
      if (values.length > max)
        throw new XdrError(`${writer.field}: ${values.length} exceeds the limit of ${max}`)
      writer.uint(values.length)
      for (const value of values) inner.encode(writer, value)
    },
    decode: (reader) => {
      const count = reader.count(max, inner.minBytes)
      const values: T[] = []
      for (let index = 0; index < count; index++) values.push(inner.decode(reader))
      return values
    },
  }
}

/** Counted bytes. */
export function opaque(max: number): Codec<Uint8Array> {
  return {
    minBytes: 4,
    encode: (writer, value) => {
      if (value.length > max)
        throw new XdrError(`${writer.field}: ${value.length} exceeds the limit of ${max}`)
      writer.uint(value.length)
      writer.opaque(value)
    },
    decode: (reader) => reader.opaque(reader.count(max, 1)),
  }
}

/** Fields in wire order, which is the order of the keys. */
export function struct<F extends Fields>(fields: F): Codec<StructOf<F>> {
  const entries = Object.entries(fields)
  return {
    minBytes: entries.reduce((sum, [, codec]) => sum + codec.minBytes, 0),
    encode: (writer, value) => {
      for (const [key, codec] of entries) {
        writer.field = key
        codec.encode(writer, value[key])
      }
    },
    decode: (reader) => {
      const value: Record<string, unknown> = {}
      for (const [key, codec] of entries) {
        reader.field = key
        value[key] = codec.decode(reader)
      }
      // The loop above fills exactly the keys of F, each from its own codec.
      return value as StructOf<F>
    },
  }
}
