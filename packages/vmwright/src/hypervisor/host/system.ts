import type { HostBridges } from './bridges.ts'
import type { HostItems } from './items.ts'
import type { HostNetwork } from './network.ts'
import type { HostRecords } from './records.ts'
import type { HostRules } from './rules.ts'

/**
 * The machine below a hypervisor: its packages, services, interfaces and rules. Needs no hypervisor that answers,
 * because preparing one is part of it. Every method throws `host.no-shell` where `whyNot` says why,
 * `host.unreachable`, and `host.timeout`.
 */
export interface HostSystem {
  readonly host: string
  /** Why nothing can be run on the host itself; `undefined`: it can. */
  readonly whyNot: string | undefined
  readonly items: HostItems
  readonly network: HostNetwork
  readonly rules: HostRules
  readonly bridges: HostBridges
  readonly records: HostRecords
}
