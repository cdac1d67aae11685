import type { HostFile } from '../hypervisor/host-files.ts'

/** What a disk file says about itself in its first 4 KiB. */
export type DiskHeader =
  | { readonly kind: 'raw' }
  | {
      readonly kind: 'qcow2'
      /** `undefined`: none. May be relative to the folder of the file. */
      readonly backingFile: string | undefined
      /** Why it cannot be cloned by copying this file alone; completes “it …”. */
      readonly problem: string | undefined
    }

/** How large the disk is that a guest sees in this file; `undefined`: its header does not say. Pure. */
export function virtualSizeBytes({ head, sizeBytes }: HostFile): number | undefined {
  if (diskHeader(head).kind === 'raw') return sizeBytes
  return head.length < 72
    ? undefined
    : Number(new DataView(head.buffer, head.byteOffset, head.byteLength).getBigUint64(24))
}

/** Offsets, bits and extension types: QEMU's docs/interop/qcow2. Pure. */
export function diskHeader(head: Uint8Array): DiskHeader {
  if (head[0] !== 0x51 || head[1] !== 0x46 || head[2] !== 0x49 || head[3] !== 0xfb) return { kind: 'raw' }
  if (head.length < 72) return { kind: 'qcow2', backingFile: undefined, problem: 'has a header that is cut' }
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength)
  const version = view.getUint32(4)
  if (version !== 2 && version !== 3)
    return { kind: 'qcow2', backingFile: undefined, problem: `has the unknown qcow version ${version}` }
  const backing = backingFileOf(view, head)
  return {
    kind: 'qcow2',
    backingFile: backing === 'unreadable' ? undefined : backing,
    problem:
      backing === 'unreadable' ? 'has a backing file whose name is not readable' : problemOf(view, version),
  }
}

/** QEMU's limit for the name. */
const longestBackingName = 1023

function backingFileOf(view: DataView, head: Uint8Array): string | undefined {
  const offset = view.getBigUint64(8)
  const length = view.getUint32(16)
  if (offset === 0n || length === 0) return undefined
  if (length > longestBackingName || offset + BigInt(length) > BigInt(head.length)) return 'unreadable'
  return new TextDecoder().decode(head.subarray(Number(offset), Number(offset) + length))
}

const incompatible = { corrupt: 1n << 1n, externalData: 1n << 2n }

function problemOf(view: DataView, version: number): string | undefined {
  if (view.getUint32(32) !== 0) return 'is encrypted'
  if (version === 2) return undefined
  if (view.byteLength < 104) return 'has a header that is cut'
  const features = view.getBigUint64(72)
  if ((features & incompatible.externalData) !== 0n) return 'keeps its data in another file'
  if ((features & incompatible.corrupt) !== 0n) return 'is marked as corrupt'
  return undefined
}
