import type { SpecDocument } from '@vmwright/contract'
import type { Report } from './report.ts'
import { isSession, systemFolder } from './hosts.ts'
import type { HostSpec, ImagePolicy } from './resolved.ts'
import type { PoolSpec } from './resolved-places.ts'
import { toMs } from './quantity.ts'

const dayMs = 86_400_000

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
    return [
      {
        id: 'instances',
        kind: 'path',
        name: 'vmwright-instances',
        path: `${folder}/instances`,
        permissions: undefined,
      },
    ]
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
      ? {
          id,
          kind: 'path',
          name: name ?? `vmwright-${id}`,
          path: path ?? `${systemFolder}/instances`,
          permissions: undefined,
        }
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
