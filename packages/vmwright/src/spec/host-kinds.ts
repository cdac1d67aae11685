import { isHyperv, isSession } from './hosts.ts'
import type { Report } from './report.ts'
import type { HostSpec, InstanceSpec } from './resolved.ts'
import type { NetworkSpec, PoolSpec } from './resolved-places.ts'

interface Places {
  readonly hosts: readonly HostSpec[]
  readonly networks: readonly NetworkSpec[]
  readonly pools: readonly PoolSpec[]
}

/** K3, K4. Networks and pools that are made need a libvirt that is that of the system. Tells each once. */
export function checkHostKinds(
  instances: readonly InstanceSpec[],
  { hosts, networks, pools }: Places,
  report: Report,
): void {
  const told = new Set<string>()
  const unfit = new Map(
    hosts.flatMap((host) => (whyUnfit(host) === undefined ? [] : [[host.name, host] as const])),
  )
  for (const instance of instances) {
    const host = (instance.placement?.hosts ?? [instance.host]).flatMap((name) => unfit.get(name) ?? [])[0]
    if (host === undefined) continue
    const tell = (kind: 'networks' | 'pools', id: string, field: string): void => {
      const key = `${kind} ${id} ${host.name}`
      if (told.has(key)) return
      told.add(key)
      report.at(
        [kind, id, field],
        `cannot be made on \`${host.name}\`, which ${whyUnfit(host) ?? ''}`,
        kind === 'networks'
          ? 'Use a network that exists there, or a host with `qemu:///system`.'
          : 'Use `path`, or a host with `qemu:///system`.',
      )
    }
    for (const { network: id } of instance.interfaces)
      if (networks.some((network) => network.id === id && network.own !== undefined))
        tell('networks', id, 'mode')
    const pool = pools.find(({ id }) => id === instance.pool)
    if (pool?.kind === 'logical') tell('pools', pool.id, 'volumeGroup')
    if (pool?.kind === 'netfs') tell('pools', pool.id, 'netfs')
  }
}

const whyUnfit = (host: HostSpec): string | undefined =>
  isHyperv(host) ? 'is a Hyper-V host' : isSession(host.uri) ? "is a user's own libvirt" : undefined
