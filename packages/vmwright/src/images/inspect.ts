import { foreignFormat } from './foreign-formats.ts'
import { inspectQcow2, isQcow } from './qcow2.ts'

/** How much of the beginning of a file `inspectImage` wants to see. */
export const inspectedBytes = 64 * 1024

export type Inspection =
  | { readonly kind: 'accepted'; readonly format: 'qcow2' | 'raw'; readonly virtualSizeBytes: number }
  | { readonly kind: 'refused'; readonly reason: string; readonly hint: string | undefined }

/**
 * Decides from the beginning of a file (`inspectedBytes`, or all of a shorter one) whether it may be used as an
 * image, without trusting a word of it: QEMU would open whatever file a header names, with its own rights
 * (CVE-2015-1850, CVE-2022-47951, CVE-2024-32498). `declared` is the format that the file's name promises; raw
 * is what is nothing else, so what begins as a qcow2 is refused as raw: written by a guest, it would be probed as
 * one later.
 */
export function inspectImage(
  head: Uint8Array,
  fileBytes: number,
  declared: 'qcow2' | 'raw' | undefined,
): Inspection {
  if (fileBytes === 0) return refused('it is empty')
  if (isQcow(head)) {
    if (declared === 'raw')
      return refused('it is named as a raw image, but begins with the header of a qcow2 image')
    return inspectQcow2(head, fileBytes)
  }
  const foreign = foreignFormat(head)
  if (foreign !== undefined) return refused(`it is ${foreign.name}`, foreign.hint)
  if (declared === 'qcow2')
    return refused('it is named as a qcow2 image, but does not begin with the header of one')
  return { kind: 'accepted', format: 'raw', virtualSizeBytes: Math.ceil(fileBytes / 512) * 512 }
}

/** What the end of a file name promises; `.img` promises nothing. */
export function declaredFormat(fileName: string): 'qcow2' | 'raw' | undefined {
  if (/\.qcow2?$/i.test(fileName)) return 'qcow2'
  return /\.raw$/i.test(fileName) ? 'raw' : undefined
}

const refused = (reason: string, hint?: string): Inspection => ({ kind: 'refused', reason, hint })
