import { expect, it } from 'vitest'
import { placeBiosBoot } from './grub.ts'

const boot = Buffer.alloc(512, 0xab)
const core = Buffer.alloc(2048, 0xcd)

it('X7: tells boot.img where core.img is, and skips the check for a wrong boot drive', () => {
  const { mbrCode } = placeBiosBoot(boot, core, 2048)
  expect(mbrCode.readBigUInt64LE(0x5c)).toBe(2048n)
  expect(mbrCode.readUInt16LE(0x66)).toBe(0x9090)
})

it('X7: leaves the disk signature and the partition table behind the boot code alone', () => {
  expect(placeBiosBoot(boot, core, 2048).mbrCode.length).toBe(440)
})

it('X7: tells the first sector of core.img where the second is, and keeps length and segment', () => {
  const placed = placeBiosBoot(boot, core, 2048).core
  expect(placed.readBigUInt64LE(500)).toBe(2049n)
  expect(placed.subarray(508)).toEqual(core.subarray(508))
  expect(placed.subarray(0, 500)).toEqual(core.subarray(0, 500))
})

it('leaves the images that it was given as they were', () => {
  placeBiosBoot(boot, core, 2048)
  expect([boot[0x5c], core[500]]).toEqual([0xab, 0xcd])
})
