import { uuidFromNames } from '../../lib/hash.ts'
import { el, parseXml, textAt, writeXml } from '../../lib/xml.ts'
import type { PoolDefinition } from '../contract.ts'

/** The UUID of a pool that is made here: making it twice makes the same pool, and it is known for ours. */
export const poolId = (pool: PoolDefinition): string => uuidFromNames('pool', pool.name, pool.path)

/** A pool over a folder. */
export function poolXml(pool: PoolDefinition): string {
  return writeXml(
    el(
      'pool',
      { type: 'dir' },
      el('name', {}, pool.name),
      el('uuid', {}, poolId(pool)),
      // No permissions: libvirt then makes a new folder with mode 0711, and leaves an existing one as it is.
      el('target', {}, el('path', {}, pool.path)),
    ),
  )
}

/** The folder of a pool; `undefined` for pools without one (iSCSI, RBD, …). */
export const parsePoolPath = (xml: string): string | undefined => textAt(parseXml(xml), 'target', 'path')
