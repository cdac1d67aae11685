import { calls, errorCode, type StoragePool } from '@vmwright/libvirt'
import { basename, dirname } from 'node:path'
import type { Progress } from '../../lib/progress.ts'
import type { Session } from './session.ts'
import { volumeXml } from './volume-xml.ts'
import { deleteVolume, readVolume, refreshPool } from './volumes.ts'

/** Makes an overlay empty again: what was written since it was put over its base is gone. Safe to repeat. */
export async function resetOverlay(
  session: Session,
  progress: Progress,
  path: string,
  base: { readonly path: string; readonly format: string },
): Promise<void> {
  const purpose = { object: path, doing: `empty the disk ${path}` }
  const { vol } = await session.call(progress, calls.storageVolLookupByPath, { path: base.path }, purpose)
  const { capacityBytes } = await readVolume(session, progress, vol)
  const pool = await poolOfFolder(session, progress, dirname(path))
  const name = basename(path)
  await deleteVolume(session, progress, { pool: pool.name, name })
  const xml = volumeXml({ name, capacityBytes, format: 'qcow2', mode: '0600', backing: base })
  await session.call(progress, calls.storageVolCreateXml, { pool, xml }, purpose)
}

/** Makes the folder's pool know files that libvirt itself put there. */
export async function refreshFolder(session: Session, progress: Progress, folder: string): Promise<void> {
  await refreshPool(session, progress, (await poolOfFolder(session, progress, folder)).name)
}

/** Deletes a file of the folder's pool; nothing to do when it is not there. */
export async function deleteFile(session: Session, progress: Progress, path: string): Promise<void> {
  const pool = await poolAt(session, progress, dirname(path))
  if (pool === undefined) return
  await refreshPool(session, progress, pool.name)
  await deleteVolume(session, progress, { pool: pool.name, name: basename(path) })
}

/** `undefined`: no pool has this folder. */
export async function poolAt(
  session: Session,
  progress: Progress,
  path: string,
): Promise<StoragePool | undefined> {
  const purpose = { object: path, doing: `find the pool at ${path}`, absent: [errorCode.noStoragePool] }
  return (await session.callUnless(progress, calls.storagePoolLookupByTargetPath, { path }, purpose))?.pool
}

async function poolOfFolder(session: Session, progress: Progress, path: string): Promise<StoragePool> {
  const purpose = { object: path, doing: `find the pool at ${path}` }
  return (await session.call(progress, calls.storagePoolLookupByTargetPath, { path }, purpose)).pool
}
