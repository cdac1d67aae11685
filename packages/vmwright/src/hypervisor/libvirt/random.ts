import type { Seam } from '../../lib/seam.ts'

/** RFC 9562 5.4: version 4. */
export function newUuid(seam: Pick<Seam, 'randomBytes'>): string {
  const bytes = Uint8Array.from(seam.randomBytes(16))
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80
  return Buffer.from(bytes)
    .toString('hex')
    .replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}

/** In the range that QEMU and libvirt use. */
export const newMac = (seam: Pick<Seam, 'randomBytes'>): string =>
  ['52', '54', '00', ...Array.from(seam.randomBytes(3), (byte) => byte.toString(16).padStart(2, '0'))].join(
    ':',
  )
