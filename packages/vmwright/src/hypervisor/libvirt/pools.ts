import { calls, errorCode, type StoragePool } from '@vmwright/libvirt'
import { ProvisionError } from '../../lib/errors.ts'
import type { Progress } from '../../lib/progress.ts'
import type { PoolDefinition } from '../contract.ts'
import { isPartial } from './clone-script.ts'
import { isOurPool, ownGroupPoolId, parsePoolPath, parseSourceNames, poolId, poolXml } from './pool-xml.ts'
import { mapParallel, type Session } from './session.ts'

/**
 * Makes the pool over its folder (and the folder), started now and with the host, or finds it as wanted. Throws
 * `pool.not-found` when a pool of that name has another folder, another pool has that folder, or there is no such
 * volume group and no device to make it of. Safe to repeat after any interruption: a defined pool that is not active is built and started.
 */
export async function ensurePool(
  session: Session,
  progress: Progress,
  wanted: PoolDefinition,
): Promise<void> {
  const purpose = { object: wanted.name, doing: `make pool ${wanted.name}` }
  const lookup = { ...purpose, absent: [errorCode.noStoragePool] }
  const found = await session.callUnless(
    progress,
    calls.storagePoolLookupByName,
    { name: wanted.name },
    lookup,
  )
  if (found === undefined) await refuseSharedFolder(session, progress, wanted)
  else await refuseOtherFolder(session, progress, wanted, found.pool)
  const pool = found?.pool ?? (await definePool(session, progress, wanted))
  const [{ active }, { autostart }] = await Promise.all([
    session.call(progress, calls.storagePoolIsActive, { pool }, purpose),
    session.call(progress, calls.storagePoolGetAutostart, { pool }, purpose),
  ])
  if (!active) await buildAndStart(session, progress, wanted, pool)
  if (!autostart)
    await session.call(progress, calls.storagePoolSetAutostart, { pool, autostart: true }, purpose)
}

/** A volume group that is there already is somebody's: only one that is made with the pool has the pool's mark. */
async function definePool(
  session: Session,
  progress: Progress,
  wanted: PoolDefinition,
): Promise<StoragePool> {
  const purpose = { object: wanted.name, doing: `make pool ${wanted.name}` }
  const isNew =
    wanted.source?.kind === 'logical' &&
    !(await hasVolumeGroup(session, progress, wanted.name, wanted.source.volumeGroup))
  const xml = poolXml(wanted, isNew ? ownGroupPoolId(wanted) : poolId(wanted))
  return (await session.call(progress, calls.storagePoolDefineXml, { xml }, purpose)).pool
}

async function buildAndStart(
  session: Session,
  progress: Progress,
  wanted: PoolDefinition,
  pool: StoragePool,
): Promise<void> {
  const purpose = { object: wanted.name, doing: `make pool ${wanted.name}` }
  const { source } = wanted
  if (source?.kind !== 'logical') {
    await session.call(progress, calls.storagePoolBuild, { pool }, purpose)
  } else if (!(await hasVolumeGroup(session, progress, wanted.name, source.volumeGroup))) {
    if (source.devices.length === 0 || pool.uuid !== ownGroupPoolId(wanted))
      throw groupMissing(session, wanted)
    await session.call(progress, calls.storagePoolBuild, { pool, flags: buildNoOverwrite }, purpose)
  }
  await session.call(progress, calls.storagePoolCreate, { pool }, purpose)
}

/** `VIR_STORAGE_POOL_BUILD_NO_OVERWRITE`: a device with anything on it is refused. */
const buildNoOverwrite = 4

async function hasVolumeGroup(
  session: Session,
  progress: Progress,
  pool: string,
  group: string,
): Promise<boolean> {
  const purpose = { object: pool, doing: 'list the volume groups' }
  const { xml } = await session.call(
    progress,
    calls.connectFindStoragePoolSources,
    { type: 'logical' },
    purpose,
  )
  return parseSourceNames(xml).includes(group)
}

const groupMissing = (session: Session, { name, path }: PoolDefinition): ProvisionError =>
  new ProvisionError('pool.not-found', {
    message: `Could not make pool ${name} on host ${session.host}: the volume group of ${path} does not exist.`,
    hint: 'Make the volume group on the host, or give the `devices` to make it of.',
    details: { pool: name, path },
  })

/**
 * Removes the pool and its folder when they are empty; nothing to do when there is no such pool, or when it is not
 * the one that `ensurePool` makes. Incomplete clones, which only a loss of power leaves, do not count. A folder with
 * files that are no volumes stays, and so does one that libvirt may not remove. A share is let go whatever is on it,
 * because that is not the pool's. A volume group goes only when it was made with the pool; that of somebody else
 * keeps its pool while it has volumes, because stopping the pool would take them offline. Safe to repeat after any
 * interruption.
 */
export async function removePool(
  session: Session,
  progress: Progress,
  unwanted: PoolDefinition,
): Promise<void> {
  const purpose = { object: unwanted.name, doing: `remove pool ${unwanted.name}` }
  const lookup = { ...purpose, absent: [errorCode.noStoragePool] }
  const found = await session.callUnless(
    progress,
    calls.storagePoolLookupByName,
    { name: unwanted.name },
    lookup,
  )
  if (found === undefined || !isOurPool(found.pool.uuid, unwanted)) return
  const { pool } = found
  // The folder of a stopped pool may hold what libvirt does not tell, or be gone already.
  const folderFails = {
    ...purpose,
    absent: [errorCode.systemError, errorCode.internalError, errorCode.configUnsupported],
  }
  const { active } = await session.call(progress, calls.storagePoolIsActive, { pool }, purpose)
  const isShare = unwanted.source?.kind === 'netfs'
  if (active || (await session.callUnless(progress, calls.storagePoolCreate, { pool }, folderFails))) {
    await session.call(progress, calls.storagePoolRefresh, { pool }, purpose)
    const args = { pool, needResults: 1 }
    const { vols } = await session.call(progress, calls.storagePoolListAllVolumes, args, purpose)
    if (!isShare && vols.some(({ name }) => !isPartial(name))) return
    for (const vol of vols.filter(({ name }) => isPartial(name)))
      await session.call(progress, calls.storageVolDelete, { vol }, purpose)
    await session.call(progress, calls.storagePoolDestroy, { pool }, purpose)
    const isOwn = unwanted.source?.kind !== 'logical' || pool.uuid === ownGroupPoolId(unwanted)
    if (isOwn) await session.callUnless(progress, calls.storagePoolDelete, { pool }, folderFails)
  }
  await session.call(progress, calls.storagePoolUndefine, { pool }, purpose)
}

async function refuseOtherFolder(
  session: Session,
  progress: Progress,
  wanted: PoolDefinition,
  pool: StoragePool,
): Promise<void> {
  const purpose = { object: wanted.name, doing: `read pool ${wanted.name}` }
  const { xml } = await session.call(progress, calls.storagePoolGetXmlDesc, { pool }, purpose)
  const path = parsePoolPath(xml)
  if (path !== undefined && withoutSlash(path) === withoutSlash(wanted.path)) return
  throw new ProvisionError('pool.not-found', {
    message: `Could not make pool ${wanted.name} at ${wanted.path} on host ${session.host}: a pool of that name is at ${path ?? 'no folder'}.`,
    hint: 'Give the pool another name in the spec, or the path that it has.',
    details: { pool: wanted.name, wantedPath: wanted.path, path },
  })
}

/** libvirt allows one pool a folder. Its lookup by path takes active pools only, so all are looked at. */
async function refuseSharedFolder(
  session: Session,
  progress: Progress,
  wanted: PoolDefinition,
): Promise<void> {
  const purpose = { object: wanted.name, doing: 'list the pools' }
  const { pools } = await session.call(
    progress,
    calls.connectListAllStoragePools,
    { needResults: 1 },
    purpose,
  )
  await mapParallel(pools, async (pool) => {
    const reading = { object: pool.name, doing: `read pool ${pool.name}`, absent: [errorCode.noStoragePool] }
    const described = await session.callUnless(progress, calls.storagePoolGetXmlDesc, { pool }, reading)
    const path = described && parsePoolPath(described.xml)
    if (path === undefined || withoutSlash(path) !== withoutSlash(wanted.path)) return
    throw new ProvisionError('pool.not-found', {
      message: `Could not make pool ${wanted.name} at ${wanted.path} on host ${session.host}: pool ${pool.name} has that folder.`,
      hint: `Use pool ${pool.name} in the spec, or another path.`,
      details: { pool: wanted.name, path: wanted.path, holder: pool.name },
    })
  })
}

const withoutSlash = (path: string): string => path.replace(/(?<=.)\/+$/, '')

/** Starts an existing network; nothing to do when it is active. Throws `network.not-found`. */
export async function startNetwork(session: Session, progress: Progress, name: string): Promise<void> {
  const purpose = { object: name, doing: `start network ${name}` }
  const { network } = await session.call(progress, calls.networkLookupByName, { name }, purpose)
  const { active } = await session.call(progress, calls.networkIsActive, { network }, purpose)
  if (!active) await session.call(progress, calls.networkCreate, { network }, purpose)
}
