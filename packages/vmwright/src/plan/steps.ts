import type { PoolDefinition, VolumeRef } from '../hypervisor/contract.ts'
import type { AccessRepair } from '../hypervisor/host-files.ts'
import type { BridgeDefinition } from '../hypervisor/host/bridges.ts'
import type { HostChange, HostItem } from '../hypervisor/host/items.ts'
import type { HostCensus } from '../hypervisor/host/records.ts'
import type { RuleOwner, RuleSet } from '../hypervisor/host/rules.ts'
import type { NetworkDefinition, NetworkMark } from '../hypervisor/networks.ts'
import type { ImageSpec } from '../spec/resolved.ts'
import type { DiskPlan, TemplateDisk, TemplatePlan, VmPlan } from './vm-plan.ts'

interface StepBase {
  readonly id: string
  readonly host: string
  readonly instance?: string
  readonly title: string
  readonly reason: string
  readonly after: readonly string[]
  /** Present: it runs once those that it waits for have ended, however they ended. */
  readonly evenAfterFailure?: true
}

export type Step = StepBase &
  (
    | { readonly kind: 'fetch-image'; readonly image: ImageSpec }
    | { readonly kind: 'place-image'; readonly image: ImageSpec; readonly pool: PoolDefinition }
    | { readonly kind: 'ensure-pool'; readonly pool: PoolDefinition }
    | { readonly kind: 'start-network'; readonly network: string }
    /** What was there before the project's first change, kept on the host. */
    | { readonly kind: 'record-host'; readonly record: HostCensus }
    | { readonly kind: 'ensure-network'; readonly network: NetworkDefinition }
    | {
        readonly kind: 'update-network'
        readonly network: NetworkDefinition
        readonly how: 'live' | 'restart'
      }
    | { readonly kind: 'remove-network'; readonly network: NetworkMark & { readonly name: string } }
    /** Interfaces of a running machine that lost their network are attached again. */
    | { readonly kind: 'reattach-vm'; readonly vm: string }
    | { readonly kind: 'apply-rules'; readonly rules: RuleSet }
    | { readonly kind: 'remove-rules'; readonly owner: RuleOwner }
    | { readonly kind: 'change-item'; readonly item: HostItem }
    | { readonly kind: 'restore-item'; readonly change: HostChange }
    | { readonly kind: 'make-bridge'; readonly bridge: BridgeDefinition }
    | { readonly kind: 'remove-bridge'; readonly bridge: BridgeDefinition }
    | { readonly kind: 'probe-acceleration' }
    /** `fresh`: a new creation with a new identity. `update`: same identity, changed definition. `reseed`: new instance-id and keys. */
    | { readonly kind: 'define-vm'; readonly vm: VmPlan; readonly mode: 'fresh' | 'update' | 'reseed' }
    | {
        readonly kind: 'create-disk'
        readonly vm: VmPlan
        readonly disk: DiskPlan
        readonly existing: 'keep' | 'replace'
      }
    /** Only gracefully. `restart` is noted first, so that whoever comes next starts it again. */
    | { readonly kind: 'shut-down-template'; readonly template: TemplatePlan; readonly restart: boolean }
    | { readonly kind: 'start-template'; readonly domain: string }
    | { readonly kind: 'protect-template'; readonly paths: readonly string[] }
    | { readonly kind: 'release-template'; readonly paths: readonly string[] }
    | {
        readonly kind: 'clone-disk'
        readonly template: TemplatePlan
        readonly disk: DiskPlan
        readonly from: TemplateDisk
        readonly existing: 'keep' | 'replace'
      }
    | { readonly kind: 'edit-disks'; readonly vm: VmPlan }
    | { readonly kind: 'empty-workspace'; readonly path: string }
    | { readonly kind: 'repair-access'; readonly repairs: readonly AccessRepair[] }
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
