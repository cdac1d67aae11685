import { uuidFromNames } from '../../lib/hash.ts'
import { childrenOf, el, parseXml, textAt, writeXml, type XmlElement } from '../../lib/xml.ts'
import type { PoolDefinition } from '../contract.ts'

/** The UUID of a pool that is made here: making it twice makes the same pool, and it is known for ours. */
export const poolId = (pool: Pick<PoolDefinition, 'name' | 'path'>): string =>
  uuidFromNames('pool', pool.name, pool.path)

/** That of a pool whose volume group is made too, so that it may be removed with the pool. */
export const ownGroupPoolId = (pool: Pick<PoolDefinition, 'name' | 'path'>): string =>
  uuidFromNames('pool', pool.name, pool.path, 'own volume group')

export const isOurPool = (id: string, pool: Pick<PoolDefinition, 'name' | 'path'>): boolean =>
  id === poolId(pool) || id === ownGroupPoolId(pool)

/** A pool as libvirt defines it (formatstorage.html). */
export function poolXml(pool: PoolDefinition, id = poolId(pool)): string {
  return writeXml(
    el(
      'pool',
      { type: pool.source?.kind ?? 'dir' },
      el('name', {}, pool.name),
      el('uuid', {}, id),
      source(pool),
      el('target', {}, el('path', {}, pool.path), permissions(pool)),
    ),
  )
}

function source({ source: from }: PoolDefinition): XmlElement | undefined {
  switch (from?.kind) {
    case undefined:
      return undefined
    case 'logical':
      return el(
        'source',
        {},
        ...from.devices.map((path) => el('device', { path })),
        el('name', {}, from.volumeGroup),
        el('format', { type: 'lvm2' }),
      )
    case 'netfs':
      return el(
        'source',
        {},
        el('host', { name: from.server }),
        el('dir', { path: from.folder }),
        el('format', { type: from.format }),
      )
  }
}

/**
 * Without them libvirt makes a new folder with mode 0711, and leaves an existing one as it is; with them it also
 * sets those of an existing one.
 */
function permissions({ permissions: wanted }: PoolDefinition): XmlElement | undefined {
  if (wanted === undefined) return undefined
  const { mode, owner, group } = wanted
  return el(
    'permissions',
    {},
    el('mode', {}, `0${mode.toString(8)}`),
    owner === undefined ? undefined : el('owner', {}, String(owner)),
    group === undefined ? undefined : el('group', {}, String(group)),
  )
}

/** The folder of a pool; `undefined` for pools without one (iSCSI, RBD, …). */
export const parsePoolPath = (xml: string): string | undefined => textAt(parseXml(xml), 'target', 'path')

/** Names in what `virConnectFindStoragePoolSources` answers. */
export const parseSourceNames = (xml: string): readonly string[] =>
  childrenOf(parseXml(xml), 'source').flatMap((source) => textAt(source, 'name') ?? [])
