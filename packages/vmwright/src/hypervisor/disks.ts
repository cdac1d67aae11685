import type { Secret } from '../lib/secret.ts'
import type { VolumeRef } from './contract.ts'

export interface DiskCreation extends VolumeRef {
  readonly sizeBytes: number
  readonly format: 'qcow2' | 'raw'
  /** Absent: an empty disk. `overlay` shares the base's blocks, `copy` does not depend on it. */
  readonly base:
    | { readonly volume: VolumeRef; readonly format: 'qcow2' | 'raw'; readonly mode: 'overlay' | 'copy' }
    | undefined
  readonly existing: 'keep' | 'replace'
}

export interface DiskClone extends VolumeRef {
  readonly from: { readonly path: string; readonly format: 'qcow2' | 'raw' }
  /**
   * `copy` depends on nothing; `reflink` shares blocks by the file system; `auto` is a reflink where that can be
   * had, else a copy; `overlay` is a qcow2 over the template's disk. A copy keeps the template's format.
   */
  readonly mode: 'auto' | 'copy' | 'reflink' | 'overlay'
  /** Grown to this afterwards; `undefined`: as large as the template's. */
  readonly sizeBytes: number | undefined
  /** Folder on the host for the incomplete copy; `undefined`: the pool's own. */
  readonly workspace: string | undefined
  readonly existing: 'keep' | 'replace'
}

export interface DiskEdit {
  /** For messages. */
  readonly vm: string
  readonly disks: readonly { readonly volume: VolumeRef; readonly format: 'qcow2' | 'raw' }[]
  readonly acceleration: 'kvm' | 'emulation'
  /** `grow`: the root's partition and file system take what room the disk has behind them. Absent: as large as it is. */
  readonly root?: 'grow'
  /** Done in this order in the guest's file system as it is mounted when the guest runs. */
  readonly changes: readonly FileChange[]
}

export type FileChange =
  /** Makes the folders above it, mode 0755, owner root. */
  | {
      readonly kind: 'write'
      readonly path: string
      readonly content: string | Secret
      readonly mode: number
      /** Write only where this file or folder exists in the guest. A symbolic link to a file does not count. */
      readonly onlyIf?: string
      /**
       * The file gets the owner of this one (a home, for the files of a user whose number only the guest knows), and
       * so do folders that are made for it, with mode 0700. Absent: root.
       */
      readonly ownerOf?: string
      /** `add-lines`: what the file has stays, lines that it lacks are added. Absent: it is replaced. */
      readonly existing?: 'add-lines'
    }
  /** Files that match a pattern of the shell; none is fine. */
  | { readonly kind: 'remove'; readonly pattern: string }
  | { readonly kind: 'link'; readonly path: string; readonly target: string }
  /**
   * K7. Text for the guest's `sh`, run as root in its file system, with the host's network and without its services;
   * its failure is that of the edit.
   */
  | {
      readonly kind: 'run'
      readonly command: string
      /** What it does, for people: `install nginx`. Absent: the command itself. */
      readonly title?: string
    }
