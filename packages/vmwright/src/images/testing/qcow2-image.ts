/** Where the fields of a qcow2 header are, and their size in bytes. */
export const qcow2Fields = {
  version: [4, 4],
  backingFileOffset: [8, 8],
  backingFileSize: [16, 4],
  clusterBits: [20, 4],
  size: [24, 8],
  cryptMethod: [32, 4],
  l1Size: [36, 4],
  l1Offset: [40, 8],
  refcountOffset: [48, 8],
  refcountClusters: [56, 4],
  snapshots: [60, 4],
  snapshotsOffset: [64, 8],
  incompatible: [72, 8],
  compatible: [80, 8],
  autoclear: [88, 8],
  refcountOrder: [96, 4],
  headerLength: [100, 4],
  compression: [104, 1],
} as const satisfies Record<string, readonly [number, 1 | 4 | 8]>

export type Qcow2Field = keyof typeof qcow2Fields

const cluster = 65_536

/** A small qcow2 image that stands alone (1 GiB, 64 KiB clusters), with fields changed as told. */
export function qcow2(changes: Partial<Record<Qcow2Field, number | bigint>> = {}): Buffer {
  const image = Buffer.alloc(5 * cluster)
  image.write('QFI\xfb', 'latin1')
  const header: Partial<Record<Qcow2Field, number | bigint>> = {
    version: 3,
    clusterBits: 16,
    size: 1024 ** 3,
    l1Size: 2,
    l1Offset: 3 * cluster,
    refcountOffset: cluster,
    refcountClusters: 1,
    refcountOrder: 4,
    headerLength: 112,
    ...changes,
  }
  for (const [field, value] of Object.entries(header)) {
    const [offset, bytes] = qcow2Fields[field as Qcow2Field]
    if (bytes === 8) image.writeBigUInt64BE(BigInt(value), offset)
    else image.writeUIntBE(Number(value), offset, bytes)
  }
  return image
}

/** The image with a header extension put behind its header. */
export function withExtension(image: Buffer, type: number, data: Buffer, length = data.length): Buffer {
  const copy = Buffer.from(image)
  const at = copy.readUInt32BE(4) === 2 ? 72 : copy.readUInt32BE(100)
  copy.writeUInt32BE(type, at)
  copy.writeUInt32BE(length, at + 4)
  data.copy(copy, at + 8)
  return copy
}
