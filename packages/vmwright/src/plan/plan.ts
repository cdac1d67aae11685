import type { ErrorCode } from '@vmwright/contract'
import type { Capabilities, ObservedHost, PoolDefinition, VolumeRef } from '../hypervisor/contract.ts'
import type { HostSpec, ImageSpec, InstanceSpec, ResolvedSpec } from '../spec/resolved.ts'

/**
 * What is there and what is wanted, frozen into steps. The preview is this plan and `apply` runs exactly it.
 * Making it is pure: same spec, same observation, same request, same plan.
 */
export interface Plan {
  readonly project: string
  /** `preflight` has findings alone. */
  readonly stage: Stage
  readonly changes: readonly Change[]
  /** In an order in which each comes after those it waits for. */
  readonly steps: readonly Step[]
  /** All that speaks against the plan, found before anything is done. An error stops `apply`. */
  readonly findings: readonly Finding[]
}

export interface Finding {
  readonly severity: 'error' | 'warning'
  readonly code: ErrorCode
  /** `host rack1`, `instance web-1` */
  readonly object: string
  readonly message: string
  readonly hint: string | undefined
}

/** What happens to one instance, for the reader of the plan. */
export interface Change {
  readonly instance: string
  readonly host: string
  readonly action:
    | 'none'
    | 'create'
    | 'continue'
    | 'update'
    | 'start'
    | 'restart'
    | 'finish'
    | 'replace'
    | 'reseed'
    | 'adopt'
    | 'destroy'
    | 'remove-leftovers'
    | 'keep-foreign'
    | 'blocked'
  /** Why, in one short sentence. */
  readonly reason: string
  readonly fields: readonly FieldChange[]
}

export interface FieldChange {
  readonly field: string
  readonly from: string
  readonly to: string
  /**
   * `in-place` now; `restart` is defined now and acts from the next start; `replacement` and `cloud-init` need to
   * be asked for (`--replace`, `--reseed`); `accepted` was asked to be left alone.
   */
  readonly how: 'in-place' | 'restart' | 'replacement' | 'cloud-init'
}

/** All that the steps of one machine need to know about it. */
export interface VmPlan {
  readonly instance: InstanceSpec
  readonly image: ImageSpec
  /** UUID. */
  readonly id: string
  /** Names of the host's networks, in the order of the instance's interfaces. */
  readonly networks: readonly string[]
  readonly root: VolumeRef
  readonly extras: readonly VolumeRef[]
  readonly seed: VolumeRef
}

interface StepBase {
  readonly id: string
  readonly host: string
  readonly instance?: string
  readonly title: string
  readonly reason: string
  readonly after: readonly string[]
}

export type Step = StepBase &
  (
    | { readonly kind: 'fetch-image'; readonly image: ImageSpec }
    | { readonly kind: 'place-image'; readonly image: ImageSpec; readonly pool: PoolDefinition }
    | { readonly kind: 'ensure-pool'; readonly pool: PoolDefinition }
    | { readonly kind: 'start-network'; readonly network: string }
    | { readonly kind: 'probe-acceleration' }
    /** `fresh`: a new creation with a new identity. `update`: same identity, changed definition. `reseed`: new instance-id and keys. */
    | { readonly kind: 'define-vm'; readonly vm: VmPlan; readonly mode: 'fresh' | 'update' | 'reseed' }
    | {
        readonly kind: 'create-disk'
        readonly vm: VmPlan
        readonly disk: DiskRole
        readonly existing: 'keep' | 'replace'
      }
    | { readonly kind: 'write-seed'; readonly vm: VmPlan }
    | {
        readonly kind: 'grow-disk'
        readonly vm: VmPlan
        readonly device: string
        readonly volume: VolumeRef
        readonly sizeBytes: number
      }
    | { readonly kind: 'set-autostart'; readonly autostart: 'on' | 'off' }
    | { readonly kind: 'mark-vm'; readonly stage: 'created' | 'provisioned' }
    | { readonly kind: 'adopt-vm'; readonly vm: VmPlan }
    | { readonly kind: 'start-vm' }
    | { readonly kind: 'await-ready'; readonly vm: VmPlan; readonly boot: 'first' | 'later' | 'recheck' }
    | { readonly kind: 'seal-seed'; readonly vm: VmPlan }
    | {
        readonly kind: 'create-snapshot'
        readonly snapshot: { readonly name: string; readonly description: string }
      }
    | { readonly kind: 'stop-vm'; readonly how: 'graceful' | 'force' }
    | { readonly kind: 'delete-snapshot'; readonly snapshot: string }
    | { readonly kind: 'delete-volume'; readonly volume: VolumeRef }
    | { readonly kind: 'undefine-vm' }
    | { readonly kind: 'remove-pool'; readonly pool: PoolDefinition }
  )

export type StepKind = Step['kind']

/** Which disk of the machine: the root disk, or the extra disk with that index. */
export type DiskRole = { readonly kind: 'root' } | { readonly kind: 'extra'; readonly index: number }

export type Stage = 'full' | 'preflight' | 'image-cache' | 'provision' | 'runtime'

export const stages: readonly Stage[] = ['full', 'preflight', 'image-cache', 'provision', 'runtime']

export interface ApplyRequest {
  readonly stage: Stage
  /** Instance names for which the unusual was asked. */
  readonly adopt: ReadonlySet<string>
  readonly replace: ReadonlySet<string>
  readonly reseed: ReadonlySet<string>
  /** Instances to shut down and start again, when they run. */
  readonly restart: ReadonlySet<string>
  /** Instances whose disks may be taken over from an earlier machine of the name. */
  readonly reuseDisks: ReadonlySet<string>
  /** Fetch manifests again whatever the policy. */
  readonly refreshImages: boolean
}

export interface DestroyRequest {
  readonly disks: 'keep' | 'delete'
  readonly adopt: ReadonlySet<string>
}

/** A host as the planner sees it. */
export interface HostFacts {
  readonly spec: HostSpec
  readonly can: Capabilities
  readonly observed: ObservedHost
  /** Image ids that are in the cache and verified, with the sizes known. */
  readonly cachedImages: ReadonlyMap<
    string,
    { readonly sizeBytes: number; readonly virtualSizeBytes: number; readonly volume: string }
  >
}

export interface PlanInput {
  readonly spec: ResolvedSpec
  /** The instances to work on: all, or those named. */
  readonly instances: readonly InstanceSpec[]
  readonly hosts: ReadonlyMap<string, HostFacts>
}

/** What a plan of `apply` is made from. */
export interface ApplyInput extends PlanInput {
  /** Secrets that cannot be read, by instance. */
  readonly missingSecrets: ReadonlyMap<string, readonly MissingSecret[]>
}

export interface MissingSecret {
  readonly message: string
  readonly hint: string
}
