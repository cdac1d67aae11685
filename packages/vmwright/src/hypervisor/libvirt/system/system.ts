import { hostShell, whyNoShell } from '../host-shell.ts'
import type { HostSpec } from '../../../spec/resolved.ts'
import type { HostSystem } from '../../host/system.ts'
import { hostBridges } from './bridges/bridges.ts'
import { hostItems } from './items/items.ts'
import { hostNetwork } from './network/network.ts'
import { hostRecords } from './records/records.ts'
import { hostRules } from './rules/rules.ts'

/** The Linux host of a libvirt, by a shell on it. Nothing is opened before it is used. */
export function hostSystem(spec: HostSpec): HostSystem {
  const shell = hostShell(spec)
  return {
    host: spec.name,
    whyNot: whyNoShell(spec.uri),
    items: hostItems(shell),
    network: hostNetwork(shell),
    rules: hostRules(shell),
    bridges: hostBridges(shell),
    records: hostRecords(shell),
  }
}
