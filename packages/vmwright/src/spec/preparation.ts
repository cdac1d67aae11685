import type { HostDocument } from '@vmwright/contract'
import type { Path } from './node.ts'
import { toMs } from './quantity.ts'
import type { Report } from './report.ts'
import { type HostBridgeSpec, noPreparation, type PreparationSpec } from './resolved-places.ts'

/** K2, K5. What a host is made to be. */
export function resolvePreparation(
  prepare: HostDocument['prepare'],
  at: Path,
  report: Report,
): PreparationSpec {
  if (prepare === undefined) return noPreparation
  return {
    packages: unique(prepare.packages),
    sysctls: Object.fromEntries(
      Object.entries(prepare.sysctls ?? {}).map(([name, value]) => [name, settingText(value)]),
    ),
    modules: unique(prepare.modules),
    users: unique(prepare.users),
    firewallBackend: prepare.firewallBackend,
    bridges: resolveBridges(prepare.bridges ?? {}, [...at, 'bridges'], report),
  }
}

const unique = (names: readonly string[] = []): readonly string[] => [...new Set(names)]

/** The kernel has no `true`. */
const settingText = (value: string | number | boolean): string =>
  typeof value === 'boolean' ? (value ? '1' : '0') : String(value)

function resolveBridges(
  bridges: NonNullable<NonNullable<HostDocument['prepare']>['bridges']>,
  at: Path,
  report: Report,
): readonly HostBridgeSpec[] {
  const owners = new Map<string, string>()
  return Object.entries(bridges).map(([name, bridge]) => {
    const path = [...at, name, 'interface']
    const owner = owners.get(bridge.interface)
    if (owner !== undefined)
      report.at(
        path,
        `is in the bridge \`${owner}\` too`,
        'An interface is in one bridge: remove one of the two.',
      )
    if (Object.hasOwn(bridges, bridge.interface))
      report.at(path, 'is itself a bridge of this host', 'Write the physical interface.')
    owners.set(bridge.interface, name)
    const confirmWithinMs = toMs(bridge.confirmWithin ?? '60s')
    if (confirmWithinMs < 10_000)
      report.at(
        [...at, name, 'confirmWithin'],
        'is too short for a host to come back',
        'Give it at least 10s; 60s leaves time for spanning tree.',
      )
    return {
      name,
      interface: bridge.interface,
      stp: bridge.stp ?? false,
      confirmWithinMs,
      mayCarryDefaultRoute: bridge.allowDefaultRoute ?? false,
    }
  })
}
