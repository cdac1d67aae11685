import type { StepRun } from '@vmwright/contract'
import type { ConnectorContext, GuestConnector } from '../../guest/connector.ts'
import type { Progress } from '../../lib/progress.ts'
import type { PhaseSearch } from '../../phases/find.ts'
import type { Phase, PhaseInputs, Phases } from '../../phases/phase.ts'
import type { PhaseContext } from '../../phases/run.ts'
import type { Results } from '../../results/results.ts'
import type { HostSpec } from '../../spec/resolved.ts'
import type { SessionServices } from '../session.ts'

/** What a run of lifecycles is made of. Tests plug in phases of their own; the entry points the real ones. */
export interface LifecycleServices {
  readonly session: SessionServices
  readonly connectorOf: (context: ConnectorContext) => GuestConnector
  readonly findPhases: (progress: Progress, search: PhaseSearch) => Promise<Phases>
  readonly collectInputs: (
    progress: Progress,
    phase: Phase,
    options: { readonly folder: string | undefined },
  ) => Promise<PhaseInputs>
  readonly runPhase: (progress: Progress, phase: Phase, context: PhaseContext) => Promise<readonly StepRun[]>
  readonly openResults: (progress: Progress) => Promise<Results>
  /** Private key, on this machine, that guests with the own key accept. */
  readonly identityFile: string
  /** The `known_hosts` of the person who runs this; empty where there is none. */
  readonly knownHosts: () => Promise<string>
  /** G9. A host that is a guest, as it can be reached from here. */
  readonly nestedHost: (progress: Progress, host: HostSpec, login: NestedLogin) => Promise<HostSpec>
  /** Holds a name on this machine until disposed or dead. Throws `host.locked` at the deadline. */
  readonly hold: (progress: Progress, key: string, holder: string) => Promise<AsyncDisposable>
}

/** How to log in to a guest that is a hypervisor. */
export interface NestedLogin {
  readonly instance: string
  readonly user: string
  readonly addresses: readonly string[]
  readonly port: number
  readonly hostKeys: readonly string[]
  /** The host that the guest is on. */
  readonly outer: HostSpec
}
