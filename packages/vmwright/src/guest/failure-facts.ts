import type { ErrorCode } from '@vmwright/contract'
import type { VmState } from '../hypervisor/contract.ts'
import type { GuestAddresses } from '../hypervisor/guest-access.ts'
import type { ReadyRung } from '../spec/resolved.ts'
import type { CloudInitOutcome } from './cloud-init-wait.ts'
import type { Finding } from './console.ts'
import type { PortAnswer } from './network.ts'

/** Why the climb ended. */
export type Trigger =
  | { readonly kind: 'timeout' }
  | { readonly kind: 'console'; readonly finding: Finding }
  | { readonly kind: 'stopped' }
  | { readonly kind: 'cloud-init'; readonly outcome: CloudInitOutcome }
  | { readonly kind: 'refused'; readonly code: ErrorCode; readonly message: string }

/** Everything known about a guest that did not become ready. */
export interface Facts {
  readonly instance: string
  readonly rung: ReadyRung
  readonly trigger: Trigger
  readonly elapsedMs: number
  readonly firstBoot: boolean
  readonly state: VmState
  readonly interfaces: readonly { readonly mac: string; readonly network: string; readonly dhcp: boolean }[]
  readonly wantedAddresses: readonly string[]
  readonly addresses: GuestAddresses
  readonly port: number
  readonly portAnswers: Readonly<Record<string, PortAnswer>>
  readonly user: string
  readonly ssh: { readonly code: ErrorCode; readonly message: string } | undefined
  readonly console: {
    /** Why there is nothing to read; `undefined` while it is followed. */
    readonly problem: string | undefined
    readonly tail: readonly string[]
    readonly findings: readonly Finding[]
  }
  /** Warnings and errors of /var/log/cloud-init.log, where they could be read. */
  readonly cloudInitLog: readonly string[]
}
