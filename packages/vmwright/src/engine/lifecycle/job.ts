import type { GuestRun } from '@vmwright/contract'
import type { Progress } from '../../lib/progress.ts'
import type { Phases } from '../../phases/phase.ts'
import type { Results } from '../../results/results.ts'
import type { LayerInputs } from '../../snapshots/layers.ts'
import type { InstanceSpec, ResolvedSpec } from '../../spec/resolved.ts'
import type { Session } from '../session.ts'
import type { ActionLog } from './action-log.ts'
import type { GuestLine } from './line.ts'
import type { Machine } from './machine.ts'
import type { LifecycleOptions } from './run.ts'

/** One guest's part of a run, with all that is known before it starts. */
export interface GuestJob {
  /** With the host that it is on, or goes to. */
  readonly instance: InstanceSpec
  /** With that instance, and with hosts as they can be reached. */
  readonly spec: ResolvedSpec
  readonly phases: Phases
  /** Of the phases that layers stand for, read as late as can be. */
  readonly inputs: (progress: Progress) => Promise<LayerInputs['phases']>
  readonly options: LifecycleOptions
  readonly results: Results
  /** Of the image that it would be made of now; `undefined`: it is made of a template. */
  readonly imageDigest: (progress: Progress) => Promise<string | undefined>
  /** What it waited for. */
  readonly queued: { readonly sinceMs: number; readonly because: string } | undefined
  /** How far it is. */
  readonly onChange: (guest: GuestRun) => void
  /** After `main`, for a guest that is a hypervisor: resolves when the last of its guests is done. */
  readonly serve: ((progress: Progress, guest: Guest) => Promise<void>) | undefined
}

/** A guest while it is worked on. */
export interface Guest {
  readonly job: GuestJob
  readonly session: Session
  readonly machine: Machine
  readonly line: GuestLine
  readonly log: ActionLog
}
