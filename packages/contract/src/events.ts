import type { ErrorReport } from './errors.ts'

/** One event per fact. `atMs` is milliseconds since the epoch. Human text is made at the edge. */
export type RunEvent = { readonly atMs: number } & (
  | {
      readonly kind: 'run-started'
      readonly command: string
      readonly project: string
      readonly steps: readonly StepSummary[]
    }
  | { readonly kind: 'step-started'; readonly step: string }
  | {
      /** What a running step does or waits for now. */
      readonly kind: 'step-progress'
      readonly step: string
      readonly what: string
      readonly done?: number
      readonly total?: number
      readonly unit?: 'bytes' | 'steps'
    }
  | { readonly kind: 'step-finished'; readonly step: string; readonly durationMs: number }
  | {
      readonly kind: 'step-failed'
      readonly step: string
      readonly durationMs: number
      readonly error: ErrorReport
    }
  | { readonly kind: 'step-skipped'; readonly step: string; readonly because: string }
  | {
      /** What a phase of a lifecycle printed: whole lines, without what is secret. */
      readonly kind: 'output'
      readonly instance: string
      readonly phase: string
      readonly stream: 'stdout' | 'stderr'
      readonly text: string
    }
  | {
      readonly kind: 'notice'
      readonly level: 'info' | 'warning'
      readonly message: string
      readonly instance?: string
    }
  | {
      readonly kind: 'run-finished'
      readonly outcome: 'done' | 'unchanged' | 'failed' | 'cancelled'
      readonly durationMs: number
      /** Calls that changed something on a host or in a cache. 0 for a converged apply. */
      readonly mutations: number
      readonly instances: readonly InstanceStatus[]
    }
)

/** A step as the reader of a plan or of events sees it. */
export interface StepSummary {
  readonly id: string
  readonly kind: string
  readonly host: string
  readonly instance?: string
  /** `create disk web-1.qcow2 (10 GiB)` */
  readonly title: string
  readonly reason: string
  /** Ids of the steps it waits for. */
  readonly after: readonly string[]
}

/** One row of the final table and of `status`. */
export interface InstanceStatus {
  readonly name: string
  readonly host: string
  /** `absent`, or the hypervisor's state in neutral words. */
  readonly state: 'absent' | 'running' | 'paused' | 'stopped' | 'crashed' | 'unknown'
  /** How far provisioning got: nothing yet, made, reachable and finished, or not ours. */
  readonly provision: 'none' | 'creating' | 'created' | 'provisioned' | 'foreign'
  readonly addresses: readonly string[]
  /** A command that logs in: `vmwright ssh web-1`. */
  readonly login?: string
  readonly image?: string
  /** The template machine on whose disks its own are overlays, which must therefore not change. */
  readonly restsOn?: string
  readonly snapshots: readonly string[]
  /** What keeps it from what the spec says, in short phrases. */
  readonly drift: readonly string[]
  /** Why its state is not known, or on which other host it is too. */
  readonly problem?: string
  /** The guest that is its host, and is off: so it does not run, and whether it exists is not known. */
  readonly offWith?: string
}
