import type { FakeVolume } from './world.ts'

/**
 * The first 4 KiB of a qcow2 of version 3 without snapshots: magic, version, place and length of the backing file's
 * name, virtual size (QEMU's docs/interop/qcow2.txt, "Header").
 */
export function qcow2Head({ capacityBytes, backingPath }: FakeVolume): Uint8Array {
  const head = Buffer.alloc(4096)
  const nameAt = 512
  head.write('QFI\xfb', 0, 'latin1')
  head.writeUInt32BE(3, 4)
  if (backingPath !== undefined) {
    head.writeBigUInt64BE(BigInt(nameAt), 8)
    head.writeUInt32BE(head.write(backingPath, nameAt), 16)
  }
  head.writeUInt32BE(16, 20)
  head.writeBigUInt64BE(BigInt(capacityBytes), 24)
  head.writeUInt32BE(104, 100)
  return new Uint8Array(head)
}
