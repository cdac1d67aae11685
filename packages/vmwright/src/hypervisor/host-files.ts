import type { Progress } from '../lib/progress.ts'

export interface HostFiles {
  /** What files are, in one round trip, whatever their number; the hash only when asked for. No mutation. */
  inspect(
    progress: Progress,
    paths: readonly string[],
    options: { readonly sha256: boolean },
  ): Promise<readonly HostFile[]>
  /** Takes the right to write away from everybody, in a way that `release` can undo. */
  protect(progress: Progress, paths: readonly string[]): Promise<void>
  /** Gives back what `protect` took; leaves other files alone. */
  release(progress: Progress, paths: readonly string[]): Promise<void>
  /** Removes what interrupted clones left in a workspace, and the folder itself when it is empty then. */
  emptyWorkspace(progress: Progress, path: string): Promise<void>
  /** Whether the user that runs guests reaches these paths (T9). No mutation. */
  checkAccess(progress: Progress, request: AccessRequest): Promise<AccessReport>
  /**
   * Sets the ACLs that a report proposes, and records on the host what was there before, for `undoAccess`. May be
   * repeated. Throws `host.tool-missing`, `host.access-denied` when one could not be set.
   */
  repairAccess(progress: Progress, repairs: readonly AccessRepair[]): Promise<readonly AccessChange[]>
  /** What `undoAccess` would take back. No mutation. */
  grantedAccess(progress: Progress): Promise<readonly AccessRepair[]>
  /** Takes back all that `repairAccess` ever gave on this host, and forgets it; tells what. */
  undoAccess(progress: Progress): Promise<readonly AccessChange[]>
}

export interface HostFile {
  /** As it was asked for. */
  readonly path: string
  readonly kind: 'file' | 'folder' | 'block-device' | 'other' | 'missing' | 'unreadable'
  /** Without symbolic links; `path` where there is nothing. */
  readonly realPath: string
  readonly sizeBytes: number
  /** Nanoseconds since the epoch, in decimal. */
  readonly modifiedNs: string
  readonly inode: string
  /** Permission bits, `0o644`. */
  readonly mode: number
  /** The first 4 KiB. */
  readonly head: Uint8Array
  readonly sha256: string | undefined
}

export type AccessNeed = 'search' | 'read' | 'write'

export interface AccessRequest {
  /** `undefined`: found from the host's configuration. */
  readonly user: string | undefined
  readonly needs: readonly { readonly path: string; readonly need: AccessNeed }[]
}

export interface AccessReport {
  readonly user: string
  /** Tested as that user; or computed from modes and ACLs, where nobody may act as that user. */
  readonly by: 'test' | 'computation'
  /** Paths of the request that are not there (yet), or cannot be seen; what lies above them was looked at. */
  readonly missing: readonly string[]
  readonly blocked: readonly AccessBlock[]
  /** What mandatory access control (AppArmor, SELinux) will refuse although the modes allow it. */
  readonly confined: readonly {
    readonly path: string
    readonly by: 'apparmor' | 'selinux'
    readonly message: string
    readonly hint: string
  }[]
}

export interface AccessBlock {
  readonly path: string
  readonly need: AccessNeed
  /** The first path component that stops the user. */
  readonly at: string
  /** The least that lets the user through, all components together. Empty where an ACL cannot help. */
  readonly repairs: readonly AccessRepair[]
  /** Why an ACL cannot help: no ACLs on that file system, a read-only mount, … */
  readonly noRepair: string | undefined
}

/** `setfacl -m u:<user>:<permissions> <path>` */
export interface AccessRepair {
  readonly path: string
  readonly user: string
  /** `--x`, `r--`, `rwx`. */
  readonly permissions: string
}

/**
 * `done`: changed now. `already`: nothing to do. `vanished`: the path is gone, or is another one by now. `kept`:
 * somebody else has changed that entry since, so it was left as it is.
 */
export interface AccessChange extends AccessRepair {
  readonly outcome: 'done' | 'already' | 'vanished' | 'kept'
}
