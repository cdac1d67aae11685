import type { Progress } from '../../lib/progress.ts'

/** What was on a host before a project came, kept on the host itself, for `destroy --verify` (K11). */
export interface HostRecords {
  /** What only the host itself can tell, now. No mutation. */
  census(progress: Progress): Promise<SystemCensus>
  /** Keeps the census as the one before the project; does nothing where there is one already. */
  keep(progress: Progress, project: string, census: HostCensus): Promise<void>
  /** `undefined`: none was kept. */
  kept(progress: Progress, project: string): Promise<HostCensus | undefined>
  forget(progress: Progress, project: string): Promise<void>
}

/**
 * Each map has the object's name, and a digest or value of what it is. Left out is what changes by itself (counters,
 * leases, taps of machines) or follows from other objects (what libvirt sets up for a network).
 */
export interface SystemCensus {
  /** Chains, sets and tables of the packet filter. */
  readonly rules: Readonly<Record<string, string>>
  readonly sysctls: Readonly<Record<string, string>>
  /** Folders and files that the program may make outside of pools. */
  readonly files: Readonly<Record<string, string>>
  readonly interfaces: Readonly<Record<string, string>>
}

/** What `destroy` must leave as it was. */
export interface HostCensus extends SystemCensus {
  /** Milliseconds since the epoch. */
  readonly atMs: number
  readonly domains: Readonly<Record<string, string>>
  /** By pool and name. */
  readonly volumes: Readonly<Record<string, string>>
  readonly networks: Readonly<Record<string, string>>
  readonly pools: Readonly<Record<string, string>>
}
