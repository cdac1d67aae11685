import type { HostDocument, SpecDocument } from '@vmwright/contract'
import type { Report } from './report.ts'
import type { HostSpec, ImagePolicy, NetworkSpec, PoolSpec } from './resolved.ts'
import { toMs } from './quantity.ts'

const systemFolder = '/var/lib/libvirt/images/vmwright'
const dayMs = 86_400_000

/** Hosts, with the defaults of each kind of connection. `dataFolder` is that of the user, for session hosts. */
export function resolveHosts(document: SpecDocument, dataFolder: string): readonly HostSpec[] {
  const hosts: Readonly<Record<string, HostDocument>> = document.hosts ?? {}
  const given = Object.entries(hosts)
  return (given.length === 0 ? [['local', {}] as const] : given).map(
    ([name, host]: readonly [string, HostDocument]) => {
      const uri = host.uri ?? 'qemu:///system'
      return {
        name,
        uri,
        acceleration: host.acceleration ?? 'require-kvm',
        parallel: host.parallel ?? 4,
        imageCachePath: host.imageCache ?? `${isSession(uri) ? dataFolder : systemFolder}/cache`,
        startInactiveNetworks: host.startInactiveNetworks ?? false,
        runtimeUser: undefined,
        repairAccess: false,
        login: undefined,
      }
    },
  )
}

const isSession = (uri: string): boolean => /^[^:]+:\/\/[^/]*\/session(\?|$)/.test(uri)

export function resolveNetworks(document: SpecDocument): readonly NetworkSpec[] {
  const networks = Object.entries(document.networks ?? {})
  return networks.length === 0
    ? [{ id: 'default', use: 'default' }]
    : networks.map(([id, { use }]) => ({ id, use }))
}

export function resolvePools(
  document: SpecDocument,
  hosts: readonly HostSpec[],
  dataFolder: string,
  report: Report,
): readonly PoolSpec[] {
  const pools = Object.entries(document.pools ?? {})
  if (pools.length === 0) {
    const sessions = hosts.filter((host) => isSession(host.uri)).length
    if (sessions > 0 && sessions < hosts.length) {
      report.atKey(
        ['hosts'],
        'has system and session hosts, and they have no default pool in common',
        'Declare `pools` with a `path`.',
      )
    }
    const folder = sessions > 0 ? dataFolder : systemFolder
    return [{ id: 'instances', kind: 'path', name: 'vmwright-instances', path: `${folder}/instances` }]
  }
  return pools.map(([id, { use, path, name }]) => {
    const at = ['pools', id]
    if (use !== undefined && path !== undefined) {
      report.at(
        [...at, 'use'],
        'cannot stand beside `path`',
        '`use` names an existing pool, `path` makes one.',
      )
    }
    if (
      use === undefined &&
      path === undefined &&
      !report.isWritten([...at, 'use']) &&
      !report.isWritten([...at, 'path'])
    ) {
      report.atKey(
        at,
        'needs `path` or `use`',
        'Write `path: /srv/vms`, or `use:` with the name of a libvirt pool.',
      )
    }
    if (use !== undefined && name !== undefined) {
      report.at([...at, 'name'], 'belongs to `path`', 'With `use`, the pool has the name given there.')
    }
    return use === undefined
      ? { id, kind: 'path', name: name ?? `vmwright-${id}`, path: path ?? `${systemFolder}/instances` }
      : { id, kind: 'use', name: use }
  })
}

export function resolveImagePolicy(policy: NonNullable<SpecDocument['imagePolicy']> = {}): ImagePolicy {
  const { refresh } = policy
  return {
    refresh:
      refresh === 'always' || refresh === 'never'
        ? { kind: refresh }
        : { kind: 'older-than', maxAgeMs: refresh === undefined ? dayMs : toMs(refresh) },
    verifyCached: policy.verifyCached ?? true,
    repair: policy.repair ?? false,
    allowNocloud: policy.allowNocloud ?? false,
  }
}
