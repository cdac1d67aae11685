/**
 * libvirt's file of a saved machine (`qemu_saveimage.h`, version 2), in the byte order of the host, which is little-endian
 * wherever QEMU guests are fast:
 *
 * ```
 * "LibvirtQemudSave"  u32 version = 2  u32 data length  u32 was running  u32 compression  u32 cookie offset  u32 × 14 unused
 * data: the domain's XML, NUL; at the cookie offset (0: none) a cookie's XML, NUL; zeros up to the data length
 * QEMU's migration stream
 * ```
 */
export interface SaveImage {
  readonly xml: string
  /** What libvirt has to know beyond the XML; given back as it is. */
  readonly cookie: string | undefined
  /** Where QEMU's stream begins. */
  readonly streamOffset: number
  /** 0: none. Others are programs' own formats. */
  readonly compression: number
}

const magic = 'LibvirtQemudSave'
export const saveHeaderBytes = magic.length + 4 * 5 + 4 * 14
const version = 2

/** Reads the beginning of a file: at least up to its stream. Throws an `Error` that says what is wrong with it. */
export function readSaveImage(bytes: Uint8Array): SaveImage {
  const dataBytes = saveDataBytes(bytes)
  const view = viewOf(bytes)
  const streamOffset = saveHeaderBytes + dataBytes
  if (bytes.length < streamOffset) throw new Error('it ends within its description')
  const data = bytes.subarray(saveHeaderBytes, streamOffset)
  const cookieOffset = view.getUint32(32, true)
  if (cookieOffset > dataBytes) throw new Error('its cookie lies outside of its description')
  return {
    xml: textUpToNul(data),
    cookie: cookieOffset === 0 ? undefined : textUpToNul(data.subarray(cookieOffset)),
    streamOffset,
    compression: view.getUint32(28, true),
  }
}

/** How many bytes of description follow the header. Throws an `Error` when it is not one. */
export function saveDataBytes(bytes: Uint8Array): number {
  if (bytes.length < saveHeaderBytes) throw new Error('it is shorter than a header')
  if (new TextDecoder('latin1').decode(bytes.subarray(0, magic.length)) !== magic)
    throw new Error('it does not begin as a complete saved machine does')
  const view = viewOf(bytes)
  const found = view.getUint32(16, true)
  if (found !== version) throw new Error(`it is of version ${found}, and only ${version} is known`)
  return view.getUint32(20, true)
}

/**
 * Header and data for a machine that is to run when it is restored. With `dataBytes` padded to exactly that, so that
 * it can take the place of another one before the same stream. Throws a `RangeError` when it does not fit.
 */
export function writeSaveHeader(
  description: Pick<SaveImage, 'xml' | 'cookie'>,
  dataBytes?: number,
): Uint8Array {
  const encode = (text: string): Uint8Array => new TextEncoder().encode(`${text}\0`)
  const xml = encode(description.xml)
  const cookie = description.cookie === undefined ? new Uint8Array() : encode(description.cookie)
  const length = dataBytes ?? xml.length + cookie.length
  if (xml.length + cookie.length > length)
    throw new RangeError(`a description of ${xml.length + cookie.length} bytes is longer than ${length}`)
  const bytes = new Uint8Array(saveHeaderBytes + length)
  bytes.set(new TextEncoder().encode(magic))
  const view = viewOf(bytes)
  view.setUint32(16, version, true)
  view.setUint32(20, length, true)
  view.setUint32(24, 1, true)
  view.setUint32(32, cookie.length === 0 ? 0 : xml.length, true)
  bytes.set(xml, saveHeaderBytes)
  bytes.set(cookie, saveHeaderBytes + xml.length)
  return bytes
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)

function textUpToNul(bytes: Uint8Array): string {
  const end = bytes.indexOf(0)
  return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end))
}
