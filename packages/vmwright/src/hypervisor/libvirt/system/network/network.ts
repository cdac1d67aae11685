import { ProvisionError } from '../../../../lib/errors.ts'
import type { HostNetwork, HostNetworkFacts } from '../../../host/network.ts'
import type { HostShell } from '../../host-shell.ts'
import { readSections, type Sections } from '../sections.ts'
import { parseDnsListeners } from './dns-listeners.ts'
import { parseFirewall } from './firewall.ts'
import { parseInterfaces, parseRoutes } from './interfaces.ts'
import { parsePlainInterfaces, parsePlainRoutes } from './plain.ts'
import { networkScript } from './script.ts'

export function hostNetwork(shell: HostShell): HostNetwork {
  return {
    async read(progress) {
      const sections = await readSections(shell, progress, {
        script: networkScript,
        effect: { kind: 'shell.read-network', object: shell.host, mutates: false },
      })
      try {
        return factsIn(sections)
      } catch (cause) {
        throw new ProvisionError('host.operation-failed', {
          message: `Could not understand what \`ip\` says of the network of host ${shell.host}.`,
          hint: 'See whether `ip -j addr` and `ip -j route` work on that host.',
          details: { host: shell.host },
          cause,
        })
      }
    },
  }
}

/** Pure. Throws for text that is not what the tools write. */
export function factsIn(sections: Sections): HostNetworkFacts {
  const isPlain = sections.of('plain-links').length > 0
  return {
    interfaces: isPlain
      ? parsePlainInterfaces(sections.of('plain-links'), sections.of('plain-addresses'))
      : parseInterfaces(sections.of('addresses')),
    routes: (['v4', 'v6'] as const).flatMap((family) =>
      isPlain
        ? parsePlainRoutes(sections.of(`plain-routes-${family}`), family)
        : parseRoutes(sections.of(`routes-${family}`), family),
    ),
    dnsListeners: parseDnsListeners(sections.of('dns')),
    firewall: parseFirewall(sections),
  }
}
