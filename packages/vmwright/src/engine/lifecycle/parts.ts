import type { LayerName, LayerNote } from '../../snapshots/layers.ts'
import type { ObservedSnapshot } from '../../hypervisor/snapshots.ts'
import type { GuestAccess } from '../../hypervisor/guest-access.ts'
import type { Secret, SecretRef } from '../../lib/secret.ts'
import type {
  ConnectionSpec,
  LifecycleAction,
  LifecycleSpec,
  PhaseName,
} from '../../spec/resolved-lifecycle.ts'
import type { GuestChannel } from '../../guest/channel.ts'
import type { Progress } from '../../lib/progress.ts'

export interface ConnectorContext {
  readonly name: string
  readonly connection: ConnectionSpec
  readonly access: GuestAccess
  readonly login: {
    readonly user: string
    readonly hostKeys: readonly string[]
    readonly privateKey: Secret | undefined
    readonly identityFile: string | undefined
  }
  readonly jumps: readonly unknown[]
  readSecret(ref: SecretRef): Promise<Secret>
}

export interface GuestConnector {
  readonly kind: 'ssh' | 'agent' | 'winrm'
  readonly description: string
  open(progress: Progress): Promise<GuestChannel>
  awaitReachable(progress: Progress): Promise<void>
  ansible(
    progress: Progress,
    folder: string,
  ): Promise<{
    readonly inventory: Readonly<Record<string, unknown>>
    readonly files: readonly string[]
  }>
}

export type LayerKeys = Readonly<
  Record<LayerName, { readonly key: string; readonly inputs: Readonly<Record<string, string>> }>
>

export interface DecideRequest {
  readonly project: string
  readonly revision: LifecycleSpec['revision']
  readonly allowed: readonly LifecycleAction[]
  readonly keys: LayerKeys
  /** That exist. */
  readonly phases: readonly PhaseName[]
  readonly observed: readonly ObservedSnapshot[]
  readonly memory: boolean
}

export interface Decision {
  readonly restore:
    { readonly layer: LayerName; readonly snapshot: string; readonly memory: boolean } | undefined
  /** Own snapshots that no longer hold and must go before new ones of that name are made. */
  readonly discard: readonly string[]
  readonly run: readonly PhaseName[]
  readonly create: readonly {
    readonly layer: LayerName
    readonly snapshot: string
    readonly note: LayerNote
    readonly after: 'startup' | 'dependencies' | 'init'
  }[]
  readonly reasons: readonly {
    readonly layer: LayerName
    readonly outcome: 'hit' | 'miss' | 'not-allowed'
    readonly because: string
  }[]
}
