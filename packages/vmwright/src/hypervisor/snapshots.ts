/** Snapshots in the words of those above the drivers. */

export interface SnapshotDefinition {
  readonly name: string
  readonly description: string
  /** With the memory of the running machine; absent: of a stopped one. */
  readonly memory?: boolean
  /** Kept beside it by the driver and given back as it is; at most 16 KiB. */
  readonly note?: string
}

export interface ObservedSnapshot {
  readonly name: string
  readonly createdAtMs: number
  /** Restoring it gives a running machine. */
  readonly memory: boolean
  /** Name of the one that it was made on. */
  readonly parent: string | undefined
  /** What the machine is now was made on it. */
  readonly current: boolean
  /** `undefined`: it was made by somebody else, or not finished. Only what has one is used by the cache. */
  readonly note: string | undefined
  /** What it takes on the host, as far as the host can tell. */
  readonly sizeBytes: number | undefined
  /** Newer ones, oldest first, whose files lie over its own: they have to go before it can be restored or deleted. Absent: none. */
  readonly under?: readonly string[]
}
