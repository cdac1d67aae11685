import type { HostFile } from '../hypervisor/host-files.ts'
import { canonicalJson, sha256Hex } from '../lib/hash.ts'

/**
 * What the disks of a template are, by their sizes, modification times, inodes and first 4 KiB: a SHA-256 in hex.
 * With the hash of their whole content, that follows after a `+`. Pure.
 */
export function contentIdentity(files: readonly HostFile[]): string {
  const facts = files.map(({ sizeBytes, modifiedNs, inode, head }) => ({
    sizeBytes,
    modifiedNs,
    inode,
    head: sha256Hex(head),
  }))
  const quick = sha256Hex(canonicalJson(facts))
  const hashes = files.map(({ sha256 }) => sha256)
  return hashes.includes(undefined) ? quick : `${quick}+${sha256Hex(canonicalJson(hashes))}`
}

/** Where both identities have the hash of the whole content, that decides: a file may be touched, or restored. */
export function isSameContent(one: string, other: string): boolean {
  const [quick, full] = one.split('+')
  const [otherQuick, otherFull] = other.split('+')
  return full === undefined || otherFull === undefined ? quick === otherQuick : full === otherFull
}

/** True when nothing says that the files changed, without a look at their whole content. */
export const isQuicklySame = (one: string, other: string): boolean =>
  one.split('+', 1)[0] === other.split('+', 1)[0]
