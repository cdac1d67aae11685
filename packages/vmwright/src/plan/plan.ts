import type { ErrorCode, ErrorReport } from '@vmwright/contract'
import type { Capabilities, ObservedHost } from '../hypervisor/contract.ts'
import type { AccessReport } from '../hypervisor/host-files.ts'
import type { HostNetworkFacts } from '../hypervisor/host/network.ts'
import type { HostCensus } from '../hypervisor/host/records.ts'
import type { ObservedRules } from '../hypervisor/host/rules.ts'
import type { HostSpec, InstanceSpec, ResolvedSpec } from '../spec/resolved.ts'
import type { TemplateFacts } from '../templates/facts.ts'
import type { Step } from './steps.ts'

export type { Step, StepKind } from './steps.ts'

/**
 * What is there and what is wanted, frozen into steps. The preview is this plan and `apply` runs exactly it.
 * Making it is pure: same spec, same observation, same request, same plan.
 */
export interface Plan {
  readonly project: string
  /** `preflight` has findings alone. */
  readonly stage: Stage
  readonly changes: readonly Change[]
  /** What happens to networks, pools, rules and the hosts themselves; only where something happens. */
  readonly resources: readonly ResourceChange[]
  /** In an order in which each comes after those it waits for. */
  readonly steps: readonly Step[]
  /** All that speaks against the plan, found before anything is done. An error stops `apply`. */
  readonly findings: readonly Finding[]
  /** The templates that it looked at. */
  readonly templates: readonly PlannedTemplate[]
}

export interface PlannedTemplate {
  readonly host: string
  readonly template: string
  readonly domain: string
  /** T8. `earlier`: it is still what it was when all its checks were passed. */
  readonly validated: 'now' | 'earlier'
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

/** What happens to something that instances share. */
export interface ResourceChange {
  readonly kind: 'network' | 'rules' | 'pool' | 'host-item' | 'host-bridge'
  readonly name: string
  readonly host: string
  readonly action: 'create' | 'start' | 'update' | 'restart' | 'remove' | 'restore' | 'blocked'
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
  /** Networks that may be restarted although machines are connected. */
  readonly restartNetworks: ReadonlySet<string>
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
  /** By id: the templates of the instances that are worked on. */
  readonly templates: ReadonlyMap<string, TemplateFacts>
  /** Why files cannot be written into disks on this host; `undefined`: they can, or nobody needs it. */
  readonly whyNoEdit: string | undefined
  /** T9. Whether the user that runs guests reaches what new machines need; `undefined`: not looked at. */
  readonly access: AccessReport | undefined
  /** Interfaces, routes and packet filter; `undefined`: no own network is wanted there, or it cannot be seen. */
  readonly network: HostNetworkFacts | undefined
  /** Rules of our own that are on the host; empty where these cannot be seen. */
  readonly rules: readonly ObservedRules[]
  /** What is on the host while nothing of the project is; `undefined`: something is, or nobody is going to make anything. */
  readonly untouched: HostCensus | undefined
}

export interface PlanInput {
  readonly spec: ResolvedSpec
  /** The instances to work on: all, or those named. */
  readonly instances: readonly InstanceSpec[]
  readonly hosts: ReadonlyMap<string, HostFacts>
  /** Hosts that could not be reached, with the error: their instances are blocked, the others go on (K12). */
  readonly unreachable: ReadonlyMap<string, ErrorReport>
  /** Instances that nothing can be done about, by name, each with why; and what was found when they were placed. */
  readonly placement: {
    readonly blocked: ReadonlyMap<string, string>
    readonly findings: readonly Finding[]
  }
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
