import type { PoolDocument, SpecDocument } from '@vmwright/contract'
import { isSession, systemFolder } from './hosts.ts'
import type { Path } from './node.ts'
import { normalisePath } from './path.ts'
import type { Report } from './report.ts'
import type { HostSpec } from './resolved.ts'
import type { PoolPermissions, PoolSpec } from './resolved-places.ts'

/** K3. Pools that exist, and those that vmwright makes. */
export function resolvePools(
  document: SpecDocument,
  hosts: readonly HostSpec[],
  dataFolder: string,
  report: Report,
): readonly PoolSpec[] {
  const documents = Object.entries(document.pools ?? {})
  if (documents.length === 0) return [defaultPool(hosts, dataFolder, report)]
  const pools = documents.map(([id, pool]) => {
    const at = ['pools', id]
    checkFields(pool, at, report)
    return resolvePool(id, pool, at, report)
  })
  checkPlaces(pools, report)
  return pools
}

function defaultPool(hosts: readonly HostSpec[], dataFolder: string, report: Report): PoolSpec {
  const sessions = hosts.filter((host) => isSession(host.uri)).length
  if (sessions > 0 && sessions < hosts.length) {
    report.atKey(
      ['hosts'],
      'has system and session hosts, and they have no default pool in common',
      'Declare `pools` with a `path`.',
    )
  }
  const folder = sessions > 0 ? dataFolder : systemFolder
  return {
    id: 'instances',
    kind: 'path',
    name: 'vmwright-instances',
    path: `${folder}/instances`,
    permissions: undefined,
  }
}

type Field = keyof PoolDocument
type Kind = PoolSpec['kind']

/** The field that decides what a pool is, strongest first, and those that may stand beside it. */
const kinds: readonly {
  readonly kind: Kind
  readonly field: Field
  readonly beside: readonly Field[]
  readonly what: string
}[] = [
  { kind: 'use', field: 'use', beside: [], what: '`use` names an existing pool' },
  {
    kind: 'logical',
    field: 'volumeGroup',
    beside: ['name', 'devices'],
    what: '`volumeGroup` keeps disks as logical volumes',
  },
  { kind: 'netfs', field: 'netfs', beside: ['name', 'path'], what: '`netfs` mounts a share at `path`' },
  {
    kind: 'path',
    field: 'path',
    beside: ['name', 'mode', 'owner', 'group'],
    what: '`path` makes one in a folder',
  },
]

function checkFields(pool: PoolDocument, at: Path, report: Report): void {
  const kind = kinds.find(({ field }) => pool[field] !== undefined)
  const told = kinds.some(({ field }) => report.isWritten([...at, field]))
  if (kind === undefined) {
    if (!told)
      report.atKey(
        at,
        'needs `path` or `use`',
        'Write `path: /srv/vms`, or `use:` with the name of a libvirt pool. There are `volumeGroup` and `netfs` too.',
      )
    return
  }
  for (const field of Object.keys(pool) as Field[]) {
    if (pool[field] === undefined || field === kind.field || kind.beside.includes(field)) continue
    report.at([...at, field], `cannot stand beside \`${kind.field}\``, `${kind.what}. Remove one of the two.`)
  }
  if (kind.kind === 'netfs' && !report.isWritten([...at, 'path']))
    report.atKey([...at, 'netfs'], 'needs `path` beside it', 'Write where the share is mounted on the host.')
}

function resolvePool(id: string, pool: PoolDocument, at: Path, report: Report): PoolSpec {
  const { use, volumeGroup, netfs } = pool
  if (use !== undefined) return { id, kind: 'use', name: use }
  const name = pool.name ?? `vmwright-${id}`
  if (volumeGroup !== undefined)
    return { id, kind: 'logical', name, volumeGroup, devices: (pool.devices ?? []).map(normalisePath) }
  const path = pool.path ?? `${systemFolder}/instances`
  if (netfs !== undefined) {
    const { server, folder, format = 'auto' } = netfs
    if (format !== 'cifs' && format !== 'glusterfs' && !folder.startsWith('/'))
      report.at([...at, 'netfs', 'folder'], 'must be an absolute path for NFS', 'Begin it with `/`.')
    return { id, kind: 'netfs', name, path, server, folder, format }
  }
  return { id, kind: 'path', name, path, permissions: permissionsOf(pool, at, report) }
}

function permissionsOf(
  { mode, owner, group }: PoolDocument,
  at: Path,
  report: Report,
): PoolPermissions | undefined {
  if (mode === undefined && owner === undefined && group === undefined) return undefined
  const bits = Number.parseInt(mode ?? '0711', 8)
  if ((bits & 0o001) === 0)
    report.at(
      [...at, 'mode'],
      'keeps the guests from their disks unless they run as the owner or in the group',
      "Write '0711', which lets others pass but not look.",
      'warning',
    )
  return { mode: bits, owner, group }
}

/** Two pools never share a name, a folder, a volume group or a device. */
function checkPlaces(pools: readonly PoolSpec[], report: Report): void {
  const seen = new Map<string, string>()
  const claim = (path: Path, what: string, value: string, id: string): void => {
    const other = seen.get(`${what} ${value}`)
    if (other !== undefined)
      report.at(path, `${value} is ${what} of the pool \`${other}\` too`, 'Give each pool its own.')
    seen.set(`${what} ${value}`, id)
  }
  for (const pool of pools) {
    const at = ['pools', pool.id]
    claim([...at, pool.kind === 'use' ? 'use' : 'name'], 'the name', pool.name, pool.id)
    if (pool.kind === 'path' || pool.kind === 'netfs')
      claim([...at, 'path'], 'the folder', normalisePath(pool.path), pool.id)
    if (pool.kind !== 'logical') continue
    claim([...at, 'volumeGroup'], 'the volume group', pool.volumeGroup, pool.id)
    for (const [index, device] of pool.devices.entries())
      claim([...at, 'devices', index], 'a device', device, pool.id)
  }
}
