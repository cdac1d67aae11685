import { describe, expect, it } from 'vitest'
import { isProvisionError } from '../lib/errors.ts'
import { findDigest } from './manifest.ts'

const a = 'a'.repeat(64)
const b = 'b'.repeat(64)
const long = 'c'.repeat(128)

const outcome = (text: string, algorithm: 'sha256' | 'sha512' = 'sha256'): string => {
  try {
    return findDigest(text, 'disk.img', algorithm).hex
  } catch (error) {
    return isProvisionError(error) ? error.code : String(error)
  }
}

describe('C1: the line of a checksum manifest', () => {
  it.each<[string, string, string]>([
    ['GNU, text mode', `${a}  disk.img\n`, a],
    ['GNU, binary mode', `${a} *disk.img\n`, a],
    ['BSD', `SHA256 (disk.img) = ${a}\n`, a],
    ['upper case', `${a.toUpperCase()}  disk.img\n`, a],
    ['Windows line ends', `${b}  other.img\r\n${a}  disk.img\r\n`, a],
    ['no line end', `${a}  disk.img`, a],
    [
      'comments and a signature around it',
      `-----BEGIN\n# disk.img: 5 bytes\nSHA256 (disk.img) = ${a}\n-----END`,
      a,
    ],
    ['names that contain it', `${b}  my-disk.img\n${b}  disk.img.sig\n${b}  a disk.img\n${a}  disk.img\n`, a],
    ['both algorithms', `SHA512 (disk.img) = ${long}\nSHA256 (disk.img) = ${a}\n`, a],
    ['no such name', `${a}  other.img\n`, 'image.manifest-failed'],
    ['the name in a folder', `${a}  x/disk.img\n`, 'image.manifest-failed'],
    ['the name in this folder', `${a}  ./disk.img\n`, 'image.manifest-failed'],
    ['two lines', `${a}  disk.img\n${b}  disk.img\n`, 'image.manifest-failed'],
    ['two equal lines', `${a}  disk.img\n${a} *disk.img\n`, 'image.manifest-failed'],
    ['a digest of another length', `${long}  disk.img\n`, 'image.manifest-failed'],
    ['MD5', `${'d'.repeat(32)}  disk.img\n`, 'image.manifest-failed'],
    ['a digit that is none', `${'g'.repeat(64)}  disk.img\n`, 'image.manifest-failed'],
    ['one space', `${a} disk.img\n`, 'image.manifest-failed'],
    ['a web page', '<html>disk.img</html>', 'image.manifest-failed'],
    ['nothing', '', 'image.manifest-failed'],
  ])('%s', (_name, text, want) => {
    expect(outcome(text)).toBe(want)
  })

  it('names what is there when the file is not', () => {
    const text = `${a}  debian-12-genericcloud-amd64.qcow2\n${a}  debian-12-genericcloud-arm64.qcow2\n${a}  README\n`
    expect(() => findDigest(text, 'debian-12-genericcloud-amd64.raw', 'sha256')).toThrow(
      expect.objectContaining({
        hint: 'It has lines for debian-12-genericcloud-amd64.qcow2, debian-12-genericcloud-arm64.qcow2.',
      }),
    )
  })
})
