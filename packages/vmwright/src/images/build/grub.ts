import { sectorBytes } from './gpt.ts'

/** GRUB's two parts for BIOS, made to find each other. */
export interface BiosBoot {
  /** 440 bytes for the start of sector 0; the partition table behind them stays as it is. */
  readonly mbrCode: Buffer
  /** For the start of the BIOS boot partition. */
  readonly core: Buffer
}

/** `include/grub/i386/pc/boot.h`: GRUB_BOOT_MACHINE_KERNEL_SECTOR, where boot.img looks for core.img (64 bit). */
const kernelSectorOffset = 0x5c
/** `include/grub/i386/pc/boot.h`: GRUB_BOOT_MACHINE_DRIVE_CHECK, a jump that `grub-install` blanks for hard disks. */
const driveCheckOffset = 0x66
/** `include/grub/i386/pc/boot.h`: GRUB_BOOT_MACHINE_WINDOWS_NT_MAGIC, the disk signature, where boot code ends. */
const bootCodeBytes = 0x1b8
/** `grub-core/boot/i386/pc/diskboot.S`: the block list is at the end of the first sector of core.img. */
const blockListOffset = sectorBytes - 12

/**
 * Does what `grub-install` does with boot.img and core.img (`util/setup.c`) without a device: tells boot.img the
 * sector of core.img, and the first sector of core.img where the rest of it is. `grub-mkimage` has filled in the
 * length and the load segment of that one block already, since core.img lies in one piece.
 */
export function placeBiosBoot(bootImage: Buffer, coreImage: Buffer, coreSector: number): BiosBoot {
  const mbrCode = Buffer.from(bootImage.subarray(0, bootCodeBytes))
  mbrCode.writeBigUInt64LE(BigInt(coreSector), kernelSectorOffset)
  mbrCode.writeUInt16LE(0x9090, driveCheckOffset)
  const core = Buffer.from(coreImage)
  core.writeBigUInt64LE(BigInt(coreSector + 1), blockListOffset)
  return { mbrCode, core }
}
